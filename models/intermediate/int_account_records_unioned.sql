{{ config(materialized='view') }}

with salesforce_accounts as (

    select * from {{ ref('stg_salesforce__accounts') }}

),

crm_accounts as (

    select * from {{ ref('stg_crm__accounts') }}

),

unioned as (

    select
        salesforce_accounts.system,
        salesforce_accounts.object,
        salesforce_accounts.record_id,
        salesforce_accounts.account_name,
        salesforce_accounts.website,
        salesforce_accounts.industry,
        salesforce_accounts.employees,
        salesforce_accounts.country,
        salesforce_accounts.owner_record_id,
        salesforce_accounts.parent_record_id,
        salesforce_accounts.merged_into_record_id,
        salesforce_accounts.created_at,
        salesforce_accounts.modified_at,
        salesforce_accounts.is_deleted
    from salesforce_accounts

    union all

    select
        crm_accounts.system,
        crm_accounts.object,
        crm_accounts.record_id,
        crm_accounts.account_name,
        crm_accounts.website,
        crm_accounts.industry,
        crm_accounts.employees,
        crm_accounts.country,
        crm_accounts.owner_record_id,
        crm_accounts.parent_record_id,
        crm_accounts.merged_into_record_id,
        crm_accounts.created_at,
        crm_accounts.modified_at,
        crm_accounts.is_deleted
    from crm_accounts

),

final as (

    select
        unioned.system || ':' || unioned.object || ':' || unioned.record_id as record_key,
        unioned.system,
        unioned.object,
        unioned.record_id,
        unioned.account_name,
        unioned.website,
        unioned.industry,
        unioned.employees,
        unioned.country,
        unioned.owner_record_id,
        unioned.parent_record_id,
        unioned.merged_into_record_id,
        unioned.created_at,
        unioned.modified_at,
        unioned.is_deleted
    from unioned

)

select * from final
