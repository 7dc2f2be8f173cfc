{% macro local_date(timestamp_expression, time_zone_expression) -%}
    {{ return(adapter.dispatch('local_date', 'concord')(
        timestamp_expression, time_zone_expression
    )) }}
{%- endmacro %}

{% macro duckdb__local_date(timestamp_expression, time_zone_expression) -%}
    cast(
        timezone({{ time_zone_expression }}, timezone('UTC', {{ timestamp_expression }})) as date
    )
{%- endmacro %}

{% macro spark__local_date(timestamp_expression, time_zone_expression) -%}
    cast(from_utc_timestamp({{ timestamp_expression }}, {{ time_zone_expression }}) as date)
{%- endmacro %}
