{% macro rows_digest(hash_expression) -%}
    cast(
        sum(cast({{ hash_expression }} as decimal(38, 0))) as {{ dbt.type_string() }}
    )
{%- endmacro %}
