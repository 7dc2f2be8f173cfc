with activities as (

    select * from {{ ref('int_activities') }}

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
