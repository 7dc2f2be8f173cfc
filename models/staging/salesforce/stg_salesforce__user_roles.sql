with user_roles as (

    select * from {{ source('salesforce', 'user_role') }}

),

final as (

    select
        'salesforce' as system,
        'user_role' as object,
        user_roles.id as record_id,
        user_roles.name as role_name,
        user_roles._modified_at as modified_at,
        user_roles._is_deleted as is_deleted
    from user_roles
    where {{ visible('user_roles') }}

)

select * from final
