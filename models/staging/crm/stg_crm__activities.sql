with activities as (

    select * from {{ source('crm', 'activities') }}

),

{{ versions_as_of('activities', 'occurred_at') }},

final as (

    select
        'crm' as system,
        'activities' as object,
        activities.activity_id as record_id,
        case when activities.record_id is not null then 'people' end as person_object,
        activities.record_id as person_record_id,
        cast(null as {{ dbt.type_string() }}) as visitor_id,
        activities.opportunity_id as opportunity_record_id,
        cast(null as {{ dbt.type_string() }}) as account_record_id,
        activities.owner_id as owner_record_id,
        activities.type as source_value,
        lower(activities.direction) as direction,
        activities.outcome,
        cast(null as {{ dbt.type_string() }}) as source,
        cast(null as {{ dbt.type_string() }}) as medium,
        cast(null as {{ dbt.type_string() }}) as campaign,
        cast(null as {{ dbt.type_string() }}) as campaign_record_id,
        activities.content_id,
        cast(null as {{ dbt.type_string() }}) as url,
        cast(null as {{ dbt.type_string() }}) as user_agent,
        cast(null as {{ dbt.type_string() }}) as message_id,
        cast(null as {{ dbt.type_string() }}) as reference_system,
        cast(null as {{ dbt.type_string() }}) as logged_as,
        activities.occurred_at > {{ as_of() }} as is_planned,
        activities.duration_minutes,
        activities.occurred_at,
        case when not activities.is_rebuilt then activities._modified_at end as modified_at,
        activities._is_deleted and not activities.is_rebuilt as is_deleted
    from activities_as_of as activities

)

select * from final
