-- Fails if a won deal of type new or expansion is missing from the ledger, stands there at another
-- moment, or the ledger has a win that is none. Deals of excluded people are left out, on purpose.
with opportunities as (

    select * from {{ ref('int_opportunities') }}

),

people as (

    select * from {{ ref('int_people') }}

),

stage_entries as (

    select * from {{ ref('fct_stage_entries') }}

),

won_deals as (

    select
        opportunities.opportunity_id,
        opportunities.won_at
    from opportunities
    left join people on opportunities.person_id = people.person_id
    where
        opportunities.is_won
        and not opportunities.is_deleted
        and opportunities.opportunity_type in ('new', 'expansion')
        and not coalesce(people.is_excluded, false)

),

won_entries as (

    select
        opportunity_id,
        entered_at
    from stage_entries
    where stage = 'won'

),

final as (

    select
        coalesce(won_deals.opportunity_id, won_entries.opportunity_id) as opportunity_id,
        won_deals.won_at,
        won_entries.entered_at
    from won_deals
    full outer join won_entries on won_deals.opportunity_id = won_entries.opportunity_id
    where
        won_deals.won_at is null
        or won_entries.entered_at is null
        or won_deals.won_at <> won_entries.entered_at

)

select * from final
