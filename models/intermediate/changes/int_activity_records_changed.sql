{#-
    Mail events and visits are nearly all records: of these, only the ones whose inputs changed are
    looked at. The others are few, so all of them are compared with what the last build left behind.
-#}
{%- set looked_up = ['stg_hubspot__email_events', 'stg_web_analytics__sessions'] -%}
{%- set compared = [
    'stg_salesforce__tasks',
    'stg_salesforce__events',
    'stg_salesforce__campaign_members',
    'stg_crm__activities',
    'stg_crm__campaign_members',
    'stg_hubspot__form_submissions',
    'int_engagements_expanded_to_contacts',
    'int_sales_engagement_activities_matched',
    'stg_marketing__activities',
] -%}
{%- set columns = activity_record_columns() -%}
-- depends_on: {{ ref('stg_concord__build_context') }}
-- noqa: disable=ST03
-- A build that begins anew reads few of these.

with mail_lookups as (

    select * from {{ ref('int_mail_lookups') }}

),

contact_merges as (

    select * from {{ ref('stg_hubspot__contact_merges') }}

),

events_changed as (

    select * from {{ ref('stg_hubspot__email_events_changed') }}

),

sessions_changed as (

    select * from {{ ref('stg_web_analytics__sessions_changed') }}

),

mail_events as (

    select * from {{ ref('stg_hubspot__email_events') }}

),

sessions as (

    select * from {{ ref('stg_web_analytics__sessions') }}

),

others as (

    {{ union_conformed(compared, columns) }}

),

{%- if not adds_to_last_build() %}

-- Nothing was left behind that this build adds to.
    final as (

        select
            others.system || ':' || others.object || ':' || others.record_id as record_key,
            others.*,
            false as is_gone
        from others
        where false

    )

{%- else %}

before as {{ read_in_place() }} (

    select * from {{ this.incorporate(path={'identifier': 'int_activity_records_unioned'}) }}

),

lookups_changed as (

    select
        mail_lookups.lookup_kind,
        mail_lookups.subject_id,
        mail_lookups.found_value,
        mail_lookups.previous_value
    from mail_lookups
    inner join {{ ref('stg_concord__build_context') }} as build_context
        on mail_lookups.changed_in = build_context.build_number

),

contacts_named as (

    select lookups_changed.subject_id as contact_id
    from lookups_changed
    where lookups_changed.lookup_kind = 'contact_merge'

    union

    select lookups_changed.found_value as contact_id
    from lookups_changed
    where lookups_changed.lookup_kind in ('contact_merge', 'address')

    union

    select lookups_changed.previous_value as contact_id
    from lookups_changed
    where lookups_changed.lookup_kind in ('contact_merge', 'address')

),

-- Whom an event names is the survivor of whom it named: either may be what it was told by.
contacts_changed as (

    select contacts_named.contact_id
    from contacts_named
    where contacts_named.contact_id is not null

    union

    select contact_merges.into_record_id as contact_id
    from contacts_named
    inner join contact_merges on contacts_named.contact_id = contact_merges.record_id

),

addresses_changed as (

    select lookups_changed.subject_id as recipient
    from lookups_changed
    where lookups_changed.lookup_kind = 'address'

),

events_to_look_at as (

    select events_changed.record_id
    from events_changed

    union

    select before.record_id
    from before
    where
        before.system = 'hubspot'
        and before.object = 'email_event'
        and before.person_record_id in (select contacts_changed.contact_id from contacts_changed)

    union

    -- An event without a contact names the recipient in its message, where it names a mail at all.
    select before.record_id
    from before
    where
        before.system = 'hubspot'
        and before.object = 'email_event'
        and before.person_record_id is null
        and coalesce(
            substr(before.message_id, length(before.campaign_record_id) + 2) in (
                select addresses_changed.recipient from addresses_changed
            ),
            true
        )
        and exists (select 1 from addresses_changed)

    union

    select before.record_id
    from before
    where
        before.system = 'hubspot'
        and before.object = 'email_event'
        and before.campaign_record_id in (
            select lookups_changed.subject_id
            from lookups_changed
            where lookups_changed.lookup_kind = 'email_campaign'
        )

),

now as (

    select
        {{ columns | join(',\n        ') }}
    from mail_events
    where mail_events.record_id in (select events_to_look_at.record_id from events_to_look_at)

    union all

    select
        {{ columns | join(',\n        ') }}
    from sessions
    where sessions.record_id in (select sessions_changed.record_id from sessions_changed)

    union all

    select
        {{ columns | join(',\n        ') }}
    from others

),

keyed as (

    select
        now.system || ':' || now.object || ':' || now.record_id as record_key,
        now.*
    from now

),

looked_at_before as (

    select before.*
    from before
    where
        before.system = 'hubspot'
        and before.object = 'email_event'
        and before.record_id in (select events_to_look_at.record_id from events_to_look_at)

    union all

    select before.*
    from before
    where
        before.system = 'web_analytics'
        and before.object = 'sessions'
        and before.record_id in (select sessions_changed.record_id from sessions_changed)

    union all

    select before.*
    from before
    where
        (before.system, before.object) not in (
            ('hubspot', 'email_event'), ('web_analytics', 'sessions')
        )

),

final as (

    select
        keyed.*,
        false as is_gone
    from keyed
    left join looked_at_before
        on
            keyed.record_key = looked_at_before.record_key
            and {{ row_hash('keyed', columns) }} = {{ row_hash('looked_at_before', columns) }}
    where looked_at_before.record_key is null

    union all

    select
        looked_at_before.record_key,
        {%- for column in columns %}
            looked_at_before.{{ column }},
        {%- endfor %}
        true as is_gone
    from looked_at_before
    left join keyed on looked_at_before.record_key = keyed.record_key
    where keyed.record_key is null

)

{%- endif %}

select * from final
