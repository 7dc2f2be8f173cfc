{#- Whether a kind stands in a list such as `hand_raise|status`; `*` lists all, null and `none` list nothing. -#}
{% macro kind_is_listed(kind_expression, list_expression) -%}
    coalesce(
        trim({{ list_expression }}) = '*'
        or position(
            '|' || {{ kind_expression }} || '|'
            in '|' || replace(lower({{ list_expression }}), ' ', '') || '|'
        ) > 0,
        false
    )
{%- endmacro %}
