with source as (

    select *
    from {{ source('hubspot', 'owner') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'hubspot' as system,
        'owner' as object,
        owner_id as record_id,
        nullif(trim(concat_ws(' ', first_name, last_name)), '') as user_name,
        email,
        cast(null as {{ dbt.type_string() }}) as role,
        cast(null as {{ dbt.type_string() }}) as team,
        cast(null as {{ dbt.type_string() }}) as region,
        cast(null as {{ dbt.type_string() }}) as time_zone,
        coalesce(upper(type) = 'QUEUE', false) as is_queue,
        coalesce(is_active, true) and not _is_deleted as is_active,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
