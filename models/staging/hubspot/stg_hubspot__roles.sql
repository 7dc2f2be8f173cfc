with source as (

    select *
    from {{ source('hubspot', 'role') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'hubspot' as system,
        'role' as object,
        id as record_id,
        name as role_name,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
