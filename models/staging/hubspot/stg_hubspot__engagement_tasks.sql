with source as (

    select *
    from {{ source('hubspot', 'engagement_task') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'hubspot' as system,
        'engagement_task' as object,
        engagement_id as record_id,
        'TASK' as engagement_type,
        owner_id as owner_record_id,
        status as outcome,
        coalesce(hs_task_type, task_type) as task_type,
        not coalesce(
            upper(status) = 'COMPLETED' or completed_at is not null,
            false
        ) as is_planned,
        coalesce(completed_at, timestamp) as occurred_at,
        created_at,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
