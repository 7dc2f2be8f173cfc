with opportunities as (

    select * from {{ source('salesforce', 'opportunity') }}

),

final as (

    select
        'salesforce' as system,
        'opportunity' as object,
        opportunities.id as record_id,
        opportunities.account_id as account_record_id,
        opportunities.primary_contact_id as primary_person_record_id,
        opportunities.name as opportunity_name,
        opportunities.type as opportunity_type,
        opportunities.stage_name as stage,
        opportunities.amount,
        opportunities.currency_iso_code as currency,
        opportunities.close_date,
        opportunities.lead_source,
        opportunities.forecast_category,
        opportunities.loss_reason,
        opportunities.competitor,
        opportunities.owner_id as owner_record_id,
        opportunities.campaign_id as campaign_record_id,
        opportunities.contract_start_date,
        opportunities.contract_months,
        opportunities.recurring_amount,
        case
            when lower(opportunities.recurring_period) in ('month', 'monthly') then 'month'
            when lower(opportunities.recurring_period) in ('year', 'annual') then 'year'
        end as recurring_period,
        opportunities.renews_opportunity_id as renews_record_id,
        opportunities.cancelled_at,
        opportunities.is_closed,
        opportunities.is_won,
        opportunities.created_date as created_at,
        opportunities._modified_at as modified_at,
        (
            opportunities._is_deleted
            or not coalesce(opportunities._fivetran_active, true)
        ) as is_deleted
    from opportunities
    where {{ visible('opportunities') }}

)

select * from final
