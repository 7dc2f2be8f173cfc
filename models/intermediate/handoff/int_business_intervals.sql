with business_calendars as (

    select * from {{ ref('business_calendars') }}

),

holidays as (

    select * from {{ ref('holidays') }}

),

cycles as (

    select * from {{ ref('int_cycles') }}

),

build_context as (

    select * from {{ ref('stg_concord__build_context') }}

),

-- Promises made on the last day come due after it.
bounds as (

    select
        cast(
            {{ dbt.dateadd(
                'day', -7, 'coalesce(min(cycles.opened_at), min(build_context.as_of))'
            ) }} as date
        ) as first_date,
        cast({{ dbt.dateadd('day', 400, 'min(build_context.as_of)') }} as date) as last_date
    from build_context
    left join cycles on build_context.as_of >= cycles.opened_at

),

days as (

    {{ date_spine_days(
        '(select bounds.first_date from bounds)', '(select bounds.last_date from bounds)'
    ) }}

),

worked as (

    select
        business_calendars.calendar,
        {{ local_time_to_utc(
            'days.date_day', 'business_calendars.starts_at', 'business_calendars.time_zone'
        ) }} as starts_at,
        {{ local_time_to_utc(
            'cast(case when business_calendars.ends_at <= business_calendars.starts_at then '
            ~ dbt.dateadd('day', 1, 'days.date_day') ~ ' else days.date_day end as date)',
            'business_calendars.ends_at',
            'business_calendars.time_zone'
        ) }} as ends_at
    from days
    inner join business_calendars
        on {{ iso_weekday('days.date_day') }} = business_calendars.weekday
    left join holidays
        on
            business_calendars.calendar = holidays.calendar
            and days.date_day = holidays.holiday_date
    left join holidays as everybodys_holidays
        on
            everybodys_holidays.calendar = '*'
            and days.date_day = everybodys_holidays.holiday_date
    where
        holidays.holiday_date is null
        and everybodys_holidays.holiday_date is null

),

measured as (

    select
        calendar,
        starts_at,
        ends_at,
        {{ microseconds_between('starts_at', 'ends_at') }} as business_microseconds
    from worked
    -- An interval inside the hour that the clock skips has no length.
    where starts_at < ends_at

),

added_up as (

    select
        calendar,
        row_number() over (partition by calendar order by starts_at, ends_at) as interval_number,
        business_microseconds,
        cast(
            sum(business_microseconds) over (
                partition by calendar
                order by starts_at, ends_at
                rows between unbounded preceding and current row
            ) as {{ dbt.type_bigint() }}
        ) as business_microseconds_after,
        starts_at,
        ends_at,
        coalesce(
            lead(starts_at) over (partition by calendar order by starts_at, ends_at),
            {{ end_of_time() }}
        ) as stands_until
    from measured

),

final as (

    select
        calendar,
        interval_number,
        business_microseconds,
        business_microseconds_after - business_microseconds as business_microseconds_before,
        business_microseconds_after,
        starts_at,
        ends_at,
        stands_until
    from added_up

)

select * from final
