{#- `*` covers everything that is there, and everything that is not. -#}
{% macro rule_covers(rule_expression, value_expression) -%}
    (
        {{ rule_expression }} = '*'
        or lower(trim({{ rule_expression }})) = lower(trim({{ value_expression }}))
    )
{%- endmacro %}
