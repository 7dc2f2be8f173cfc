{{ config(materialized='view') }}

with salesforce_opportunity_line_items as (

    select * from {{ ref('stg_salesforce__opportunity_line_items') }}

),

crm_opportunity_lines as (

    select * from {{ ref('stg_crm__opportunity_lines') }}

),

unioned as (

    select
        salesforce_opportunity_line_items.system,
        salesforce_opportunity_line_items.object,
        salesforce_opportunity_line_items.record_id,
        salesforce_opportunity_line_items.opportunity_record_id,
        salesforce_opportunity_line_items.product_record_id,
        salesforce_opportunity_line_items.quantity,
        salesforce_opportunity_line_items.unit_price,
        salesforce_opportunity_line_items.list_price,
        salesforce_opportunity_line_items.discount,
        salesforce_opportunity_line_items.modified_at,
        salesforce_opportunity_line_items.is_deleted
    from salesforce_opportunity_line_items

    union all

    select
        crm_opportunity_lines.system,
        crm_opportunity_lines.object,
        crm_opportunity_lines.record_id,
        crm_opportunity_lines.opportunity_record_id,
        crm_opportunity_lines.product_record_id,
        crm_opportunity_lines.quantity,
        crm_opportunity_lines.unit_price,
        crm_opportunity_lines.list_price,
        crm_opportunity_lines.discount,
        crm_opportunity_lines.modified_at,
        crm_opportunity_lines.is_deleted
    from crm_opportunity_lines

),

final as (

    select
        unioned.system || ':' || unioned.object || ':' || unioned.record_id as record_key,
        unioned.system,
        unioned.object,
        unioned.record_id,
        unioned.opportunity_record_id,
        unioned.product_record_id,
        unioned.quantity,
        unioned.unit_price,
        unioned.list_price,
        unioned.discount,
        unioned.modified_at,
        unioned.is_deleted
    from unioned

)

select * from final
