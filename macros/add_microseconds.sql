{% macro add_microseconds(timestamp_expression, microseconds_expression) -%}
    {{ return(adapter.dispatch('add_microseconds', 'concord')(
        timestamp_expression, microseconds_expression
    )) }}
{%- endmacro %}

{% macro duckdb__add_microseconds(timestamp_expression, microseconds_expression) -%}
    ({{ timestamp_expression }} + to_microseconds({{ microseconds_expression }}))
{%- endmacro %}

{% macro spark__add_microseconds(timestamp_expression, microseconds_expression) -%}
    timestamp_micros(
        unix_micros(cast({{ timestamp_expression }} as timestamp)) + {{ microseconds_expression }}
    )
{%- endmacro %}
