with source as (

    select *
    from {{ source('hubspot', 'engagement_note') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'hubspot' as system,
        'engagement_note' as object,
        engagement_id as record_id,
        'NOTE' as engagement_type,
        owner_id as owner_record_id,
        timestamp as occurred_at,
        created_at,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
