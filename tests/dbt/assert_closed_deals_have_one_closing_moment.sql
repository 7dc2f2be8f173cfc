-- Fails if a deal is won without a moment or open with one, if it has two, or if it closed after
-- "now".
{{ config(meta={'owner': 'sales_operations'}) }}

with opportunities as (

    select * from {{ ref('int_opportunities') }}

),

final as (

    select
        opportunities.opportunity_id,
        opportunities.is_won,
        opportunities.is_closed,
        opportunities.won_at,
        opportunities.lost_at
    from opportunities
    where
        opportunities.is_won <> (opportunities.won_at is not null)
        or (opportunities.is_closed and not opportunities.is_won)
        <> (opportunities.lost_at is not null)
        or coalesce(opportunities.won_at, opportunities.lost_at) > {{ as_of() }}

)

select * from final
