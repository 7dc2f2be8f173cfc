with opportunity_line_items as (

    select * from {{ source('salesforce', 'opportunity_line_item') }}

),

final as (

    select
        'salesforce' as system,
        'opportunity_line_item' as object,
        opportunity_line_items.id as record_id,
        opportunity_line_items.opportunity_id as opportunity_record_id,
        opportunity_line_items.product_2_id as product_record_id,
        opportunity_line_items.quantity,
        opportunity_line_items.unit_price,
        opportunity_line_items.list_price,
        cast(opportunity_line_items.discount / 100 as decimal(9, 6)) as discount,
        opportunity_line_items.total_price,
        opportunity_line_items.created_date as created_at,
        opportunity_line_items._modified_at as modified_at,
        (
            opportunity_line_items._is_deleted
            or not coalesce(opportunity_line_items._fivetran_active, true)
        ) as is_deleted
    from opportunity_line_items
    where {{ visible('opportunity_line_items') }}

)

select * from final
