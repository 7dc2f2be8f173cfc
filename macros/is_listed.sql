{% macro is_listed(value_expression, list_expression) -%}
    position(
        '|' || cast({{ value_expression }} as {{ dbt.type_string() }}) || '|'
        in '|' || {{ list_expression }} || '|'
    ) > 0
{%- endmacro %}
