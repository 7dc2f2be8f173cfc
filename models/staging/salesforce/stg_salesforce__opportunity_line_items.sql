with opportunity_line_items as (

    select * from {{ source('salesforce', 'opportunity_line_item') }}

),

{{ versions_as_of('opportunity_line_items', 'created_date') }},

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
        case
            when not opportunity_line_items.is_rebuilt then opportunity_line_items._modified_at
        end as modified_at,
        (
            not opportunity_line_items.is_rebuilt
            and (
                opportunity_line_items._is_deleted
                or not coalesce(opportunity_line_items._fivetran_active, true)
            )
        ) as is_deleted
    from opportunity_line_items_as_of as opportunity_line_items

)

select * from final
