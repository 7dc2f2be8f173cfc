with products as (

    select * from {{ source('salesforce', 'product') }}

),

{{ versions_as_of('products', 'created_date') }},

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
        case when not products.is_rebuilt then products._modified_at end as modified_at,
        (
            not products.is_rebuilt
            and (products._is_deleted or not coalesce(products._fivetran_active, true))
        ) as is_deleted
    from products_as_of as products

)

select * from final
