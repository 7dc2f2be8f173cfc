{% macro business_day_end(date_expression) -%}
    {{ return(adapter.dispatch('business_day_end', 'concord')(date_expression)) }}
{%- endmacro %}

{% macro duckdb__business_day_end(date_expression) -%}
    (
        timezone(
            'UTC',
            timezone(
                '{{ var('business_timezone', 'UTC') }}',
                cast(cast({{ date_expression }} as date) + interval 1 day as timestamp)
            )
        ) - interval 1 microsecond
    )
{%- endmacro %}

{% macro spark__business_day_end(date_expression) -%}
    cast(
        to_utc_timestamp(
            cast(date_add(cast({{ date_expression }} as date), 1) as timestamp),
            '{{ var('business_timezone', 'UTC') }}'
        ) - interval '0.000001' second
        as timestamp_ntz
    )
{%- endmacro %}
