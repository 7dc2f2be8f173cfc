{% macro seconds_between(start_expression, end_expression) -%}
    {{ return(adapter.dispatch('seconds_between', 'concord')(start_expression, end_expression)) }}
{%- endmacro %}

{% macro duckdb__seconds_between(start_expression, end_expression) -%}
    ((epoch_us({{ end_expression }}) - epoch_us({{ start_expression }})) / 1e6)
{%- endmacro %}

{% macro spark__seconds_between(start_expression, end_expression) -%}
    (
        (
            unix_micros(cast({{ end_expression }} as timestamp))
            - unix_micros(cast({{ start_expression }} as timestamp))
        ) / 1e6
    )
{%- endmacro %}
