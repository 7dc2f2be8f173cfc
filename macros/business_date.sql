{% macro business_date(timestamp_expression) -%}
    {{ return(adapter.dispatch('business_date', 'concord')(timestamp_expression)) }}
{%- endmacro %}

{% macro duckdb__business_date(timestamp_expression) -%}
    {%- set time_zone = var('business_timezone', 'UTC') -%}
    {%- if time_zone == 'UTC' -%}
        cast({{ timestamp_expression }} as date)
    {%- else -%}
        cast(
            timezone('{{ time_zone }}', timezone('UTC', {{ timestamp_expression }})) as date
        )
    {%- endif -%}
{%- endmacro %}

{% macro spark__business_date(timestamp_expression) -%}
    cast(
        from_utc_timestamp({{ timestamp_expression }}, '{{ var('business_timezone', 'UTC') }}')
        as date
    )
{%- endmacro %}
