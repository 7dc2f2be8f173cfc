{{ config(materialized='view') }}

with salesforce_products as (

    select * from {{ ref('stg_salesforce__products') }}

),

crm_products as (

    select * from {{ ref('stg_crm__products') }}

),

unioned as (

    select
        salesforce_products.system,
        salesforce_products.object,
        salesforce_products.record_id,
        salesforce_products.product_name,
        salesforce_products.family,
        salesforce_products.list_price,
        salesforce_products.currency,
        salesforce_products.modified_at,
        salesforce_products.is_deleted
    from salesforce_products

    union all

    select
        crm_products.system,
        crm_products.object,
        crm_products.record_id,
        crm_products.product_name,
        crm_products.family,
        crm_products.list_price,
        crm_products.currency,
        crm_products.modified_at,
        crm_products.is_deleted
    from crm_products

),

final as (

    select
        unioned.system || ':' || unioned.object || ':' || unioned.record_id as record_key,
        unioned.system,
        unioned.object,
        unioned.record_id,
        unioned.product_name,
        unioned.family,
        unioned.list_price,
        unioned.currency,
        unioned.modified_at,
        unioned.is_deleted
    from unioned

)

select * from final
