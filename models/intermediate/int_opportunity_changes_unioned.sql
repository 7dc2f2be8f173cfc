{{ config(materialized='view') }}

with salesforce_opportunity_histories as (

    select * from {{ ref('stg_salesforce__opportunity_histories') }}

),

crm_opportunity_histories as (

    select * from {{ ref('stg_crm__opportunity_histories') }}

),

crm_systems_in_use as (

    select * from {{ ref('int_crm_systems_in_use') }}

),

unioned as (

    select
        salesforce_opportunity_histories.system,
        salesforce_opportunity_histories.object,
        salesforce_opportunity_histories.record_id,
        salesforce_opportunity_histories.change_id,
        salesforce_opportunity_histories.stage,
        salesforce_opportunity_histories.amount,
        salesforce_opportunity_histories.currency,
        salesforce_opportunity_histories.close_date,
        salesforce_opportunity_histories.owner_record_id,
        salesforce_opportunity_histories.changed_at,
        salesforce_opportunity_histories.modified_at,
        salesforce_opportunity_histories.is_deleted
    from salesforce_opportunity_histories

    union all

    select
        crm_opportunity_histories.system,
        crm_opportunity_histories.object,
        crm_opportunity_histories.record_id,
        crm_opportunity_histories.change_id,
        crm_opportunity_histories.stage,
        crm_opportunity_histories.amount,
        crm_opportunity_histories.currency,
        crm_opportunity_histories.close_date,
        crm_opportunity_histories.owner_record_id,
        crm_opportunity_histories.changed_at,
        crm_opportunity_histories.modified_at,
        crm_opportunity_histories.is_deleted
    from crm_opportunity_histories

),

final as (

    select
        unioned.system,
        unioned.object,
        unioned.record_id,
        unioned.change_id,
        unioned.stage,
        unioned.amount,
        unioned.currency,
        unioned.close_date,
        unioned.owner_record_id,
        unioned.changed_at,
        unioned.modified_at,
        unioned.is_deleted
    from unioned
    inner join crm_systems_in_use
        on unioned.system = crm_systems_in_use.system

)

select * from final
