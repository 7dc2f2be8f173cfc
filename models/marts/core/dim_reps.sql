with user_records as (

    select * from {{ ref('int_user_records_unioned') }}

),

final as (

    select
        system || ':' || record_id as rep_id,
        system,
        record_id,
        role,
        team,
        region,
        time_zone,
        coalesce(is_queue, false) as is_queue,
        coalesce(is_active, true) and not is_deleted as is_active
    from user_records

)

select * from final
