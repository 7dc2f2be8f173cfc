with tasks as (

    select * from {{ source('salesforce', 'task') }}

),

{{ versions_as_of('tasks', 'created_date') }},

dated as (

    select
        tasks.id,
        tasks.is_rebuilt,
        coalesce(tasks.is_closed, lower(tasks.status) = 'completed', false) as is_closed,
        -- Without a moment of completion, what is done happened on the day it was due, but not
        -- before it was written down; what is planned stands on its due day.
        coalesce(
            tasks.completed_date_time,
            greatest(
                cast(tasks.activity_date as {{ dbt.type_timestamp() }}),
                tasks.created_date
            )
        ) as done_at,
        coalesce(
            cast(tasks.activity_date as {{ dbt.type_timestamp() }}),
            tasks.created_date
        ) as due_at
    from tasks_as_of as tasks

),

timed as (

    select
        dated.id,
        dated.done_at,
        dated.due_at,
        dated.is_closed and (not dated.is_rebuilt or dated.done_at <= {{ as_of() }}) as is_done
    from dated

),

{{ salesforce_relations('tasks_as_of') }},

final as (

    select
        'salesforce' as system,
        'task' as object,
        tasks.id as record_id,
        related.person_object,
        case
            when related.person_object is not null then tasks.who_id
        end as person_record_id,
        cast(null as {{ dbt.type_string() }}) as visitor_id,
        case
            when related.what_object = 'opportunity' then tasks.what_id
        end as opportunity_record_id,
        coalesce(
            tasks.account_id,
            case when related.what_object = 'account' then tasks.what_id end
        ) as account_record_id,
        tasks.owner_id as owner_record_id,
        -- A type like Email does not say whether a person wrote it; the subtype that Salesforce
        -- sets does.
        case
            when
                tasks.type is null
                or tasks.task_subtype is null
                or lower(tasks.task_subtype) = 'task'
                or position(lower(tasks.task_subtype) in lower(tasks.type)) > 0
                then coalesce(tasks.type, tasks.task_subtype)
            else tasks.type || ': ' || tasks.task_subtype
        end as source_value,
        lower(tasks.call_type) as direction,
        case when timed.is_done then tasks.call_disposition end as outcome,
        cast(null as {{ dbt.type_string() }}) as source,
        cast(null as {{ dbt.type_string() }}) as medium,
        cast(null as {{ dbt.type_string() }}) as campaign,
        cast(null as {{ dbt.type_string() }}) as campaign_record_id,
        tasks.content_id,
        cast(null as {{ dbt.type_string() }}) as url,
        cast(null as {{ dbt.type_string() }}) as user_agent,
        cast(null as {{ dbt.type_string() }}) as message_id,
        cast(null as {{ dbt.type_string() }}) as reference_system,
        cast(null as {{ dbt.type_string() }}) as logged_as,
        not timed.is_done as is_planned,
        cast(tasks.call_duration_in_seconds / 60.0 as decimal(18, 2)) as duration_minutes,
        case when timed.is_done then timed.done_at else timed.due_at end as occurred_at,
        case when not tasks.is_rebuilt then tasks._modified_at end as modified_at,
        (
            not tasks.is_rebuilt
            and (tasks._is_deleted or not coalesce(tasks._fivetran_active, true))
        ) as is_deleted
    from tasks_as_of as tasks
    inner join related
        on tasks.id = related.id
    inner join timed
        on tasks.id = timed.id

)

select * from final
