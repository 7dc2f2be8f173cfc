{#- Whole numbers: seconds as a floating-point number could not tell two close instants apart. -#}
{% macro microseconds_between(start_expression, end_expression) -%}
    {{ return(adapter.dispatch('microseconds_between', 'concord')(start_expression, end_expression)) }}
{%- endmacro %}

{% macro duckdb__microseconds_between(start_expression, end_expression) -%}
    (epoch_us({{ end_expression }}) - epoch_us({{ start_expression }}))
{%- endmacro %}

{% macro spark__microseconds_between(start_expression, end_expression) -%}
    (
        unix_micros(cast({{ end_expression }} as timestamp))
        - unix_micros(cast({{ start_expression }} as timestamp))
    )
{%- endmacro %}
