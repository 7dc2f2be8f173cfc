with conversions as (

    select * from {{ ref('int_conversions') }}

),

party_touches as (

    select * from {{ ref('int_party_touches') }}

),

journeys as (

    select
        conversions.conversion_id,
        conversions.lead_at,
        conversions.opportunity_at,
        conversions.close_at,
        conversions.converted_at,
        party_touches.touch_id,
        party_touches.person_id,
        party_touches.campaign_id,
        party_touches.content_id,
        party_touches.channel,
        party_touches.team,
        party_touches.touch_type,
        party_touches.is_human_touch,
        party_touches.previous_channel,
        party_touches.place,
        party_touches.touched_at
    from conversions
    inner join party_touches
        on
            conversions.party_id = party_touches.party_id
            and conversions.converted_at >= party_touches.touched_at
            and {{ dbt.dateadd(
                'day',
                '-' ~ attribution_parameter('lookback_days', dbt.type_int()),
                'conversions.converted_at',
            ) }} <= party_touches.touched_at

),

spans as (

    select
        conversion_id,
        min(place) as first_place,
        max(place) as last_place,
        max(case when touched_at <= lead_at then place end) as lead_place,
        max(case when touched_at <= opportunity_at then place end) as opportunity_place,
        max(case when touched_at <= close_at then place end) as close_place
    from journeys
    group by conversion_id

),

final as (

    select
        journeys.conversion_id,
        journeys.touch_id,
        journeys.person_id,
        journeys.campaign_id,
        journeys.content_id,
        journeys.channel,
        journeys.team,
        journeys.touch_type,
        case when journeys.place > spans.first_place then journeys.previous_channel end
            as previous_channel,
        journeys.place - spans.first_place + 1 as touch_number,
        spans.last_place - spans.first_place + 1 as touches,
        {{ microseconds_between('journeys.touched_at', 'journeys.converted_at') }}
            as microseconds_before,
        journeys.place = spans.first_place as is_first,
        journeys.place = spans.last_place as is_last,
        coalesce(journeys.place = spans.lead_place, false) as is_lead,
        coalesce(journeys.place = spans.opportunity_place, false) as is_opportunity,
        coalesce(journeys.place = spans.close_place, false) as is_close,
        journeys.channel = 'direct' as is_direct,
        journeys.is_human_touch,
        journeys.touched_at
    from journeys
    inner join spans on journeys.conversion_id = spans.conversion_id

)

select * from final
