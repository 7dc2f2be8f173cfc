-- Fails if a month's start and its movements are not its end, or if a start is not the end of the
-- month before in the same quarter and slice, amounts and deals alike. It does not claim that the
-- deals were put in the right quarter.
with bridge as (

    select
        *,
        lag(period_month) over slices as previous_month,
        lag(ending_amount) over slices as previous_ending_amount,
        lag(ending_opportunities) over slices as previous_ending_opportunities
    from {{ ref('rpt_pipeline_bridge') }}
    window slices as (
        partition by
            opportunity_type, motion, owner_team, owner_region, region, close_quarter_start_date
        order by period_month asc
    )

)

select
    pipeline_bridge_id,
    period_month,
    previous_month,
    starting_amount,
    ending_amount
from bridge
where
    starting_amount + created_amount + pulled_in_amount + reopened_amount - pushed_out_amount
    + amount_change + currency_change - won_amount - lost_amount - removed_amount + moved_amount
    <> ending_amount
    or starting_opportunities + created_opportunities + pulled_in_opportunities
    + reopened_opportunities - pushed_out_opportunities - won_opportunities - lost_opportunities
    - removed_opportunities + moved_opportunities
    <> ending_opportunities
    or starting_amount <> coalesce(previous_ending_amount, 0)
    or starting_opportunities <> coalesce(previous_ending_opportunities, 0)
    or previous_month <> {{ dbt.dateadd('month', -1, 'period_month') }}
