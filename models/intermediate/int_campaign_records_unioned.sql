{{ config(materialized='view') }}

with salesforce_campaigns as (

    select * from {{ ref('stg_salesforce__campaigns') }}

),

crm_campaigns as (

    select * from {{ ref('stg_crm__campaigns') }}

),

unioned as (

    select
        salesforce_campaigns.system,
        salesforce_campaigns.object,
        salesforce_campaigns.record_id,
        salesforce_campaigns.campaign_name,
        salesforce_campaigns.channel,
        salesforce_campaigns.audience,
        salesforce_campaigns.product_record_id,
        salesforce_campaigns.message,
        salesforce_campaigns.budget,
        salesforce_campaigns.actual_cost,
        salesforce_campaigns.currency,
        salesforce_campaigns.expected_responses,
        salesforce_campaigns.start_date,
        salesforce_campaigns.end_date,
        salesforce_campaigns.sales_briefed_at,
        salesforce_campaigns.modified_at,
        salesforce_campaigns.is_deleted
    from salesforce_campaigns

    union all

    select
        crm_campaigns.system,
        crm_campaigns.object,
        crm_campaigns.record_id,
        crm_campaigns.campaign_name,
        crm_campaigns.channel,
        crm_campaigns.audience,
        crm_campaigns.product_record_id,
        crm_campaigns.message,
        crm_campaigns.budget,
        crm_campaigns.actual_cost,
        crm_campaigns.currency,
        crm_campaigns.expected_responses,
        crm_campaigns.start_date,
        crm_campaigns.end_date,
        crm_campaigns.sales_briefed_at,
        crm_campaigns.modified_at,
        crm_campaigns.is_deleted
    from crm_campaigns

),

final as (

    select
        unioned.system || ':' || unioned.object || ':' || unioned.record_id as record_key,
        unioned.system,
        unioned.object,
        unioned.record_id,
        unioned.campaign_name,
        unioned.channel,
        unioned.audience,
        unioned.product_record_id,
        unioned.message,
        unioned.budget,
        unioned.actual_cost,
        unioned.currency,
        unioned.expected_responses,
        unioned.start_date,
        unioned.end_date,
        unioned.sales_briefed_at,
        unioned.modified_at,
        unioned.is_deleted
    from unioned

)

select * from final
