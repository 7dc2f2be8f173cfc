-- Fails if a stage of a cycle is dated after a later stage of it. Says nothing of stages that were
-- not entered: assert_no_stage_is_skipped does.
with stage_entries as (

    select * from {{ ref('fct_stage_entries') }}

),

final as (

    select
        earlier.lead_cycle_id,
        earlier.stage,
        earlier.entered_at,
        later.stage as later_stage,
        later.entered_at as later_entered_at
    from stage_entries as earlier
    inner join stage_entries as later
        on
            earlier.lead_cycle_id = later.lead_cycle_id
            and earlier.stage_order < later.stage_order
    where earlier.entered_at > later.entered_at

)

select * from final
