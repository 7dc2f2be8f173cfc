-- Fails if an excluded person, or a deal of one, stands in the ledger.
with stage_entries as (

    select * from {{ ref('fct_stage_entries') }}

),

people as (

    select * from {{ ref('int_people') }}

),

opportunities as (

    select * from {{ ref('int_opportunities') }}

),

final as (

    select
        stage_entries.entry_id,
        people.person_id
    from stage_entries
    left join opportunities on stage_entries.opportunity_id = opportunities.opportunity_id
    inner join people
        on coalesce(stage_entries.person_id, opportunities.person_id) = people.person_id
    where people.is_excluded

)

select * from final
