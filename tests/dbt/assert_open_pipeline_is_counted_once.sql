-- Fails if the open pipeline by stage is not that of the open deals, or less than its stale part.
with reported as (

    select
        sum(open_amount) as open_amount,
        sum(open_deals) as open_deals,
        min(open_amount - stale_amount) as least_moving_amount
    from {{ ref('rpt_open_pipeline') }}

),

deals as (

    select
        sum(coalesce(amount, 0)) as open_amount,
        count(*) as open_deals
    from {{ ref('fct_opportunities') }}
    where not is_closed

)

select
    reported.open_amount,
    deals.open_amount as deals_amount
from reported
inner join deals on 1 = 1
where
    coalesce(reported.open_amount, 0) <> coalesce(deals.open_amount, 0)
    or coalesce(reported.open_deals, 0) <> deals.open_deals
    or reported.least_moving_amount < 0
