with activity_records as {{ read_in_place() }} (

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

-- No mail arrives before it is sent, so a click that close to the sending was close to the delivery
-- too. It lets the rule work where a system reports no deliveries.
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

-- A campaign can reach one person more than once: the latest mail before a click is the one that
-- was clicked. A scanner follows the links while the receiving server still holds the connection,
-- so that the click may carry an earlier time than the delivery: the distance counts, not the
-- order.
clicks_of_mails as (

    select
        clicks.system,
        clicks.object,
        clicks.record_id,
        clicks.message_id,
        clicks.url,
        clicks.occurred_at,
        max(
            case
                when deliveries.delivered_at <= clicks.occurred_at then deliveries.delivered_at
            end
        ) as mailed_at,
        min(
            abs({{ seconds_between('deliveries.delivered_at', 'clicks.occurred_at') }})
        ) as seconds_from_delivery
    from clicks
    left join deliveries
        on clicks.message_id = deliveries.message_id
    group by
        clicks.system,
        clicks.object,
        clicks.record_id,
        clicks.message_id,
        clicks.url,
        clicks.occurred_at

),

mails as (

    select
        message_id,
        mailed_at,
        min(occurred_at) as first_clicked_at,
        count(distinct url) as links
    from clicks_of_mails
    group by message_id, mailed_at

),

first_bursts as (

    select
        clicks_of_mails.message_id,
        clicks_of_mails.mailed_at,
        mails.first_clicked_at
    from clicks_of_mails
    inner join mails
        on
            clicks_of_mails.message_id = mails.message_id
            and clicks_of_mails.mailed_at is not distinct from mails.mailed_at
    where
        mails.links >= 2
        and {{ seconds_between('mails.first_clicked_at', 'clicks_of_mails.occurred_at') }}
        <= {{ var('mail_scanner_seconds') }}
    group by
        clicks_of_mails.message_id,
        clicks_of_mails.mailed_at,
        mails.first_clicked_at,
        mails.links
    having count(distinct clicks_of_mails.url) = mails.links

),

judged as (

    select
        clicks_of_mails.system,
        clicks_of_mails.object,
        clicks_of_mails.record_id,
        coalesce(
            clicks_of_mails.seconds_from_delivery <= {{ var('mail_scanner_seconds') }}, false
        ) as is_at_delivery,
        coalesce(
            {{ seconds_between('first_bursts.first_clicked_at', 'clicks_of_mails.occurred_at') }}
            <= {{ var('mail_scanner_seconds') }},
            false
        ) as is_every_link
    from clicks_of_mails
    left join first_bursts
        on
            clicks_of_mails.message_id = first_bursts.message_id
            and clicks_of_mails.mailed_at is not distinct from first_bursts.mailed_at

),

final as (

    select
        {{ record_key('system', 'object', 'record_id') }} as activity_id,
        system,
        object,
        record_id,
        is_at_delivery,
        is_every_link
    from judged
    where is_at_delivery or is_every_link

)

select * from final
