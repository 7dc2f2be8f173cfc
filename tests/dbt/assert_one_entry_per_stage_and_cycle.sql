-- Fails if a stage was entered twice in one cycle, or an opportunity entered sqo or won in two
-- cycles.
with stage_entries as (

    select * from {{ ref('fct_stage_entries') }}

),

final as (

    select
        lead_cycle_id as entered_by,
        stage,
        count(*) as entries
    from stage_entries
    group by lead_cycle_id, stage
    having count(*) > 1

    union all

    select
        opportunity_id as entered_by,
        stage,
        count(*) as entries
    from stage_entries
    where opportunity_id is not null
    group by opportunity_id, stage
    having count(*) > 1

)

select * from final
