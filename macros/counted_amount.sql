{% macro counted_amount(amount, contract_months, recurring_amount, recurring_period) -%}
    {%- set basis = var('amount_basis') -%}
    {%- if basis == 'total' -%}
        cast({{ amount }} as decimal(18, 2))
    {%- elif basis == 'annual' -%}
        case
            when {{ contract_months }} > 0
                then {{ divide_money(amount, 12, contract_months) }}
            else cast({{ amount }} as decimal(18, 2))
        end
    {%- elif basis == 'recurring' -%}
        cast(
            case
                when lower({{ recurring_period }}) in ('month', 'monthly')
                    then cast({{ recurring_amount }} as decimal(18, 2)) * 12
                when lower({{ recurring_period }}) in ('year', 'yearly', 'annual', 'annually')
                    then cast({{ recurring_amount }} as decimal(18, 2))
            end
            as decimal(18, 2)
        )
    {%- else -%}
        {{ exceptions.raise_compiler_error(
            "amount_basis is '" ~ basis ~ "'; it must be total, annual or recurring"
        ) }}
    {%- endif -%}
{%- endmacro %}
