{% macro pattern_rank(pattern_expression) -%}
    case
        when trim({{ pattern_expression }}) = '*' then 0
        when {{ pattern_expression }} like '%*%' then
            length(replace(trim({{ pattern_expression }}), '*', ''))
        else 1000
    end
{%- endmacro %}
