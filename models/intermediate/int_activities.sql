{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ clear_changed(ref('int_activities_changed'), 'activity_id') }}",
) }}

with activity_records as (

    select *
    from {{ ref('int_activity_records_unioned') }}
    where {{ only_changed('record_key', 'int_activities_changed', 'activity_id') }}

),

activity_kinds as (

    select * from {{ ref('int_activity_kinds') }}

),

activity_channels as (

    select * from {{ ref('int_activity_channels') }}

),

scanner_clicks as (

    select * from {{ ref('int_scanner_clicks') }}

),

bot_user_agents as (

    select * from {{ ref('int_bot_user_agents') }}

),

people_records as (

    select * from {{ ref('int_people_records') }}

),

visitors_identified as (

    select * from {{ ref('int_visitors_identified') }}

),

people as (

    select * from {{ ref('int_people') }}

),

account_records as (

    select * from {{ ref('int_account_records') }}

),

opportunity_states as (

    select * from {{ ref('int_opportunity_states') }}

),

described as (

    select
        {{ record_key(
            'activity_records.system', 'activity_records.object', 'activity_records.record_id'
        ) }} as activity_id,
        activity_records.system,
        activity_records.object,
        activity_records.record_id,
        activity_records.person_object,
        activity_records.person_record_id,
        activity_records.visitor_id,
        activity_records.opportunity_record_id,
        activity_records.account_record_id,
        activity_records.owner_record_id,
        activity_records.logged_as,
        -- The ids of a sales engagement platform's people, deals and reps are those of its CRM.
        coalesce(activity_records.reference_system, activity_records.system) as reference_system,
        activity_records.source_value,
        activity_records.direction,
        activity_records.outcome,
        activity_records.content_id,
        activity_records.url,
        activity_records.user_agent,
        activity_records.duration_minutes,
        activity_records.occurred_at,
        activity_records.is_deleted,
        coalesce(activity_records.is_planned, false) as is_planned,
        activity_kinds.activity_type,
        activity_kinds.team,
        activity_kinds.weight,
        activity_kinds.is_response,
        activity_kinds.is_hand_raise,
        activity_kinds.is_human_touch,
        activity_kinds.is_touch,
        activity_kinds.no_touch_reason,
        -- Who the record itself names comes before whom the browser belonged to.
        coalesce(people_records.person_id, visitors_identified.person_id) as person_id,
        case
            when activity_kinds.team = 'sales' then activity_channels.sales_channel
            else activity_channels.channel
        end as channel,
        activity_channels.campaign_id
    from activity_records
    inner join activity_kinds
        on
            activity_records.system = activity_kinds.system
            and activity_records.object = activity_kinds.object
            and coalesce(activity_records.source_value, '') = activity_kinds.source_value
            and coalesce(activity_records.direction, '') = activity_kinds.direction
            and coalesce(activity_records.outcome, '') = activity_kinds.outcome
    inner join activity_channels
        on
            activity_records.system = activity_channels.system
            and coalesce(activity_records.source, '') = activity_channels.source
            and coalesce(activity_records.medium, '') = activity_channels.medium
            and coalesce(activity_records.campaign, '') = activity_channels.campaign
            and coalesce(activity_records.campaign_record_id, '')
            = activity_channels.campaign_record_id
    left join people_records
        on
            coalesce(activity_records.reference_system, activity_records.system)
            = people_records.system
            and activity_records.person_object = people_records.object
            and activity_records.person_record_id = people_records.record_id
    left join visitors_identified
        on
            activity_records.visitor_id = visitors_identified.visitor_id
            and (
                visitors_identified.valid_from is null
                or activity_records.occurred_at >= visitors_identified.valid_from
            )
            and (
                visitors_identified.valid_to is null
                or activity_records.occurred_at < visitors_identified.valid_to
            )

),

judged as (

    select
        described.activity_id,
        described.system,
        described.object,
        described.record_id,
        described.person_id,
        coalesce(people.account_id, account_records.account_id) as account_id,
        {{ record_key(
            'described.reference_system', 'described.person_object',
            'described.person_record_id'
        ) }} as record_key,
        described.visitor_id,
        opportunity_states.opportunity_id,
        described.reference_system || ':' || described.owner_record_id as rep_id,
        described.activity_type,
        described.source_value,
        described.direction,
        described.outcome,
        described.team,
        described.channel,
        described.campaign_id,
        described.content_id,
        described.url,
        described.weight,
        described.duration_minutes,
        described.is_response,
        described.is_hand_raise,
        described.is_human_touch,
        described.is_touch,
        described.no_touch_reason,
        described.occurred_at,
        coalesce(people.is_excluded, false) as is_excluded_person,
        case
            when described.is_deleted then 'deleted'
            when described.occurred_at is null then 'no_time'
            when described.is_planned then 'planned'
            when described.occurred_at > {{ as_of() }} then 'after_as_of'
            when described.logged_as is not null then 'logged_in_crm'
            when scanner_clicks.is_at_delivery then 'scanner_at_delivery'
            when scanner_clicks.is_every_link then 'scanner_every_link'
            when bot_user_agents.user_agent is not null then 'bot_user_agent'
        end as inactivity_reason
    from described
    left join people
        on described.person_id = people.person_id
    left join account_records
        on
            described.reference_system = account_records.system
            and described.account_record_id = account_records.record_id
    left join opportunity_states
        on
            described.reference_system || ':' || described.opportunity_record_id
            = opportunity_states.opportunity_id
            and opportunity_states.state_number = 1
    left join scanner_clicks
        on described.activity_id = scanner_clicks.activity_id
    left join bot_user_agents
        on described.user_agent = bot_user_agents.user_agent

),

final as (

    select
        activity_id,
        system,
        object,
        record_id,
        person_id,
        account_id,
        record_key,
        visitor_id,
        opportunity_id,
        rep_id,
        campaign_id,
        content_id,
        activity_type,
        source_value,
        direction,
        outcome,
        team,
        channel,
        url,
        inactivity_reason,
        case
            when inactivity_reason is not null then inactivity_reason
            when no_touch_reason is not null then no_touch_reason
            when is_excluded_person then 'excluded_person'
        end as no_touch_reason,
        weight,
        duration_minutes,
        inactivity_reason is null as is_activity,
        is_response and inactivity_reason is null as is_response,
        is_hand_raise and inactivity_reason is null as is_hand_raise,
        is_human_touch and inactivity_reason is null as is_human_touch,
        (
            is_touch
            and inactivity_reason is null
            and not is_excluded_person
        ) as is_touch,
        occurred_at
    from judged

)

select * from final
