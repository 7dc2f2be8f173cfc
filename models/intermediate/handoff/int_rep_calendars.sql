with users as (

    select * from {{ ref('int_user_records_unioned') }}

),

calendars as (

    select * from {{ ref('int_business_calendars') }}

),

default_calendars as (

    select calendar
    from calendars
    where is_default

),

of_time_zones as (

    select
        users.record_key,
        calendars.calendar,
        row_number() over (
            partition by users.record_key
            order by
                case when users.region = calendars.region then 0 else 1 end,
                case when calendars.is_default then 1 else 0 end,
                calendars.calendar
        ) as preference
    from users
    inner join calendars
        on
            users.time_zone = calendars.time_zone
            and (calendars.is_default or not calendars.is_routing)

),

of_regions as (

    select
        users.record_key,
        min(calendars.calendar) as calendar
    from users
    inner join calendars
        on
            users.region = calendars.region
            and (calendars.is_default or not calendars.is_routing)
    group by users.record_key

),

of_users as (

    select
        users.system || ':' || users.record_id as rep_id,
        users.object,
        coalesce(
            of_time_zones.calendar,
            of_regions.calendar,
            (select default_calendars.calendar from default_calendars)
        ) as calendar,
        case
            when of_time_zones.calendar is not null then 'time_zone'
            when of_regions.calendar is not null then 'region'
            else 'default'
        end as found_by,
        -- An id can be known as an owner and as a user; the object that knows more says more.
        row_number() over (
            partition by users.system, users.record_id
            order by
                case
                    when of_time_zones.calendar is not null then 0
                    when of_regions.calendar is not null then 1
                    else 2
                end,
                users.object
        ) as preference
    from users
    left join of_time_zones
        on
            users.record_key = of_time_zones.record_key
            and of_time_zones.preference = 1
    left join of_regions on users.record_key = of_regions.record_key

),

final as (

    select
        rep_id,
        calendar,
        found_by
    from of_users
    where preference = 1

)

select * from final
