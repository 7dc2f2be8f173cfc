with source as (

    select *
    from {{ source('hubspot', 'email_event_click') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'hubspot' as system,
        'email_event_click' as object,
        id as record_id,
        url,
        user_agent,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
