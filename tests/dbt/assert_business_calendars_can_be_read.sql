-- Fails if two intervals of a calendar overlap (their hours would count twice), if its rows name
-- several time zones or regions, or if a holiday is one of a calendar that does not exist.
with intervals as (

    select
        calendar,
        starts_at,
        ends_at,
        stands_until
    from {{ ref('int_business_intervals') }}

),

calendars as (

    select
        calendar,
        count(distinct time_zone) as time_zones,
        count(distinct coalesce(region, '')) as regions
    from {{ ref('business_calendars') }}
    group by calendar

),

holidays as (

    select
        calendar,
        holiday_date,
        name
    from {{ ref('holidays') }}

)

select
    calendar,
    'overlapping interval' as finding,
    cast(starts_at as {{ dbt.type_string() }}) as detail
from intervals
where ends_at > stands_until

union all

select
    calendar,
    'several time zones or regions' as finding,
    '' as detail
from calendars
where time_zones > 1 or regions > 1

union all

select
    holidays.calendar,
    'holiday of no calendar' as finding,
    cast(holidays.holiday_date as {{ dbt.type_string() }}) as detail
from holidays
left join calendars on holidays.calendar = calendars.calendar
where
    calendars.calendar is null
    and holidays.calendar <> '*'
