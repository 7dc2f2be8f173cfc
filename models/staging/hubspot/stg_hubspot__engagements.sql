with engagements as (

    select *
    from {{ source('hubspot', 'engagement') }} as delivered
    where {{ visible('delivered') }}

),

calls as (

    select * from {{ ref('stg_hubspot__engagement_calls') }}

),

meetings as (

    select * from {{ ref('stg_hubspot__engagement_meetings') }}

),

emails as (

    select * from {{ ref('stg_hubspot__engagement_emails') }}

),

notes as (

    select * from {{ ref('stg_hubspot__engagement_notes') }}

),

tasks as (

    select * from {{ ref('stg_hubspot__engagement_tasks') }}

),

communications as (

    select * from {{ ref('stg_hubspot__engagement_communications') }}

),

kinds as (

    select
        record_id,
        engagement_type,
        owner_record_id,
        direction,
        coalesce(outcome, status) as outcome,
        is_planned,
        cast(duration_minutes as {{ dbt.type_float() }}) as duration_minutes,
        occurred_at,
        created_at,
        modified_at,
        is_deleted
    from calls

    union all

    select
        record_id,
        engagement_type,
        owner_record_id,
        cast(null as {{ dbt.type_string() }}) as direction,
        outcome,
        is_planned,
        cast(duration_minutes as {{ dbt.type_float() }}) as duration_minutes,
        occurred_at,
        created_at,
        modified_at,
        is_deleted
    from meetings

    union all

    select
        record_id,
        engagement_type,
        owner_record_id,
        direction,
        outcome,
        is_planned,
        cast(null as {{ dbt.type_float() }}) as duration_minutes,
        occurred_at,
        created_at,
        modified_at,
        is_deleted
    from emails

    union all

    select
        record_id,
        engagement_type,
        owner_record_id,
        cast(null as {{ dbt.type_string() }}) as direction,
        cast(null as {{ dbt.type_string() }}) as outcome,
        false as is_planned,
        cast(null as {{ dbt.type_float() }}) as duration_minutes,
        occurred_at,
        created_at,
        modified_at,
        is_deleted
    from notes

    union all

    select
        record_id,
        engagement_type,
        owner_record_id,
        cast(null as {{ dbt.type_string() }}) as direction,
        outcome,
        is_planned,
        cast(null as {{ dbt.type_float() }}) as duration_minutes,
        occurred_at,
        created_at,
        modified_at,
        is_deleted
    from tasks

    union all

    select
        record_id,
        engagement_type,
        owner_record_id,
        cast(null as {{ dbt.type_string() }}) as direction,
        outcome,
        false as is_planned,
        cast(null as {{ dbt.type_float() }}) as duration_minutes,
        occurred_at,
        created_at,
        modified_at,
        is_deleted
    from communications

),

joined as (

    select
        coalesce(engagements.id, kinds.record_id) as record_id,
        case
            when kinds.engagement_type = 'INCOMING_EMAIL' then 'INCOMING_EMAIL'
            else coalesce(upper(engagements.type), kinds.engagement_type)
        end as engagement_type,
        coalesce(kinds.owner_record_id, engagements.owner_id) as owner_record_id,
        kinds.direction,
        kinds.outcome,
        -- A task of which nothing but its existence is known has not been done as far as we know.
        coalesce(kinds.is_planned, upper(engagements.type) = 'TASK', false) as is_planned,
        kinds.duration_minutes,
        coalesce(
            kinds.occurred_at,
            engagements.timestamp,
            kinds.created_at,
            engagements.created_at
        ) as occurred_at,
        coalesce(kinds.created_at, engagements.created_at) as created_at,
        coalesce(
            greatest(engagements._modified_at, kinds.modified_at),
            engagements._modified_at,
            kinds.modified_at
        ) as modified_at,
        coalesce(engagements._is_deleted, false) or coalesce(kinds.is_deleted, false) as is_deleted
    from engagements
    full outer join kinds on engagements.id = kinds.record_id

),

final as (

    select
        'hubspot' as system,
        'engagement' as object,
        record_id,
        owner_record_id,
        engagement_type,
        coalesce(
            direction,
            case when engagement_type = 'INCOMING_EMAIL' then 'inbound' end
        ) as direction,
        outcome,
        duration_minutes,
        coalesce(is_planned or occurred_at > {{ as_of() }}, is_planned) as is_planned,
        occurred_at,
        created_at,
        modified_at,
        is_deleted
    from joined

)

select * from final
