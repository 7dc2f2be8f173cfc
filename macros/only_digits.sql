{% macro only_digits(expression) -%}
    {{ return(adapter.dispatch('only_digits', 'concord')(expression)) }}
{%- endmacro %}

{% macro default__only_digits(expression) -%}
    regexp_replace({{ expression }}, '[^0-9]', '', 'g')
{%- endmacro %}

{#- Spark replaces every match without being told. -#}
{% macro spark__only_digits(expression) -%}
    regexp_replace({{ expression }}, '[^0-9]', '')
{%- endmacro %}
