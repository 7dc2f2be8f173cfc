{#-
    Of nearly all records only the ones whose inputs changed are looked at. The others are few, or made
    from many tables, so all of them are compared with what the last build left behind.
-#}
{%- set looked_up = {
    'stg_hubspot__email_events': ['hubspot', 'email_event'],
    'stg_hubspot__form_submissions': ['hubspot', 'contact_form_submission'],
    'stg_salesforce__tasks': ['salesforce', 'task'],
    'stg_salesforce__events': ['salesforce', 'event'],
    'stg_salesforce__campaign_members': ['salesforce', 'campaign_member'],
    'stg_web_analytics__sessions': ['web_analytics', 'sessions'],
} -%}
{%- set compared = [
    'stg_crm__activities',
    'stg_crm__campaign_members',
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

hubspot_changed as (

    select * from {{ ref('stg_hubspot__activities_changed') }}

),

salesforce_changed as (

    select * from {{ ref('stg_salesforce__activities_changed') }}

),

sessions_changed as (

    select * from {{ ref('stg_web_analytics__sessions_changed') }}

),

{% for model in looked_up %}
    {{ model }} as {{ read_in_place() }} (

        select * from {{ ref(model) }}

    ),
{% endfor %}

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

to_look_at as (

    select
        'hubspot' as system,
        hubspot_changed.object,
        hubspot_changed.record_id
    from hubspot_changed

    union

    select
        'salesforce' as system,
        salesforce_changed.object,
        salesforce_changed.record_id
    from salesforce_changed

    union

    select
        'web_analytics' as system,
        'sessions' as object,
        sessions_changed.record_id
    from sessions_changed

    union

    select
        before.system,
        before.object,
        before.record_id
    from before
    where
        before.system = 'hubspot'
        and before.object in ('email_event', 'contact_form_submission')
        and before.person_record_id in (select contacts_changed.contact_id from contacts_changed)

    union

    -- An event without a contact names the recipient in its message, where it names a mail at all.
    select
        before.system,
        before.object,
        before.record_id
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

    select
        before.system,
        before.object,
        before.record_id
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

visits_changed as (

    select sessions.*
    from stg_web_analytics__sessions as sessions
    where sessions.is_changed

),

-- A row was delivered that is not the one in force: hardly ever, and none is read for none.
visits_as_before as (

    select sessions_changed.record_id
    from sessions_changed
    left join visits_changed on sessions_changed.record_id = visits_changed.record_id
    where visits_changed.record_id is null

),

looked_at as (

    {%- for model, object in looked_up.items() %}
        select
            {{ columns | join(',\n            ') }}
        from {{ model }}
        where
            {%- if model == 'stg_web_analytics__sessions' %}
                {{ model }}.record_id in (
                    select visits_as_before.record_id from visits_as_before
                )
            {%- else %}
                {{ model }}.record_id in (
                    select to_look_at.record_id
                    from to_look_at
                    where
                        to_look_at.system = '{{ object[0] }}'
                        and to_look_at.object = '{{ object[1] }}'
                )
            {%- endif %}
        union all
    {% endfor %}

    select
        {{ columns | join(',\n        ') }}
    from visits_changed

),

others_keyed as (

    select
        others.system || ':' || others.object || ':' || others.record_id as record_key,
        others.*
    from others

),

others_before as (

    select before.*
    from before
    where
        before.object not in (
            {%- for object in looked_up.values() %}'{{ object[1] }}'{% if not loop.last %}, {% endif %}
            {%- endfor -%}
        )

),

keys_gone as (

    select
        to_look_at.system,
        to_look_at.object,
        to_look_at.record_id
    from to_look_at
    left join looked_at
        on
            to_look_at.system = looked_at.system
            and to_look_at.object = looked_at.object
            and to_look_at.record_id = looked_at.record_id
    where looked_at.record_id is null

    union all

    select
        others_before.system,
        others_before.object,
        others_before.record_id
    from others_before
    left join others_keyed on others_before.record_key = others_keyed.record_key
    where others_keyed.record_key is null

),

final as (

    select
        looked_at.system || ':' || looked_at.object || ':' || looked_at.record_id as record_key,
        looked_at.*,
        false as is_gone
    from looked_at

    union all

    select
        others_keyed.*,
        false as is_gone
    from others_keyed
    left join others_before
        on
            others_keyed.record_key = others_before.record_key
            and {{ row_hash('others_keyed', columns) }} = {{ row_hash('others_before', columns) }}
    where others_before.record_key is null

    union all

    select
        keys_gone.system || ':' || keys_gone.object || ':' || keys_gone.record_id as record_key,
        {%- for column in columns %}
            {% if column in ['system', 'object', 'record_id'] -%}
                keys_gone.{{ column }}
            {%- else -%}
                null as {{ column }}
            {%- endif %},
        {%- endfor %}
        true as is_gone
    from keys_gone

)

{%- endif %}

select * from final
