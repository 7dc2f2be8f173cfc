{{ config(materialized='view') }}

with salesforce_users as (

    select * from {{ ref('stg_salesforce__users') }}

),

crm_users as (

    select * from {{ ref('stg_crm__users') }}

),

unioned as (

    select
        salesforce_users.system,
        salesforce_users.object,
        salesforce_users.record_id,
        salesforce_users.user_name,
        salesforce_users.email,
        salesforce_users.role,
        salesforce_users.team,
        salesforce_users.region,
        salesforce_users.time_zone,
        salesforce_users.is_queue,
        salesforce_users.is_active,
        salesforce_users.modified_at,
        salesforce_users.is_deleted
    from salesforce_users

    union all

    select
        crm_users.system,
        crm_users.object,
        crm_users.record_id,
        crm_users.user_name,
        crm_users.email,
        crm_users.role,
        crm_users.team,
        crm_users.region,
        crm_users.time_zone,
        crm_users.is_queue,
        crm_users.is_active,
        crm_users.modified_at,
        crm_users.is_deleted
    from crm_users

),

final as (

    select
        unioned.system || ':' || unioned.object || ':' || unioned.record_id as record_key,
        unioned.system,
        unioned.object,
        unioned.record_id,
        unioned.user_name,
        unioned.email,
        unioned.role,
        unioned.team,
        unioned.region,
        unioned.time_zone,
        unioned.is_queue,
        unioned.is_active,
        unioned.modified_at,
        unioned.is_deleted
    from unioned

)

select * from final
