{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ clear_changed(ref('int_activity_records_changed'), 'record_key') }}",
) }}

{%- set delivering_models = [
    'stg_salesforce__tasks',
    'stg_salesforce__events',
    'stg_salesforce__campaign_members',
    'stg_crm__activities',
    'stg_crm__campaign_members',
    'stg_hubspot__form_submissions',
    'stg_hubspot__email_events',
    'int_engagements_expanded_to_contacts',
    'int_sales_engagement_activities_matched',
    'stg_marketing__activities',
    'stg_web_analytics__sessions',
] -%}

with unioned as (

    {%- if adds_to_last_build() %}

    select *
    from {{ ref('int_activity_records_changed') }}
    where not is_gone

    {%- else %}

        {{ union_conformed(delivering_models, activity_record_columns()) }}

    {%- endif %}

),

final as (

    select
        system || ':' || object || ':' || record_id as record_key,
        system,
        object,
        record_id,
        person_object,
        person_record_id,
        visitor_id,
        opportunity_record_id,
        account_record_id,
        owner_record_id,
        source_value,
        direction,
        outcome,
        source,
        medium,
        campaign,
        campaign_record_id,
        content_id,
        url,
        user_agent,
        message_id,
        reference_system,
        logged_as,
        is_planned,
        duration_minutes,
        occurred_at,
        modified_at,
        is_deleted
    from unioned

)

select * from final
