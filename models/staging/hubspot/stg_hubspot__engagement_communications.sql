with source as (

    select *
    from {{ source('hubspot', 'engagement_communication') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'hubspot' as system,
        'engagement_communication' as object,
        engagement_id as record_id,
        'COMMUNICATION' as engagement_type,
        owner_id as owner_record_id,
        channel as outcome,
        timestamp as occurred_at,
        created_at,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
