with users as (

    select * from {{ source('salesforce', 'user') }}

),

user_roles as (

    select * from {{ ref('stg_salesforce__user_roles') }}

),

{{ versions_as_of('users', 'created_date') }},

final as (

    select
        'salesforce' as system,
        'user' as object,
        users.id as record_id,
        users.name as user_name,
        users.email,
        coalesce(users.user_role_name, user_roles.role_name) as role,
        users.department as team,
        users.region,
        users.time_zone_sid_key as time_zone,
        coalesce(lower(users.user_type) = 'queue', false) or users.id like '00G%' as is_queue,
        users.is_active,
        case when not users.is_rebuilt then users._modified_at end as modified_at,
        (
            not users.is_rebuilt
            and (users._is_deleted or not coalesce(users._fivetran_active, true))
        ) as is_deleted
    from users_as_of as users
    left join user_roles
        on users.user_role_id = user_roles.record_id

)

select * from final
