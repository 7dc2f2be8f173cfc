with quarter_days as (

    select * from {{ ref('fct_quarter_days') }}

),

opportunities as (

    select * from {{ ref('fct_opportunities') }}

),

pipeline_states as (

    select * from {{ ref('int_pipeline_states') }}

),

quarters as (

    select distinct
        quarter_start_date,
        quarter_end_date,
        fiscal_year,
        fiscal_quarter,
        business_days
    from quarter_days

),

today as (

    select
        date_day,
        quarter_start_date,
        quarter_end_date,
        business_day_number,
        business_days
    from quarter_days
    where date_day = {{ business_date(as_of()) }}

),

first_days as (

    select min(created_date) as first_date
    from opportunities

),

-- From the first quarter that the deals cover from its start to the one after the present.
known_quarters as (

    select
        quarters.quarter_start_date,
        quarters.quarter_end_date,
        quarters.fiscal_year,
        quarters.fiscal_quarter,
        quarters.business_days,
        today.date_day as today_date,
        today.business_day_number as today_number,
        today.business_days as today_business_days,
        today.quarter_end_date as today_quarter_end_date,
        quarters.quarter_start_date > today.quarter_end_date as is_next
    from quarters
    inner join first_days
        on quarters.quarter_start_date > first_days.first_date
    inner join today
        on
            quarters.quarter_start_date
            <= cast({{ dbt.dateadd('day', 1, 'today.quarter_end_date') }} as date)

),

-- The moments at which an outlook is asked for, the same in every quarter: before the first day, at
-- the ends of its months, at today's place in it, and as many days ahead as the next one is now.
places as (

    select
        known_quarters.quarter_start_date,
        'start' as place,
        cast({{ dbt.dateadd('day', -1, 'known_quarters.quarter_start_date') }} as date)
            as snapshot_date
    from known_quarters

    union all

    select
        known_quarters.quarter_start_date,
        'month_1' as place,
        cast(
            {{ dbt.dateadd(
                'day', -1, dbt.dateadd('month', 1, 'known_quarters.quarter_start_date')
            ) }} as date
        ) as snapshot_date
    from known_quarters

    union all

    select
        known_quarters.quarter_start_date,
        'month_2' as place,
        cast(
            {{ dbt.dateadd(
                'day', -1, dbt.dateadd('month', 2, 'known_quarters.quarter_start_date')
            ) }} as date
        ) as snapshot_date
    from known_quarters

    union all

    select
        known_quarters.quarter_start_date,
        'now' as place,
        case
            when known_quarters.quarter_end_date = known_quarters.today_quarter_end_date
                then min(known_quarters.today_date)
            else max(quarter_days.date_day)
        end as snapshot_date
    from known_quarters
    inner join quarter_days
        on
            known_quarters.quarter_start_date = quarter_days.quarter_start_date
            and not known_quarters.is_next
            and quarter_days.business_day_number
            <= round(
                cast(known_quarters.today_number as double)
                * known_quarters.business_days
                / known_quarters.today_business_days
            )
    group by
        known_quarters.quarter_start_date,
        known_quarters.quarter_end_date,
        known_quarters.today_quarter_end_date

    union all

    select
        known_quarters.quarter_start_date,
        'ahead' as place,
        cast(
            {{ dbt.dateadd(
                'day',
                '-1 - ' ~ dbt.datediff(
                    'known_quarters.today_date', 'known_quarters.today_quarter_end_date', 'day'
                ),
                'known_quarters.quarter_start_date',
            ) }} as date
        ) as snapshot_date
    from known_quarters

),

types as (

    select distinct opportunity_type from opportunities

),

snapshots as (

    select
        places.quarter_start_date,
        known_quarters.quarter_end_date,
        known_quarters.fiscal_year,
        known_quarters.fiscal_quarter,
        places.place,
        types.opportunity_type,
        places.snapshot_date,
        known_quarters.today_date,
        {{ dbt.dateadd('day', 1, 'known_quarters.quarter_end_date') }} <= {{ as_of() }}
            as is_complete
    from places
    inner join known_quarters
        on places.quarter_start_date = known_quarters.quarter_start_date
    inner join types
        on types.opportunity_type is not null
    where places.snapshot_date <= known_quarters.today_date

),

wins as (

    select
        opportunity_id,
        opportunity_type,
        closed_date,
        coalesce(amount, 0) as amount
    from opportunities
    where is_won

),

-- What was won of deals that were open at the snapshot is learned by stage and age; what was won of
-- others, created or reopened later, as a sum.
won as (

    select
        snapshots.quarter_start_date,
        snapshots.place,
        snapshots.opportunity_type,
        sum(case when wins.closed_date <= snapshots.snapshot_date then wins.amount else 0 end)
            as won_to_date_amount,
        sum(
            case
                when
                    wins.closed_date > snapshots.snapshot_date
                    and pipeline_states.opportunity_id is null
                    then wins.amount
                else 0
            end
        ) as won_later_amount,
        sum(wins.amount) as bookings_amount
    from snapshots
    inner join wins
        on
            snapshots.opportunity_type = wins.opportunity_type
            and snapshots.quarter_start_date <= wins.closed_date
            and snapshots.quarter_end_date >= wins.closed_date
    left join pipeline_states
        on
            wins.opportunity_id = pipeline_states.opportunity_id
            and pipeline_states.is_open
            and snapshots.snapshot_date >= pipeline_states.occurred_date
            and (
                pipeline_states.ended_date is null
                or snapshots.snapshot_date < pipeline_states.ended_date
            )
    group by snapshots.quarter_start_date, snapshots.place, snapshots.opportunity_type

),

final as (

    select
        cast(snapshots.quarter_start_date as {{ dbt.type_string() }})
        || ':'
        || snapshots.place
        || ':'
        || snapshots.opportunity_type as outlook_snapshot_id,
        snapshots.place,
        snapshots.opportunity_type,
        cast(snapshots.fiscal_year as integer) as fiscal_year,
        cast(snapshots.fiscal_quarter as integer) as fiscal_quarter,
        cast(coalesce(won.won_to_date_amount, 0) as decimal(18, 2)) as won_to_date_amount,
        cast(
            case when snapshots.is_complete then coalesce(won.won_later_amount, 0) end
            as decimal(18, 2)
        ) as won_later_amount,
        cast(
            case when snapshots.is_complete then coalesce(won.bookings_amount, 0) end
            as decimal(18, 2)
        ) as bookings_amount,
        snapshots.is_complete,
        snapshots.snapshot_date = snapshots.today_date as is_now,
        snapshots.snapshot_date,
        snapshots.quarter_start_date,
        snapshots.quarter_end_date
    from snapshots
    left join won
        on
            snapshots.quarter_start_date = won.quarter_start_date
            and snapshots.place = won.place
            and snapshots.opportunity_type = won.opportunity_type

)

select * from final
