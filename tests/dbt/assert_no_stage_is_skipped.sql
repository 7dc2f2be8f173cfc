-- Fails if a cycle of a person entered a stage without all stages before it, or an unlinked deal is
-- won without having been accepted.
with stage_entries as (

    select * from {{ ref('fct_stage_entries') }}

),

final as (

    select
        lead_cycle_id,
        min(stage_order) as first_order,
        max(stage_order) as last_order,
        count(*) as entries
    from stage_entries
    group by lead_cycle_id, person_id
    having
        min(stage_order) <> case when person_id is null then 6 else 1 end
        or max(stage_order) - min(stage_order) + 1 <> count(*)

)

select * from final
