{% macro url_parameter(url, name) -%}
    {{ return(adapter.dispatch('url_parameter', 'concord')(url, name)) }}
{%- endmacro %}

{#- A broken escape leaves the text as it is, where decoding would raise. -#}
{% macro default__url_parameter(url, name) -%}
    nullif(
        coalesce(
            try(url_decode(
                replace(regexp_extract({{ url }}, '[?&]{{ name }}=([^&#]*)', 1), '+', ' ')
            )),
            regexp_extract({{ url }}, '[?&]{{ name }}=([^&#]*)', 1)
        ),
        ''
    )
{%- endmacro %}

{% macro spark__url_parameter(url, name) -%}
    nullif(
        coalesce(
            try_url_decode(regexp_extract({{ url }}, '[?&]{{ name }}=([^&#]*)', 1)),
            regexp_extract({{ url }}, '[?&]{{ name }}=([^&#]*)', 1)
        ),
        ''
    )
{%- endmacro %}
