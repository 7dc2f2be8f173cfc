with events as (

    select * from {{ source('salesforce', 'event') }}

),

{{ versions_as_of('events', 'created_date') }},

timed as (

    select
        events.id,
        coalesce(
            events.start_date_time,
            events.activity_date_time,
            cast(events.activity_date as {{ dbt.type_timestamp() }}),
            events.created_date
        ) as starts_at
    from events_as_of as events

),

{{ salesforce_relations('events_as_of') }},

final as (

    select
        'salesforce' as system,
        'event' as object,
        events.id as record_id,
        related.person_object,
        case
            when related.person_object is not null then events.who_id
        end as person_record_id,
        cast(null as {{ dbt.type_string() }}) as visitor_id,
        case
            when related.what_object = 'opportunity' then events.what_id
        end as opportunity_record_id,
        coalesce(
            events.account_id,
            case when related.what_object = 'account' then events.what_id end
        ) as account_record_id,
        events.owner_id as owner_record_id,
        coalesce(events.type, events.event_subtype) as source_value,
        cast(null as {{ dbt.type_string() }}) as direction,
        events.outcome,
        cast(null as {{ dbt.type_string() }}) as source,
        cast(null as {{ dbt.type_string() }}) as medium,
        cast(null as {{ dbt.type_string() }}) as campaign,
        cast(null as {{ dbt.type_string() }}) as campaign_record_id,
        events.content_id,
        cast(null as {{ dbt.type_string() }}) as url,
        cast(null as {{ dbt.type_string() }}) as user_agent,
        cast(null as {{ dbt.type_string() }}) as message_id,
        cast(null as {{ dbt.type_string() }}) as reference_system,
        cast(null as {{ dbt.type_string() }}) as logged_as,
        timed.starts_at > {{ as_of() }} as is_planned,
        cast(events.duration_in_minutes as decimal(18, 2)) as duration_minutes,
        timed.starts_at as occurred_at,
        case when not events.is_rebuilt then events._modified_at end as modified_at,
        (
            not events.is_rebuilt
            and (events._is_deleted or not coalesce(events._fivetran_active, true))
        ) as is_deleted
    from events_as_of as events
    inner join related
        on events.id = related.id
    inner join timed
        on events.id = timed.id

)

select * from final
