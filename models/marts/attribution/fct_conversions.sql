with conversions as (

    select * from {{ ref('int_conversions') }}

),

opportunities as (

    select * from {{ ref('fct_opportunities') }}

),

lead_cycles as (

    select * from {{ ref('fct_lead_cycles') }}

),

journey_touches as (

    select * from {{ ref('int_journey_touches') }}

),

self_reported as (

    select * from {{ ref('int_people_self_reported') }}

),

conversations as (

    select
        conversion_id,
        min(touched_at) as first_conversation_at
    from journey_touches
    where
        is_human_touch
        and touch_type in ('call', 'meeting')
    group by conversion_id

),

journeys as (

    select
        journey_touches.conversion_id,
        count(*) as touches,
        sum(case when journey_touches.team = 'marketing' then 1 else 0 end) as marketing_touches,
        sum(case when journey_touches.team = 'sales' then 1 else 0 end) as sales_touches,
        sum(case when journey_touches.is_human_touch then 1 else 0 end) as rep_touches,
        sum(
            case
                when journey_touches.touched_at < conversations.first_conversation_at then 1
                when journey_touches.touched_at >= conversations.first_conversation_at then 0
            end
        ) as touches_before_conversation,
        count(distinct journey_touches.person_id) as people,
        count(distinct journey_touches.content_id) as contents,
        max(case when journey_touches.is_first then journey_touches.team end) as first_team,
        min(journey_touches.touched_at) as first_touched_at,
        max(conversations.first_conversation_at) as first_conversation_at
    from journey_touches
    left join conversations on journey_touches.conversion_id = conversations.conversion_id
    group by journey_touches.conversion_id

),

final as (

    select
        conversions.conversion_id,
        conversions.opportunity_id,
        conversions.account_id,
        conversions.person_id,
        conversions.conversion_type,
        conversions.opportunity_type,
        conversions.segment,
        conversions.region,
        lead_cycles.motion,
        self_reported.channel as self_reported_channel,
        case
            when journeys.marketing_touches > 0 and journeys.sales_touches > 0 then 'both teams'
            when journeys.marketing_touches > 0 then 'marketing alone'
            when journeys.sales_touches > 0 then 'sales alone'
            else 'no touch recorded'
        end as teams_involved,
        journeys.first_team,
        conversions.original_currency,
        conversions.value,
        conversions.original_value,
        cast(
            case
                when opportunities.recurring_period = 'year' then opportunities.recurring_amount
                else opportunities.recurring_amount * 12
            end
            as decimal(18, 2)
        ) as recurring_amount_12_months,
        cast(coalesce(journeys.touches, 0) as bigint) as touches,
        cast(coalesce(journeys.marketing_touches, 0) as bigint) as marketing_touches,
        cast(coalesce(journeys.sales_touches, 0) as bigint) as sales_touches,
        cast(coalesce(journeys.rep_touches, 0) as bigint) as rep_touches,
        cast(journeys.touches_before_conversation as bigint) as touches_before_conversation,
        cast(coalesce(journeys.people, 0) as bigint) as people,
        cast(coalesce(journeys.contents, 0) as bigint) as contents,
        conversions.is_new_customer,
        {{ business_date('conversions.converted_at') }} as converted_date,
        conversions.lead_at,
        journeys.first_touched_at,
        journeys.first_conversation_at,
        conversions.converted_at
    from conversions
    inner join opportunities on conversions.opportunity_id = opportunities.opportunity_id
    left join lead_cycles on conversions.opportunity_id = lead_cycles.opportunity_id
    left join journeys on conversions.conversion_id = journeys.conversion_id
    left join self_reported on conversions.person_id = self_reported.person_id

)

select * from final
