{% macro regex_found(expression, pattern) -%}
    {{ return(adapter.dispatch('regex_found', 'concord')(expression, pattern)) }}
{%- endmacro %}

{% macro duckdb__regex_found(expression, pattern) -%}
    regexp_matches({{ expression }}, {{ pattern }}, 'i')
{%- endmacro %}

{% macro spark__regex_found(expression, pattern) -%}
    ({{ expression }} rlike concat('(?i)', {{ pattern }}))
{%- endmacro %}
