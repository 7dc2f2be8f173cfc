{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ clear_changed(ref('int_activities_changed'), 'touch_id', 'activity_id') }}",
) }}

with activities as (

    select *
    from {{ ref('int_activities') }}
    where {{ only_changed('activity_id', 'int_activities_changed') }}

),

final as (

    select
        activity_id as touch_id,
        person_id,
        account_id,
        campaign_id,
        content_id,
        opportunity_id,
        rep_id,
        system,
        object,
        record_id,
        activity_type as touch_type,
        channel,
        team,
        direction,
        is_response,
        is_hand_raise,
        is_human_touch,
        occurred_at as touched_at
    from activities
    where is_touch

)

select * from final
