with build_context as (

    select * from {{ ref('stg_concord__build_context') }}

),

bounds as (

    select
        cast('{{ var("first_calendar_date", "2000-01-01") }}' as date) as first_date,
        -- Contracts, targets and close dates reach into the future.
        cast(
            {{ dbt.dateadd('day', -1, dbt.dateadd('year', 6, dbt.date_trunc('year', 'as_of'))) }}
            as date
        ) as last_date
    from build_context

),

days as (

    {{ date_spine_days(
        '(select bounds.first_date from bounds)', '(select bounds.last_date from bounds)'
    ) }}

),

final as (

    select
        date_day,
        cast(extract(year from date_day) as integer) as calendar_year,
        cast(extract(quarter from date_day) as integer) as calendar_quarter,
        cast(extract(month from date_day) as integer) as calendar_month,
        cast(extract(week from date_day) as integer) as iso_week,
        cast(extract(day from date_day) as integer) as day_of_month,
        {{ iso_weekday('date_day') }} as iso_weekday,
        {{ fiscal_year('date_day') }} as fiscal_year,
        cast(floor(({{ fiscal_month('date_day') }} + 2) / 3.0) as integer) as fiscal_quarter,
        {{ fiscal_month('date_day') }} as fiscal_month,
        {{ iso_weekday('date_day') }} >= 6 as is_weekend,
        cast({{ dbt.date_trunc('week', 'date_day') }} as date) as week_start_date,
        cast({{ dbt.date_trunc('month', 'date_day') }} as date) as month_start_date,
        cast({{ dbt.date_trunc('quarter', 'date_day') }} as date) as quarter_start_date,
        cast({{ dbt.date_trunc('year', 'date_day') }} as date) as year_start_date,
        cast(
            {{ dbt.dateadd(
                'month',
                '-1 * (' ~ fiscal_month('date_day') ~ ' - 1) % 3',
                dbt.date_trunc('month', 'date_day'),
            ) }} as date
        ) as fiscal_quarter_start_date,
        cast(
            {{ dbt.dateadd(
                'month',
                '1 - ' ~ fiscal_month('date_day'),
                dbt.date_trunc('month', 'date_day'),
            ) }} as date
        ) as fiscal_year_start_date
    from days

)

select * from final
