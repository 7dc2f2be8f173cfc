with source as (

    select *
    from {{ source('hubspot', 'form') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'hubspot' as system,
        'form' as object,
        guid as record_id,
        name as form_name,
        form_type,
        created_at,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
