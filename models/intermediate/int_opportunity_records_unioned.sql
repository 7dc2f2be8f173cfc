{{ config(materialized='view') }}

with salesforce_opportunities as (

    select * from {{ ref('stg_salesforce__opportunities') }}

),

crm_opportunities as (

    select * from {{ ref('stg_crm__opportunities') }}

),

crm_systems_in_use as (

    select * from {{ ref('int_crm_systems_in_use') }}

),

opportunity_types as (

    select * from {{ ref('opportunity_types') }}

),

unioned as (

    select
        salesforce_opportunities.system,
        salesforce_opportunities.object,
        salesforce_opportunities.record_id,
        salesforce_opportunities.account_record_id,
        salesforce_opportunities.primary_person_record_id,
        salesforce_opportunities.opportunity_name,
        salesforce_opportunities.opportunity_type,
        salesforce_opportunities.stage,
        salesforce_opportunities.amount,
        salesforce_opportunities.currency,
        salesforce_opportunities.close_date,
        salesforce_opportunities.lead_source,
        salesforce_opportunities.forecast_category,
        salesforce_opportunities.loss_reason,
        salesforce_opportunities.competitor,
        salesforce_opportunities.owner_record_id,
        salesforce_opportunities.campaign_record_id,
        salesforce_opportunities.contract_start_date,
        salesforce_opportunities.contract_months,
        salesforce_opportunities.recurring_amount,
        salesforce_opportunities.recurring_period,
        salesforce_opportunities.renews_record_id,
        salesforce_opportunities.cancelled_at,
        salesforce_opportunities.is_closed,
        salesforce_opportunities.is_won,
        salesforce_opportunities.created_at,
        salesforce_opportunities.modified_at,
        salesforce_opportunities.is_deleted
    from salesforce_opportunities

    union all

    select
        crm_opportunities.system,
        crm_opportunities.object,
        crm_opportunities.record_id,
        crm_opportunities.account_record_id,
        crm_opportunities.primary_person_record_id,
        crm_opportunities.opportunity_name,
        crm_opportunities.opportunity_type,
        crm_opportunities.stage,
        crm_opportunities.amount,
        crm_opportunities.currency,
        crm_opportunities.close_date,
        crm_opportunities.lead_source,
        crm_opportunities.forecast_category,
        crm_opportunities.loss_reason,
        crm_opportunities.competitor,
        crm_opportunities.owner_record_id,
        crm_opportunities.campaign_record_id,
        crm_opportunities.contract_start_date,
        crm_opportunities.contract_months,
        crm_opportunities.recurring_amount,
        crm_opportunities.recurring_period,
        crm_opportunities.renews_record_id,
        crm_opportunities.cancelled_at,
        crm_opportunities.is_closed,
        crm_opportunities.is_won,
        crm_opportunities.created_at,
        crm_opportunities.modified_at,
        crm_opportunities.is_deleted
    from crm_opportunities

),

type_mappings as (

    select
        lower(opportunity_types.system) as system,
        lower(trim(opportunity_types.value)) as value,
        opportunity_types.opportunity_type
    from opportunity_types

),

final as (

    select
        unioned.system || ':' || unioned.object || ':' || unioned.record_id as record_key,
        unioned.system,
        unioned.object,
        unioned.record_id,
        unioned.account_record_id,
        unioned.primary_person_record_id,
        unioned.opportunity_name,
        -- A value of the system itself comes before one of any system, and that before the default.
        coalesce(
            own_values.opportunity_type,
            any_systems_values.opportunity_type,
            own_default.opportunity_type,
            default_type.opportunity_type
        ) as opportunity_type,
        unioned.opportunity_type as original_type,
        coalesce(
            own_values.opportunity_type,
            any_systems_values.opportunity_type
        ) is not null as is_type_mapped,
        unioned.stage,
        unioned.amount,
        unioned.currency,
        unioned.close_date,
        unioned.lead_source,
        unioned.forecast_category,
        unioned.loss_reason,
        unioned.competitor,
        unioned.owner_record_id,
        unioned.campaign_record_id,
        unioned.contract_start_date,
        unioned.contract_months,
        unioned.recurring_amount,
        unioned.recurring_period,
        unioned.renews_record_id,
        unioned.cancelled_at,
        unioned.is_closed,
        unioned.is_won,
        unioned.created_at,
        unioned.modified_at,
        unioned.is_deleted
    from unioned
    inner join crm_systems_in_use
        on unioned.system = crm_systems_in_use.system
    left join type_mappings as own_values
        on
            unioned.system = own_values.system
            and lower(trim(unioned.opportunity_type)) = own_values.value
    left join type_mappings as any_systems_values
        on
            any_systems_values.system = '*'
            and lower(trim(unioned.opportunity_type)) = any_systems_values.value
    left join type_mappings as own_default
        on
            unioned.system = own_default.system
            and own_default.value = '*'
    left join type_mappings as default_type
        on
            default_type.system = '*'
            and default_type.value = '*'

)

select * from final
