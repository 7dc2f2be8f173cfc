with users as (

    select * from {{ source('crm', 'users') }}

),

final as (

    select
        'crm' as system,
        'users' as object,
        users.user_id as record_id,
        users.name as user_name,
        users.email,
        users.role,
        users.team,
        users.region,
        users.time_zone,
        coalesce(users.is_queue, lower(users.role) = 'queue', false) as is_queue,
        users.is_active,
        users._modified_at as modified_at,
        users._is_deleted as is_deleted
    from users
    where {{ visible('users') }}

)

select * from final
