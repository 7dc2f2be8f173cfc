{#- The order of the seven stages is the funnel itself and no table's: marts have a column for each. -#}
{% macro stage_order(stage_expression) -%}
    case {{ stage_expression }}
        when 'inquiry' then 1
        when 'lead' then 2
        when 'mql' then 3
        when 'sal' then 4
        when 'sql' then 5
        when 'sqo' then 6
        when 'won' then 7
    end
{%- endmacro %}
