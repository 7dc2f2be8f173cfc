with dates as (

    select * from {{ ref('dim_dates') }}

),

final as (

    select
        date_day,
        fiscal_quarter_start_date as fiscal_quarter,
        fiscal_year_start_date as fiscal_year
    from dates

)

select * from final
