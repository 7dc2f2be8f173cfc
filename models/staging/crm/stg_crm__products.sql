with products as (

    select * from {{ source('crm', 'products') }}

),

final as (

    select
        'crm' as system,
        'products' as object,
        products.product_id as record_id,
        products.name as product_name,
        products.family,
        products.list_price,
        products.currency,
        products._modified_at as modified_at,
        products._is_deleted as is_deleted
    from products
    where {{ visible('products') }}

)

select * from final
