{% macro local_time_to_utc(date_expression, time_expression, time_zone_expression) -%}
    {{ return(adapter.dispatch('local_time_to_utc', 'concord')(
        date_expression, time_expression, time_zone_expression
    )) }}
{%- endmacro %}

{% macro duckdb__local_time_to_utc(date_expression, time_expression, time_zone_expression) -%}
    timezone(
        'UTC',
        timezone({{ time_zone_expression }}, {{ date_expression }} + {{ time_expression }})
    )
{%- endmacro %}

{% macro spark__local_time_to_utc(date_expression, time_expression, time_zone_expression) -%}
    to_utc_timestamp(
        to_timestamp(concat(cast({{ date_expression }} as string), ' ', {{ time_expression }})),
        {{ time_zone_expression }}
    )
{%- endmacro %}
