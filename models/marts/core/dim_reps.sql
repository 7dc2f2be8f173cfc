with user_records as (

    select * from {{ ref('int_user_records_unioned') }}

),

rep_groups as (

    select * from {{ ref('int_rep_groups') }}

),

final as (

    select
        user_records.system || ':' || user_records.record_id as rep_id,
        user_records.system,
        user_records.record_id,
        user_records.role,
        user_records.team,
        rep_groups.rep_group,
        user_records.region,
        user_records.time_zone,
        coalesce(user_records.is_queue, false) as is_queue,
        coalesce(user_records.is_active, true) and not user_records.is_deleted as is_active
    from user_records
    left join rep_groups
        on user_records.system || ':' || user_records.record_id = rep_groups.rep_id

)

select * from final
