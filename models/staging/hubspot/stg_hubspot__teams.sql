with source as (

    select *
    from {{ source('hubspot', 'team') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'hubspot' as system,
        'team' as object,
        id as record_id,
        name as team_name,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
