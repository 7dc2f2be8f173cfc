with source as (

    select *
    from {{ source('hubspot', 'email_event') }} as delivered
    where {{ visible('delivered') }}

),

clicks as (

    select * from {{ ref('stg_hubspot__email_event_clicks') }}

),

opens as (

    select * from {{ ref('stg_hubspot__email_event_opens') }}

),

email_campaigns as (

    select * from {{ ref('stg_hubspot__email_campaigns') }}

),

contacts as (

    select * from {{ ref('stg_hubspot__contacts') }}

),

contact_merges as (

    select * from {{ ref('stg_hubspot__contact_merges') }}

),

addresses as (

    select
        record_id,
        lower(trim(email)) as recipient,
        row_number() over (
            partition by lower(trim(email))
            order by is_deleted asc, created_at asc nulls last, record_id asc
        ) as address_rank
    from contacts
    where email is not null

),

events as (

    select
        source.id as record_id,
        coalesce(source.contact_id, addresses.record_id) as contact_id,
        lower(trim(source.recipient)) as recipient,
        source.type as event_type,
        source.email_campaign_id,
        source.url,
        source.user_agent,
        source.created as occurred_at,
        source._modified_at as modified_at,
        source._is_deleted as is_deleted
    from source
    left join addresses
        on
            source.contact_id is null
            and lower(trim(source.recipient)) = addresses.recipient
            and addresses.address_rank = 1

),

final as (

    select
        'hubspot' as system,
        'email_event' as object,
        events.record_id,
        'contact' as person_object,
        coalesce(contact_merges.into_record_id, events.contact_id) as person_record_id,
        cast(null as {{ dbt.type_string() }}) as visitor_id,
        cast(null as {{ dbt.type_string() }}) as opportunity_record_id,
        cast(null as {{ dbt.type_string() }}) as account_record_id,
        cast(null as {{ dbt.type_string() }}) as owner_record_id,
        upper(events.event_type) as source_value,
        case
            when
                upper(events.event_type)
                in ('SENT', 'PROCESSED', 'DELIVERED', 'DROPPED', 'DEFERRED', 'SUPPRESSED')
                then 'outbound'
            else 'inbound'
        end as direction,
        cast(null as {{ dbt.type_string() }}) as outcome,
        cast(null as {{ dbt.type_string() }}) as source,
        'email' as medium,
        email_campaigns.email_name as campaign,
        events.email_campaign_id as campaign_record_id,
        email_campaigns.content_id,
        coalesce(clicks.url, events.url) as url,
        coalesce(clicks.user_agent, opens.user_agent, events.user_agent) as user_agent,
        -- One mail to one recipient, so that a delivery and its clicks find each other.
        events.email_campaign_id
        || '|'
        || coalesce(
            contact_merges.into_record_id,
            events.contact_id,
            events.recipient
        ) as message_id,
        cast(null as {{ dbt.type_string() }}) as reference_system,
        cast(null as {{ dbt.type_string() }}) as logged_as,
        false as is_planned,
        cast(null as {{ dbt.type_float() }}) as duration_minutes,
        events.occurred_at,
        events.modified_at,
        events.is_deleted
    from events
    left join clicks on events.record_id = clicks.record_id
    left join opens on events.record_id = opens.record_id
    left join email_campaigns on events.email_campaign_id = email_campaigns.record_id
    left join contact_merges on events.contact_id = contact_merges.record_id

)

select * from final
