-- Fails if the sliced funnel does not add up to the conversion report, by stage and month.
with sliced as (

    select
        period_month,
        motion,
        stage,
        sum(entrants) as entrants,
        sum(converted_in_window) as converted_in_window,
        sum(period_entries) as period_entries,
        sum(mature_entrants) as mature_entrants
    from {{ ref('rpt_funnel_slices') }}
    group by period_month, motion, stage

),

reported as (

    select
        period_month,
        motion,
        stage,
        entrants,
        coalesce(converted_in_window, 0) as converted_in_window,
        coalesce(period_entries, 0) as period_entries,
        case when is_mature then entrants else 0 end as mature_entrants
    from {{ ref('rpt_funnel_conversion') }}

)

select
    sliced.period_month,
    sliced.motion,
    sliced.stage,
    reported.stage as reported_stage
from sliced
full outer join reported
    on
        sliced.period_month = reported.period_month
        and sliced.motion = reported.motion
        and sliced.stage = reported.stage
where
    sliced.stage is null
    or reported.stage is null
    or sliced.entrants <> reported.entrants
    or sliced.converted_in_window <> reported.converted_in_window
    or sliced.period_entries <> reported.period_entries
    or (sliced.stage <> 'won' and sliced.mature_entrants <> reported.mature_entrants)
