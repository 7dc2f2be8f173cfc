with source as (

    select *
    from {{ source('hubspot', 'users') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'hubspot' as system,
        'users' as object,
        id as record_id,
        email,
        role_id as role_record_id,
        primary_team_id as team_record_id,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
