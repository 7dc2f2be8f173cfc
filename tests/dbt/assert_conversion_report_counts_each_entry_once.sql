-- Fails if the report's entrants, or its entries to the next stage, are not the ledger's entries
-- that were not inferred, motion by motion and stage by stage.
with stage_entries as (

    select * from {{ ref('fct_stage_entries') }}

),

funnel_conversion as (

    select * from {{ ref('rpt_funnel_conversion') }}

),

ledger_counts as (

    select
        motion,
        stage_order,
        count(*) as entries
    from stage_entries
    where not is_inferred
    group by motion, stage_order

),

reported_counts as (

    select
        motion,
        stage_order,
        sum(entrants) as entrants,
        sum(period_entries) as period_entries
    from funnel_conversion
    group by motion, stage_order

),

final as (

    select
        reported_counts.motion,
        reported_counts.stage_order,
        reported_counts.entrants,
        ledger_counts.entries,
        reported_counts.period_entries,
        next_counts.entries as next_entries
    from reported_counts
    left join ledger_counts
        on
            reported_counts.motion = ledger_counts.motion
            and reported_counts.stage_order = ledger_counts.stage_order
    left join ledger_counts as next_counts
        on
            reported_counts.motion = next_counts.motion
            and reported_counts.stage_order + 1 = next_counts.stage_order
    where
        reported_counts.entrants <> coalesce(ledger_counts.entries, 0)
        or reported_counts.period_entries <> coalesce(next_counts.entries, 0)

)

select * from final
