with activities as (

    select * from {{ source('sales_engagement', 'activities') }}

),

{{ versions_as_of('activities', 'occurred_at') }},

final as (

    select
        'sales_engagement' as system,
        'activities' as object,
        activities.activity_id as record_id,
        activities.record_id as person_record_id,
        activities.opportunity_id as opportunity_record_id,
        activities.owner_id as owner_record_id,
        activities.crm_system,
        activities.crm_activity_id as crm_activity_record_id,
        activities.type as source_value,
        lower(activities.direction) as direction,
        activities.outcome,
        activities.content_id,
        activities.occurred_at > {{ as_of() }} as is_planned,
        activities.duration_minutes,
        activities.occurred_at,
        case when not activities.is_rebuilt then activities._modified_at end as modified_at,
        activities._is_deleted and not activities.is_rebuilt as is_deleted
    from activities_as_of as activities

)

select * from final
