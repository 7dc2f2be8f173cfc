with opportunities as (

    select * from {{ ref('int_opportunities') }}

),

opportunity_states as (

    select * from {{ ref('int_opportunity_states') }}

),

opportunity_outcomes as (

    select * from {{ ref('int_opportunity_outcomes') }}

),

cycles as (

    select * from {{ ref('int_cycles') }}

),

cycle_evidence as (

    select * from {{ ref('int_cycle_evidence') }}

),

fx_rates as (

    select * from {{ ref('int_fx_rates') }}

),

-- A lead is entered with the earliest evidence of that stage or of any later one.
lead_entries as (

    select
        cycles.opportunity_id,
        min(cycle_evidence.occurred_at) as lead_at
    from cycles
    inner join cycle_evidence on cycles.lead_cycle_id = cycle_evidence.lead_cycle_id
    where
        cycles.opportunity_id is not null
        and cycles.person_id is not null
        and cycle_evidence.stage_order >= 2
    group by cycles.opportunity_id

),

in_scope as (

    select
        opportunities.opportunity_id,
        opportunities.account_id,
        opportunities.person_id,
        opportunities.opportunity_type,
        opportunities.segment,
        opportunities.region,
        case
            when {{ attribution_parameter('buying_group', dbt.type_string()) }} = 'person'
                then opportunities.person_id
            else coalesce(opportunities.account_id, opportunities.person_id)
        end as party_id,
        opportunities.is_won,
        opportunities.won_at,
        opportunity_outcomes.sqo_at
    from opportunities
    left join opportunity_outcomes
        on opportunities.opportunity_id = opportunity_outcomes.opportunity_id
    where
        not opportunities.is_deleted
        and opportunities.opportunity_type in (
            {%- for type in var('attribution_types') %}'{{ type }}'{% if not loop.last %}, {% endif %}
            {%- endfor -%}
        )

),

-- A deal that was won before its record met the rules of acceptance has only an inferred entry,
-- and that is none of the entries that are counted.
moments as (

    select
        'sqo' as conversion_type,
        opportunity_id,
        sqo_at as converted_at,
        cast(null as timestamp) as close_at
    from in_scope
    where sqo_at is not null and (not is_won or sqo_at <= won_at)

    union all

    select
        'won' as conversion_type,
        opportunity_id,
        won_at as converted_at,
        won_at as close_at
    from in_scope
    where is_won

),

-- The state that holds at the moment; where the first known one begins later, that one.
states as (

    select
        moments.conversion_type,
        moments.opportunity_id,
        opportunity_states.amount,
        opportunity_states.currency,
        row_number() over (
            partition by moments.conversion_type, moments.opportunity_id
            order by
                case
                    when opportunity_states.valid_from <= moments.converted_at then 0 else 1
                end asc,
                case
                    when opportunity_states.valid_from <= moments.converted_at
                        then -opportunity_states.state_number
                    else opportunity_states.state_number
                end asc
        ) as preference
    from moments
    inner join opportunity_states on moments.opportunity_id = opportunity_states.opportunity_id

),

final as (

    select
        moments.conversion_type || ':' || moments.opportunity_id as conversion_id,
        in_scope.opportunity_id,
        in_scope.account_id,
        in_scope.person_id,
        in_scope.party_id,
        moments.conversion_type,
        in_scope.opportunity_type,
        in_scope.segment,
        in_scope.region,
        states.currency as original_currency,
        cast(states.amount as decimal(18, 2)) as original_value,
        case
            when states.amount is null then cast(0 as decimal(18, 2))
            else {{ convert_money('states.amount', 'fx_rates.rate') }}
        end as value,
        -- A customer is new once: with the first deal that its account, else its person, won.
        moments.conversion_type = 'won'
        and row_number() over (
            partition by
                moments.conversion_type,
                coalesce(in_scope.account_id, in_scope.person_id, in_scope.opportunity_id)
            order by moments.converted_at, moments.opportunity_id
        ) = 1 as is_new_customer,
        lead_entries.lead_at,
        case
            when in_scope.sqo_at <= moments.converted_at then in_scope.sqo_at
            else moments.converted_at
        end as opportunity_at,
        moments.close_at,
        moments.converted_at
    from moments
    inner join in_scope on moments.opportunity_id = in_scope.opportunity_id
    inner join states
        on
            moments.opportunity_id = states.opportunity_id
            and moments.conversion_type = states.conversion_type
            and states.preference = 1
    left join lead_entries on moments.opportunity_id = lead_entries.opportunity_id
    left join fx_rates
        on
            states.currency = fx_rates.currency
            and {{ business_date('moments.converted_at') }} >= fx_rates.valid_from
            and (
                fx_rates.valid_to is null
                or {{ business_date('moments.converted_at') }} < fx_rates.valid_to
            )

)

select * from final
