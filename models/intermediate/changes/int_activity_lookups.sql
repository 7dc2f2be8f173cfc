{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['lookup_kind', 'lookup_key'],
    on_schema_change='fail',
) }}

with people_records as (

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

scanner_clicks as (

    select * from {{ ref('int_scanner_clicks') }}

),

bot_user_agents as (

    select * from {{ ref('int_bot_user_agents') }}

),

activity_channels as (

    select * from {{ ref('int_activity_channels') }}

),

values_now as (

    select
        'person_record' as lookup_kind,
        people_records.record_key as lookup_key,
        people_records.record_key as subject_id,
        people_records.person_id as found_value
    from people_records

    union all

    select
        'visitor' as lookup_kind,
        visitors_identified.visitor_id || '|'
        || coalesce(cast(visitors_identified.valid_from as {{ dbt.type_string() }}), '')
            as lookup_key,
        visitors_identified.visitor_id as subject_id,
        visitors_identified.person_id || '|'
        || coalesce(cast(visitors_identified.valid_to as {{ dbt.type_string() }}), '')
            as found_value
    from visitors_identified

    union all

    select
        'person' as lookup_kind,
        people.person_id as lookup_key,
        people.person_id as subject_id,
        case when people.is_excluded then 'out|' else 'in|' end || coalesce(people.account_id, '')
            as found_value
    from people

    union all

    select
        'account_record' as lookup_kind,
        account_records.system || ':' || account_records.record_id as lookup_key,
        account_records.system || ':' || account_records.record_id as subject_id,
        coalesce(account_records.account_id, '') as found_value
    from account_records

    union all

    select
        'opportunity' as lookup_kind,
        opportunity_states.opportunity_id as lookup_key,
        opportunity_states.opportunity_id as subject_id,
        'known' as found_value
    from opportunity_states
    where opportunity_states.state_number = 1

    union all

    select
        'scanner_click' as lookup_kind,
        scanner_clicks.activity_id as lookup_key,
        scanner_clicks.activity_id as subject_id,
        case when scanner_clicks.is_at_delivery then 'at_delivery' else 'every_link' end
            as found_value
    from scanner_clicks

    union all

    select
        'bot_user_agent' as lookup_kind,
        bot_user_agents.user_agent as lookup_key,
        bot_user_agents.user_agent as subject_id,
        'bot' as found_value
    from bot_user_agents

    union all

    select
        'channel' as lookup_kind,
        activity_channels.system
        || '|' || activity_channels.source
        || '|' || activity_channels.medium
        || '|' || activity_channels.campaign
        || '|' || activity_channels.campaign_record_id as lookup_key,
        activity_channels.system
        || '|' || activity_channels.source
        || '|' || activity_channels.medium
        || '|' || activity_channels.campaign
        || '|' || activity_channels.campaign_record_id as subject_id,
        activity_channels.channel || '|' || activity_channels.sales_channel
        || '|' || coalesce(activity_channels.campaign_id, '') as found_value
    from activity_channels

),

final as (

    {{ remembered_values('values_now') }}

)

select * from final
