with opportunities as (

    select * from {{ ref('fct_opportunities') }}

),

lead_cycles as (

    select * from {{ ref('fct_lead_cycles') }}

),

stage_entries as (

    select * from {{ ref('fct_stage_entries') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

motions as (

    select
        opportunity_id,
        min(motion) as motion
    from lead_cycles
    where opportunity_id is not null
    group by opportunity_id

),

slices as (

    select
        opportunities.*,
        coalesce(opportunities.segment, '(unknown)') as slice_segment,
        coalesce(opportunities.region, '(unknown)') as slice_region,
        coalesce(opportunities.owner_team, '(unknown)') as slice_team,
        coalesce(motions.motion, '(unknown)') as slice_motion
    from opportunities
    left join motions on opportunities.opportunity_id = motions.opportunity_id

),

events as (

    select
        closed_date as event_date,
        opportunity_type,
        slice_segment as segment,
        slice_region as region,
        slice_team as team,
        slice_motion as motion,
        case when is_won then 1 else 0 end as won_deals,
        case when is_won then coalesce(amount, 0) else 0 end as bookings,
        case when is_won and opportunity_type = 'new' then 1 else 0 end as new_business_won_deals,
        case when opportunity_type = 'new' then 1 else 0 end as new_business_closed_deals,
        0 as sqos,
        0 as pipeline_created
    from slices
    where is_closed

    union all

    select
        created_date as event_date,
        opportunity_type,
        slice_segment as segment,
        slice_region as region,
        slice_team as team,
        slice_motion as motion,
        0 as won_deals,
        0 as bookings,
        0 as new_business_won_deals,
        0 as new_business_closed_deals,
        0 as sqos,
        coalesce(amount, 0) as pipeline_created
    from slices

    union all

    select
        stage_entries.entered_date as event_date,
        coalesce(slices.opportunity_type, '(unknown)') as opportunity_type,
        coalesce(slices.slice_segment, stage_entries.segment, '(unknown)') as segment,
        coalesce(slices.slice_region, stage_entries.region, '(unknown)') as region,
        coalesce(slices.slice_team, '(unknown)') as team,
        stage_entries.motion,
        0 as won_deals,
        0 as bookings,
        0 as new_business_won_deals,
        0 as new_business_closed_deals,
        1 as sqos,
        0 as pipeline_created
    from stage_entries
    left join slices on stage_entries.opportunity_id = slices.opportunity_id
    where stage_entries.stage = 'sqo' and not stage_entries.is_inferred

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

quarters as (

    select
        fiscal_quarter_start_date,
        lead(fiscal_quarter_start_date) over (order by fiscal_quarter_start_date)
            as next_quarter_start_date
    from (select distinct fiscal_quarter_start_date from dates) as quarter_starts

),

-- How far the present quarter has come, in business days.
present as (

    select
        fiscal_quarter_start_date,
        business_day,
        is_weekend
    from quarter_days
    where date_day = {{ business_date(as_of()) }}

),

-- Of the quarter before the present one, the days that are as far; of the others, all.
comparable_days as (

    select
        quarter_days.date_day,
        quarters.next_quarter_start_date
    from quarter_days
    inner join quarters
        on quarter_days.fiscal_quarter_start_date = quarters.fiscal_quarter_start_date
    left join present on quarters.next_quarter_start_date = present.fiscal_quarter_start_date
    where
        present.fiscal_quarter_start_date is null
        or quarter_days.business_day < present.business_day
        or (
            quarter_days.business_day = present.business_day
            and (present.is_weekend or not quarter_days.is_weekend)
        )

),

counted as (

    select
        quarter_days.fiscal_quarter_start_date,
        events.opportunity_type,
        events.segment,
        events.region,
        events.team,
        events.motion,
        events.won_deals,
        events.bookings,
        events.new_business_won_deals,
        events.new_business_closed_deals,
        events.sqos,
        events.pipeline_created,
        0 as won_deals_before,
        0 as bookings_before,
        0 as new_business_won_deals_before,
        0 as new_business_closed_deals_before,
        0 as sqos_before,
        0 as pipeline_created_before
    from events
    inner join quarter_days on events.event_date = quarter_days.date_day

    union all

    select
        comparable_days.next_quarter_start_date as fiscal_quarter_start_date,
        events.opportunity_type,
        events.segment,
        events.region,
        events.team,
        events.motion,
        0 as won_deals,
        0 as bookings,
        0 as new_business_won_deals,
        0 as new_business_closed_deals,
        0 as sqos,
        0 as pipeline_created,
        events.won_deals as won_deals_before,
        events.bookings as bookings_before,
        events.new_business_won_deals as new_business_won_deals_before,
        events.new_business_closed_deals as new_business_closed_deals_before,
        events.sqos as sqos_before,
        events.pipeline_created as pipeline_created_before
    from events
    inner join comparable_days on events.event_date = comparable_days.date_day
    where comparable_days.next_quarter_start_date <= {{ business_date(as_of()) }}

),

final as (

    select
        md5(
            cast(fiscal_quarter_start_date as {{ dbt.type_string() }}) || '|' || opportunity_type
            || '|' || segment || '|' || region || '|' || team || '|' || motion
        ) as quarter_progress_id,
        opportunity_type,
        segment,
        region,
        team,
        motion,
        cast(sum(won_deals) as {{ dbt.type_bigint() }}) as won_deals,
        cast(sum(bookings) as decimal(18, 2)) as bookings,
        cast(sum(new_business_won_deals) as {{ dbt.type_bigint() }}) as new_business_won_deals,
        cast(sum(new_business_closed_deals) as {{ dbt.type_bigint() }})
            as new_business_closed_deals,
        cast(sum(sqos) as {{ dbt.type_bigint() }}) as sqos,
        cast(sum(pipeline_created) as decimal(18, 2)) as pipeline_created,
        cast(sum(won_deals_before) as {{ dbt.type_bigint() }}) as won_deals_before,
        cast(sum(bookings_before) as decimal(18, 2)) as bookings_before,
        cast(sum(new_business_won_deals_before) as {{ dbt.type_bigint() }})
            as new_business_won_deals_before,
        cast(sum(new_business_closed_deals_before) as {{ dbt.type_bigint() }})
            as new_business_closed_deals_before,
        cast(sum(sqos_before) as {{ dbt.type_bigint() }}) as sqos_before,
        cast(sum(pipeline_created_before) as decimal(18, 2)) as pipeline_created_before,
        fiscal_quarter_start_date
    from counted
    group by fiscal_quarter_start_date, opportunity_type, segment, region, team, motion

)

select * from final
