with products as (

    select * from {{ source('salesforce', 'product') }}

),

final as (

    select
        'salesforce' as system,
        'product' as object,
        products.id as record_id,
        products.name as product_name,
        products.family,
        products.list_price,
        products.currency_iso_code as currency,
        products.is_active,
        products._modified_at as modified_at,
        (
            products._is_deleted
            or not coalesce(products._fivetran_active, true)
        ) as is_deleted
    from products
    where {{ visible('products') }}

)

select * from final
