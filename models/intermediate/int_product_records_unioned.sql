{%- set delivering_models = [
    'stg_salesforce__products',
    'stg_crm__products',
] -%}
{%- set conformed_columns = [
    'system',
    'object',
    'record_id',
    'product_name',
    'family',
    'list_price',
    'currency',
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
        unioned.product_name,
        unioned.family,
        unioned.list_price,
        unioned.currency,
        unioned.modified_at,
        unioned.is_deleted
    from unioned

)

select * from final
