with product_records as (

    select * from {{ ref('int_product_records_unioned') }}

),

final as (

    select
        system || ':' || record_id as product_id,
        system,
        record_id,
        product_name,
        family,
        upper(
            coalesce(currency, '{{ var("default_currency", var("reporting_currency")) }}')
        ) as original_currency,
        cast(list_price as decimal(18, 2)) as original_list_price,
        is_deleted
    from product_records

)

select * from final
