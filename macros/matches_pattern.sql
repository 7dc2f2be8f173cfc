{% macro matches_pattern(value_expression, pattern_expression) -%}
    {#- `like` has its own wildcards, so these are escaped before the star becomes one. -#}
    lower(trim(coalesce({{ value_expression }}, ''))) like replace(
        replace(
            replace(
                replace(lower(trim(coalesce({{ pattern_expression }}, ''))), '!', '!!'),
                '_', '!_'
            ),
            '%', '!%'
        ),
        '*', '%'
    ) escape '!'
{%- endmacro %}
