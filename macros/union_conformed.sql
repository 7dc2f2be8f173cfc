{#- Columns are taken by name, so that a model may carry more than the union asks for. -#}
{% macro union_conformed(model_names, columns) -%}
    {%- for model_name in model_names %}
    select
        {{ columns | join(',\n        ') }}
    from {{ ref(model_name) }}
    {%- if not loop.last %}

    union all
    {% endif %}
    {%- endfor %}
{%- endmacro %}
