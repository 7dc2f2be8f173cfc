-- Fails if the market mix of a month is not its bookings and won deals: an opportunity counted once
-- for each of its lines, or not at all.
with mix as (

    select
        period_month,
        sum(booked_amount) as booked_amount,
        sum(opportunities) as opportunities
    from {{ ref('rpt_market_mix') }}
    group by period_month

),

bookings as (

    select
        {{ month_start('closed_date') }} as period_month,
        sum(coalesce(amount, 0)) as booked_amount,
        count(*) as opportunities
    from {{ ref('fct_opportunities') }}
    where is_won
    group by {{ month_start('closed_date') }}

)

select
    coalesce(mix.period_month, bookings.period_month) as period_month,
    mix.booked_amount as mix_amount,
    bookings.booked_amount
from mix
full outer join bookings on mix.period_month = bookings.period_month
where
    coalesce(mix.booked_amount, 0) <> coalesce(bookings.booked_amount, 0)
    or coalesce(mix.opportunities, 0) <> coalesce(bookings.opportunities, 0)
