with dates as (

    select * from {{ ref('dim_dates') }}

),

business_calendars as (

    select * from {{ ref('business_calendars') }}

),

holidays as (

    select * from {{ ref('holidays') }}

),

working_weekdays as (

    select distinct cast(weekday as integer) as iso_weekday
    from business_calendars
    where calendar = 'default'

),

default_holidays as (

    select distinct cast(holiday_date as date) as holiday_date
    from holidays
    where calendar = 'default'

),

marked as (

    select
        dates.date_day,
        dates.fiscal_year,
        dates.fiscal_quarter,
        dates.fiscal_quarter_start_date as quarter_start_date,
        case
            when
                working_weekdays.iso_weekday is not null
                and default_holidays.holiday_date is null
                then 1
            else 0
        end as is_business_day
    from dates
    left join working_weekdays
        on dates.iso_weekday = working_weekdays.iso_weekday
    left join default_holidays
        on dates.date_day = default_holidays.holiday_date

),

final as (

    select
        date_day,
        fiscal_year,
        fiscal_quarter,
        cast(
            sum(is_business_day) over (
                partition by quarter_start_date
                order by date_day asc
                rows between unbounded preceding and current row
            ) as integer
        ) as business_day_number,
        cast(sum(is_business_day) over (partition by quarter_start_date) as integer)
            as business_days,
        is_business_day = 1 as is_business_day,
        quarter_start_date,
        max(date_day) over (partition by quarter_start_date) as quarter_end_date
    from marked

)

select * from final
