with opportunities as (

    select * from {{ ref('int_opportunities') }}

),

rep_groups as (

    select * from {{ ref('int_rep_groups') }}

),

final as (

    select
        opportunities.opportunity_id,
        opportunities.account_id,
        opportunities.person_id,
        opportunities.rep_id,
        opportunities.campaign_id,
        opportunities.renews_opportunity_id,
        opportunities.system,
        opportunities.object,
        opportunities.record_id,
        opportunities.link_evidence,
        opportunities.opportunity_name,
        opportunities.opportunity_type,
        opportunities.stage,
        opportunities.lead_source,
        opportunities.forecast_category,
        opportunities.loss_reason,
        opportunities.competitor,
        opportunities.segment,
        opportunities.region,
        rep_groups.rep_group as owner_team,
        opportunities.original_currency,
        opportunities.recurring_period,
        opportunities.amount,
        opportunities.original_amount,
        opportunities.last_open_amount,
        opportunities.recurring_amount,
        opportunities.original_recurring_amount,
        opportunities.rate as fx_rate,
        cast(opportunities.contract_months as integer) as contract_months,
        opportunities.is_closed,
        opportunities.is_won,
        opportunities.is_stale,
        opportunities.rate_date,
        {{ business_date('opportunities.created_at') }} as created_date,
        {{ business_date('coalesce(opportunities.won_at, opportunities.lost_at)') }} as closed_date,
        opportunities.close_date,
        cast(opportunities.contract_start_date as date) as contract_start_date,
        opportunities.created_at,
        coalesce(opportunities.won_at, opportunities.lost_at) as closed_at,
        opportunities.won_at,
        opportunities.lost_at,
        cast(opportunities.cancelled_at as timestamp) as cancelled_at,
        opportunities.last_changed_at
    from opportunities
    left join rep_groups on opportunities.rep_id = rep_groups.rep_id
    where not opportunities.is_deleted

)

select * from final
