{#- Of https://user@www.acme.example:8080/path only acme.example is left. -#}
{% macro website_domain(expression) -%}
    nullif(
        regexp_replace(
            regexp_replace(
                regexp_replace(
                    lower({{ trimmed_text(expression) }}), '^([a-z][a-z0-9+.-]*:)?/*([^/@]*@)?', ''
                ),
                '[/?#:].*$',
                ''
            ),
            '^www[0-9]?[.]|[.]$',
            ''
        ),
        ''
    )
{%- endmacro %}
