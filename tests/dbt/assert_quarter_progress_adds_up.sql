-- Fails if a quarter's bookings or won deals are not those of its deals, or if a quarter that is
-- over does not compare itself with the whole of the one before.
with reported as (

    select
        fiscal_quarter_start_date,
        sum(bookings) as bookings,
        sum(won_deals) as won_deals,
        sum(bookings_before) as bookings_before,
        lag(sum(bookings)) over (order by fiscal_quarter_start_date) as last_bookings,
        lead(fiscal_quarter_start_date) over (order by fiscal_quarter_start_date) as next_start_date
    from {{ ref('rpt_quarter_progress') }}
    group by fiscal_quarter_start_date

),

won as (

    select
        dates.fiscal_quarter_start_date,
        sum(coalesce(opportunities.amount, 0)) as bookings,
        count(*) as won_deals
    from {{ ref('fct_opportunities') }} as opportunities
    inner join {{ ref('dim_dates') }} as dates on opportunities.closed_date = dates.date_day
    where opportunities.is_won
    group by dates.fiscal_quarter_start_date

)

select
    reported.fiscal_quarter_start_date,
    reported.bookings,
    won.bookings as won_bookings
from reported
left join won on reported.fiscal_quarter_start_date = won.fiscal_quarter_start_date
where
    reported.bookings <> coalesce(won.bookings, 0)
    or reported.won_deals <> coalesce(won.won_deals, 0)
    or (
        reported.next_start_date is not null
        and reported.bookings_before <> coalesce(reported.last_bookings, 0)
    )
