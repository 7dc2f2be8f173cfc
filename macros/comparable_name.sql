{% macro comparable_name(expression) -%}
    {{ return(adapter.dispatch('comparable_name', 'concord')(expression)) }}
{%- endmacro %}

{% macro default__comparable_name(expression) -%}
    regexp_replace({{ unaccented_text(expression) }}, '[^a-z0-9]', '', 'g')
{%- endmacro %}

{#- Spark replaces every match without being told. -#}
{% macro spark__comparable_name(expression) -%}
    regexp_replace({{ unaccented_text(expression) }}, '[^a-z0-9]', '')
{%- endmacro %}
