{#- Named after the calendar year in which it ends, so a year that starts in January keeps its name. -#}
{% macro fiscal_year(date_expression) -%}
    {%- set shift = (13 - (var('fiscal_year_start_month', 1) | int)) % 12 -%}
    cast(extract(year from {{ dbt.dateadd('month', shift, dbt.date_trunc('month', date_expression)) }}) as integer)
{%- endmacro %}
