with opportunity_lines as (

    select * from {{ source('crm', 'opportunity_lines') }}

),

final as (

    select
        'crm' as system,
        'opportunity_lines' as object,
        opportunity_lines.line_id as record_id,
        opportunity_lines.opportunity_id as opportunity_record_id,
        opportunity_lines.product_id as product_record_id,
        opportunity_lines.quantity,
        opportunity_lines.unit_price,
        opportunity_lines.list_price,
        opportunity_lines.discount,
        opportunity_lines._modified_at as modified_at,
        opportunity_lines._is_deleted as is_deleted
    from opportunity_lines
    where {{ visible('opportunity_lines') }}

)

select * from final
