with source as (

    select *
    from {{ source('hubspot', 'email_event_open') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'hubspot' as system,
        'email_event_open' as object,
        id as record_id,
        user_agent,
        duration / 1000.0 as open_seconds,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
