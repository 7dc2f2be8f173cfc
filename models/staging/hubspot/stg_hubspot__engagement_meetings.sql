with source as (

    select *
    from {{ source('hubspot', 'engagement_meeting') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'hubspot' as system,
        'engagement_meeting' as object,
        engagement_id as record_id,
        'MEETING' as engagement_type,
        owner_id as owner_record_id,
        outcome,
        {{ dbt.datediff('start_time', 'end_time', 'minute') }} as duration_minutes, -- noqa: LT05
        coalesce(upper(outcome) in ('SCHEDULED', 'RESCHEDULED'), false) as is_planned,
        coalesce(start_time, timestamp) as occurred_at,
        created_at,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
