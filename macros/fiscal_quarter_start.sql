{% macro fiscal_quarter_start(date_expression) -%}
    cast(
        {{ dbt.dateadd(
            'month',
            '-1 * (' ~ fiscal_month(date_expression) ~ ' - 1) % 3',
            dbt.date_trunc('month', date_expression),
        ) }} as date
    )
{%- endmacro %}
