-- Fails if the ends of a month are not the pipeline of that month's last day, per type, team and
-- account's region, or if what left as won is not the month's bookings. It does not claim anything
-- about days in between.
with bridge as (

    select
        opportunity_type,
        owner_team,
        region,
        period_month,
        sum(ending_amount) as ending_amount,
        sum(ending_opportunities) as ending_opportunities,
        sum(won_amount) as won_amount
    from {{ ref('rpt_pipeline_bridge') }}
    group by opportunity_type, owner_team, region, period_month

),

last_days as (

    select max(snapshot_date) as snapshot_date
    from {{ ref('fct_pipeline_days') }}
    group by {{ month_start('snapshot_date') }}

),

days as (

    select
        pipeline_days.opportunity_type,
        pipeline_days.team as owner_team,
        pipeline_days.region,
        {{ month_start('pipeline_days.snapshot_date') }} as period_month,
        sum(pipeline_days.open_amount) as open_amount,
        sum(pipeline_days.open_opportunities) as open_opportunities
    from {{ ref('fct_pipeline_days') }} as pipeline_days
    inner join last_days on pipeline_days.snapshot_date = last_days.snapshot_date
    group by
        pipeline_days.opportunity_type,
        pipeline_days.team,
        pipeline_days.region,
        {{ month_start('pipeline_days.snapshot_date') }}

),

bookings as (

    select
        opportunity_type,
        {{ month_start('closed_date') }} as period_month,
        sum(coalesce(amount, 0)) as won_amount
    from {{ ref('fct_opportunities') }}
    where is_won
    group by opportunity_type, {{ month_start('closed_date') }}

),

won as (

    select
        opportunity_type,
        period_month,
        sum(won_amount) as won_amount
    from bridge
    group by opportunity_type, period_month

)

select
    coalesce(days.opportunity_type, bridge.opportunity_type) as opportunity_type,
    coalesce(days.period_month, bridge.period_month) as period_month,
    days.open_amount as expected_amount,
    bridge.ending_amount as bridge_amount
from days
full outer join bridge
    on
        days.opportunity_type = bridge.opportunity_type
        and days.owner_team = bridge.owner_team
        and days.region = bridge.region
        and days.period_month = bridge.period_month
where
    coalesce(days.open_amount, 0) <> coalesce(bridge.ending_amount, 0)
    or coalesce(days.open_opportunities, 0) <> coalesce(bridge.ending_opportunities, 0)

union all

select
    coalesce(bookings.opportunity_type, won.opportunity_type) as opportunity_type,
    coalesce(bookings.period_month, won.period_month) as period_month,
    bookings.won_amount as expected_amount,
    won.won_amount as bridge_amount
from bookings
full outer join won
    on
        bookings.opportunity_type = won.opportunity_type
        and bookings.period_month = won.period_month
where coalesce(bookings.won_amount, 0) <> coalesce(won.won_amount, 0)
