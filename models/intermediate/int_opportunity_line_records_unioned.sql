{{ config(materialized='view') }}

{%- set delivering_models = [
    'stg_salesforce__opportunity_line_items',
    'stg_crm__opportunity_lines',
] -%}
{%- set conformed_columns = [
    'system',
    'object',
    'record_id',
    'opportunity_record_id',
    'product_record_id',
    'quantity',
    'unit_price',
    'list_price',
    'discount',
    'modified_at',
    'is_deleted',
] %}

with unioned as (

    {{ union_conformed(delivering_models, conformed_columns) }}

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
