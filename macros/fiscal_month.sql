{% macro fiscal_month(date_expression) -%}
    {%- set shift = (13 - (var('fiscal_year_start_month', 1) | int)) % 12 -%}
    cast(extract(month from {{ dbt.dateadd('month', shift, dbt.date_trunc('month', date_expression)) }}) as integer)
{%- endmacro %}
