{#- A cohort is judged as a whole: the window is counted from the end of its last day. -#}
{% macro is_month_mature(entered_at, window_days) -%}
    {{ dbt.dateadd(
        'day', window_days, business_day_end(dbt.last_day(business_date(entered_at), 'month'))
    ) }} <= {{ as_of() }}
{%- endmacro %}
