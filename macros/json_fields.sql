{% macro json_fields(relation, columns, json_column) -%}
    {{ return(adapter.dispatch('json_fields', 'concord')(relation, columns, json_column)) }}
{%- endmacro %}

{% macro duckdb__json_fields(relation, columns, json_column) -%}
    select
        {{ columns | join(',\n        ') }},
        unnest(map_keys({{ relation }}.fields)) as field_name,
        unnest(map_values({{ relation }}.fields)) as field_value
    from (
        select
            {{ columns | join(',\n            ') }},
            cast(cast({{ json_column }} as json) as map(varchar, varchar)) as fields
        from {{ relation }}
    ) as {{ relation }}
{%- endmacro %}

{% macro spark__json_fields(relation, columns, json_column) -%}
    select
        {{ columns | join(',\n        ') }},
        explode(from_json({{ json_column }}, 'map<string,string>')) as (field_name, field_value)
    from {{ relation }}
{%- endmacro %}
