with business_calendars as (

    select * from {{ ref('business_calendars') }}

),

calendars as (

    select
        calendar,
        min(region) as region,
        min(time_zone) as time_zone
    from business_calendars
    group by calendar

),

ranked as (

    select
        calendar,
        nullif(region, '*') as region,
        time_zone,
        row_number() over (
            order by
                case calendar when 'default' then 0 when 'routing' then 2 else 1 end,
                case when nullif(region, '*') is null then 0 else 1 end,
                calendar
        ) as default_rank,
        row_number() over (
            order by
                case calendar when 'routing' then 0 when 'default' then 1 else 2 end,
                case when nullif(region, '*') is null then 0 else 1 end,
                calendar
        ) as routing_rank
    from calendars

),

final as (

    select
        calendar,
        region,
        time_zone,
        default_rank = 1 as is_default,
        routing_rank = 1 as is_routing
    from ranked

)

select * from final
