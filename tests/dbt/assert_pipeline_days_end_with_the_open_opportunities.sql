-- Fails if the pipeline of the last day is not, per type, the opportunities open by themselves:
-- their number and their amount. It does not claim anything about days before.
with pipeline_days as (

    select
        opportunity_type,
        sum(open_opportunities) as open_opportunities,
        sum(open_amount) as open_amount
    from {{ ref('fct_pipeline_days') }}
    where
        snapshot_date
        = (select max(last_days.snapshot_date) from {{ ref('fct_pipeline_days') }} as last_days)
    group by opportunity_type

),

opportunities as (

    select
        opportunity_type,
        sum(case when is_closed then 0 else 1 end) as open_opportunities,
        sum(case when is_closed then 0 else coalesce(amount, 0) end) as open_amount
    from {{ ref('fct_opportunities') }}
    group by opportunity_type

)

select
    opportunities.opportunity_type,
    opportunities.open_opportunities,
    pipeline_days.open_opportunities as open_opportunities_of_days,
    opportunities.open_amount,
    pipeline_days.open_amount as open_amount_of_days
from opportunities
left join pipeline_days on opportunities.opportunity_type = pipeline_days.opportunity_type
where
    opportunities.open_opportunities <> coalesce(pipeline_days.open_opportunities, 0)
    or opportunities.open_amount <> coalesce(pipeline_days.open_amount, 0)
