with pipeline_days as (

    select * from {{ ref('fct_pipeline_days') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

pipeline_snapshots as (

    select * from {{ ref('fct_pipeline_snapshots') }}

),

opportunities as (

    select * from {{ ref('fct_opportunities') }}

),

quarter_days as (

    select
        date_day,
        fiscal_quarter_start_date,
        is_weekend,
        sum(case when is_weekend then 0 else 1 end) over (
            partition by fiscal_quarter_start_date
            order by date_day
            rows between unbounded preceding and current row
        ) as business_day
    from dates

),

present as (

    select
        fiscal_quarter_start_date,
        business_day,
        is_weekend
    from quarter_days
    where date_day = {{ business_date(as_of()) }}

),

quarters as (

    select
        fiscal_quarter_start_date,
        lead(fiscal_quarter_start_date) over (order by fiscal_quarter_start_date)
            as next_quarter_start_date
    from (select distinct fiscal_quarter_start_date from dates) as quarter_starts

),

last_days as (

    select
        fiscal_quarter_start_date,
        max(date_day) as last_day
    from quarter_days
    where date_day <= {{ business_date(as_of()) }}
    group by fiscal_quarter_start_date

),

-- The day of the quarter before at which it was as far; its last one, where the quarter is over.
days_before as (

    select
        quarters.next_quarter_start_date,
        max(quarter_days.date_day) as last_day
    from quarter_days
    inner join quarters
        on quarter_days.fiscal_quarter_start_date = quarters.fiscal_quarter_start_date
    left join present on quarters.next_quarter_start_date = present.fiscal_quarter_start_date
    where
        quarters.next_quarter_start_date <= {{ business_date(as_of()) }}
        and (
            present.fiscal_quarter_start_date is null
            or quarter_days.business_day < present.business_day
            or (
                quarter_days.business_day = present.business_day
                and (present.is_weekend or not quarter_days.is_weekend)
            )
        )
    group by quarters.next_quarter_start_date

),

-- What was to close in the quarter after the one of the snapshot, and was not stale: at the end of
-- each quarter that is over, and at the place at which the present one stands.
healthy as (

    select
        snapshot_days.fiscal_quarter_start_date,
        quarters.next_quarter_start_date,
        pipeline_snapshots.opportunity_type,
        coalesce(opportunities.segment, '(unknown)') as segment,
        coalesce(opportunities.region, '(unknown)') as region,
        coalesce(opportunities.owner_team, '(unknown)') as team,
        pipeline_snapshots.place,
        pipeline_snapshots.open_amount
    from pipeline_snapshots
    inner join dates as snapshot_days
        on pipeline_snapshots.snapshot_date = snapshot_days.date_day
    inner join quarters
        on snapshot_days.fiscal_quarter_start_date = quarters.fiscal_quarter_start_date
    inner join dates as close_days
        on
            pipeline_snapshots.close_date = close_days.date_day
            and quarters.next_quarter_start_date = close_days.fiscal_quarter_start_date
    left join opportunities
        on pipeline_snapshots.opportunity_id = opportunities.opportunity_id
    where pipeline_snapshots.place in ('start', 'now') and not pipeline_snapshots.is_stale

),

counted as (

    select
        last_days.fiscal_quarter_start_date,
        pipeline_days.opportunity_type,
        pipeline_days.segment,
        pipeline_days.region,
        pipeline_days.team,
        pipeline_days.open_amount as open_pipeline,
        pipeline_days.open_opportunities as open_deals,
        0 as open_pipeline_before,
        0 as open_deals_before,
        0 as healthy_next_quarter,
        0 as healthy_next_quarter_before
    from pipeline_days
    inner join last_days on pipeline_days.snapshot_date = last_days.last_day

    union all

    select
        days_before.next_quarter_start_date as fiscal_quarter_start_date,
        pipeline_days.opportunity_type,
        pipeline_days.segment,
        pipeline_days.region,
        pipeline_days.team,
        0 as open_pipeline,
        0 as open_deals,
        pipeline_days.open_amount as open_pipeline_before,
        pipeline_days.open_opportunities as open_deals_before,
        0 as healthy_next_quarter,
        0 as healthy_next_quarter_before
    from pipeline_days
    inner join days_before on pipeline_days.snapshot_date = days_before.last_day

    union all

    select
        healthy.fiscal_quarter_start_date,
        healthy.opportunity_type,
        healthy.segment,
        healthy.region,
        healthy.team,
        0 as open_pipeline,
        0 as open_deals,
        0 as open_pipeline_before,
        0 as open_deals_before,
        healthy.open_amount as healthy_next_quarter,
        0 as healthy_next_quarter_before
    from healthy
    left join present
        on healthy.fiscal_quarter_start_date = present.fiscal_quarter_start_date
    where
        healthy.place
        = case when present.fiscal_quarter_start_date is null then 'start' else 'now' end

    union all

    select
        healthy.next_quarter_start_date as fiscal_quarter_start_date,
        healthy.opportunity_type,
        healthy.segment,
        healthy.region,
        healthy.team,
        0 as open_pipeline,
        0 as open_deals,
        0 as open_pipeline_before,
        0 as open_deals_before,
        0 as healthy_next_quarter,
        healthy.open_amount as healthy_next_quarter_before
    from healthy
    left join present
        on healthy.next_quarter_start_date = present.fiscal_quarter_start_date
    where
        healthy.next_quarter_start_date <= {{ business_date(as_of()) }}
        and healthy.place
        = case when present.fiscal_quarter_start_date is null then 'start' else 'now' end

),

final as (

    select
        md5(
            cast(fiscal_quarter_start_date as {{ dbt.type_string() }}) || '|' || opportunity_type
            || '|' || segment || '|' || region || '|' || team
        ) as pipeline_progress_id,
        opportunity_type,
        segment,
        region,
        team,
        cast(sum(open_pipeline) as decimal(18, 2)) as open_pipeline,
        cast(sum(open_deals) as {{ dbt.type_bigint() }}) as open_deals,
        cast(sum(open_pipeline_before) as decimal(18, 2)) as open_pipeline_before,
        cast(sum(open_deals_before) as {{ dbt.type_bigint() }}) as open_deals_before,
        cast(sum(healthy_next_quarter) as decimal(18, 2)) as healthy_next_quarter_amount,
        cast(sum(healthy_next_quarter_before) as decimal(18, 2))
            as healthy_next_quarter_amount_before,
        fiscal_quarter_start_date
    from counted
    group by fiscal_quarter_start_date, opportunity_type, segment, region, team

)

select * from final
