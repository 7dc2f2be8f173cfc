with source as (

    select *
    from {{ source('hubspot', 'engagement_call') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'hubspot' as system,
        'engagement_call' as object,
        engagement_id as record_id,
        'CALL' as engagement_type,
        owner_id as owner_record_id,
        outcome,
        status,
        lower(direction) as direction,
        duration / 60000.0 as duration_minutes,
        coalesce(
            upper(status) in ('QUEUED', 'SCHEDULED', 'RINGING', 'CONNECTING'),
            false
        ) as is_planned,
        timestamp as occurred_at,
        created_at,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
