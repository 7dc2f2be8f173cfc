with activity_records as (

    select * from {{ ref('int_activity_records_unioned') }}

),

activity_kinds as (

    select * from {{ ref('int_activity_kinds') }}

),

clicks as (

    select
        activity_records.system,
        activity_records.object,
        activity_records.record_id,
        activity_records.message_id,
        activity_records.url,
        activity_records.occurred_at
    from activity_records
    inner join activity_kinds
        on
            activity_records.system = activity_kinds.system
            and activity_records.object = activity_kinds.object
            and coalesce(activity_records.source_value, '') = activity_kinds.source_value
            and coalesce(activity_records.direction, '') = activity_kinds.direction
            and coalesce(activity_records.outcome, '') = activity_kinds.outcome
    where
        activity_kinds.activity_type = 'email_click'
        and activity_records.message_id is not null
        and activity_records.occurred_at is not null
        and not activity_records.is_deleted

),

-- No mail arrives before it is sent, so a click that close to the sending was close to the delivery too.
-- It lets the rule work where a system reports no deliveries.
deliveries as (

    select
        activity_records.message_id,
        activity_records.occurred_at as delivered_at
    from activity_records
    inner join activity_kinds
        on
            activity_records.system = activity_kinds.system
            and activity_records.object = activity_kinds.object
            and coalesce(activity_records.source_value, '') = activity_kinds.source_value
            and coalesce(activity_records.direction, '') = activity_kinds.direction
            and coalesce(activity_records.outcome, '') = activity_kinds.outcome
    where
        activity_kinds.activity_type in ('email_delivered', 'email_sent')
        and activity_records.message_id is not null
        and not activity_records.is_deleted
        and activity_records.message_id in (select clicks.message_id from clicks)

),

-- A scanner follows the links while the receiving server still holds the connection, so that the click may
-- carry an earlier time than the delivery: the distance counts, not the order.
clicks_at_delivery as (

    select distinct
        clicks.system,
        clicks.object,
        clicks.record_id
    from clicks
    inner join deliveries
        on clicks.message_id = deliveries.message_id
    where
        abs({{ seconds_between('deliveries.delivered_at', 'clicks.occurred_at') }})
        <= {{ var('mail_scanner_seconds') }}

),

messages as (

    select
        message_id,
        min(occurred_at) as first_clicked_at,
        count(distinct url) as links
    from clicks
    group by message_id

),

first_bursts as (

    select
        clicks.system,
        clicks.object,
        clicks.record_id,
        clicks.message_id,
        clicks.url,
        messages.links
    from clicks
    inner join messages
        on clicks.message_id = messages.message_id
    where
        messages.links >= 2
        and {{ seconds_between('messages.first_clicked_at', 'clicks.occurred_at') }}
        <= {{ var('mail_scanner_seconds') }}

),

complete_bursts as (

    select message_id
    from first_bursts
    group by message_id
    having count(distinct url) = max(links)

),

clicks_of_every_link as (

    select
        first_bursts.system,
        first_bursts.object,
        first_bursts.record_id
    from first_bursts
    inner join complete_bursts
        on first_bursts.message_id = complete_bursts.message_id

),

final as (

    select
        {{ record_key('clicks.system', 'clicks.object', 'clicks.record_id') }} as activity_id,
        clicks.system,
        clicks.object,
        clicks.record_id,
        clicks_at_delivery.record_id is not null as is_at_delivery,
        clicks_of_every_link.record_id is not null as is_every_link
    from clicks
    left join clicks_at_delivery
        on
            clicks.system = clicks_at_delivery.system
            and clicks.object = clicks_at_delivery.object
            and clicks.record_id = clicks_at_delivery.record_id
    left join clicks_of_every_link
        on
            clicks.system = clicks_of_every_link.system
            and clicks.object = clicks_of_every_link.object
            and clicks.record_id = clicks_of_every_link.record_id
    where clicks_at_delivery.record_id is not null or clicks_of_every_link.record_id is not null

)

select * from final
