{#- One rounding: the recurring amount times the rate and over the months of its period, in whole numbers. -#}
{% macro monthly_money(recurring_amount, recurring_period, rate) -%}
    case
        when {{ recurring_period }} = 'month'
            then {{ convert_money(recurring_amount, rate) }}
        when {{ recurring_period }} = 'year'
            then
                {{ divide_money(
                    recurring_amount,
                    'cast(' ~ rate ~ ' * 100000000 as ' ~ dbt.type_bigint() ~ ')',
                    '1200000000'
                ) }}
    end
{%- endmacro %}
