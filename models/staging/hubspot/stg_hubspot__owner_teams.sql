with source as (

    select *
    from {{ source('hubspot', 'owner_team') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'hubspot' as system,
        'owner_team' as object,
        _key as record_id,
        owner_id as owner_record_id,
        team_id as team_record_id,
        coalesce(is_team_primary, false) as is_primary,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
