with source as (

    select *
    from {{ source('hubspot', 'email_campaign') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'hubspot' as system,
        'email_campaign' as object,
        id as record_id,
        name as email_name,
        subject,
        type as email_type,
        content_id,
        created_at,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
