{% macro normalised_name(expression) -%}
    {{ return(adapter.dispatch('normalised_name', 'concord')(expression)) }}
{%- endmacro %}

{% macro default__normalised_name(expression) -%}
    regexp_replace(lower({{ expression }}), '[^a-z0-9]', '', 'g')
{%- endmacro %}

{#- Spark replaces every match without being told, and takes a position as its fourth argument. -#}
{% macro spark__normalised_name(expression) -%}
    regexp_replace(lower({{ expression }}), '[^a-z0-9]', '')
{%- endmacro %}
