-- Two shapes are delivered: the vendor's own history (a row a changed field) and a connector's
-- history mode (a row a version of the whole record). Both leave here as field changes.
with contact_histories as (

    select * from {{ source('salesforce', 'contact_history') }}

),

field_mappings as (

    select * from {{ ref('field_mappings') }}

),

users as (

    select * from {{ ref('stg_salesforce__users') }}

),

custom_fields as (

    select
        {{ normalised_name('field_mappings.source_field') }} as source_name,
        {{ normalised_name('field_mappings.target_column') }} as target_name
    from field_mappings
    where
        field_mappings.system = 'salesforce'
        and field_mappings.object = 'contact'

),

field_events as (

    select
        contact_histories.contact_id as record_id,
        contact_histories.id as change_id,
        {{ normalised_name('contact_histories.field') }} as field_name,
        contact_histories.old_value,
        contact_histories.new_value,
        contact_histories.changed_at,
        contact_histories._modified_at as modified_at,
        contact_histories._is_deleted as is_deleted,
        not{{ visible('contact_histories') }} as is_to_come
    from contact_histories
    where
        contact_histories.field is not null
        and (contact_histories._is_current or {{ visible('contact_histories') }})

),

named_field_events as (

    select
        field_events.record_id,
        field_events.change_id,
        coalesce(custom_fields.target_name, field_events.field_name) as field_name,
        field_events.old_value,
        field_events.new_value,
        field_events.changed_at,
        field_events.modified_at,
        field_events.is_deleted,
        field_events.is_to_come
    from field_events
    left join custom_fields
        on field_events.field_name = custom_fields.source_name

),

conformed_field_events as (

    select
        named_field_events.record_id,
        named_field_events.change_id,
        {{ conformed_field('named_field_events.field_name') }} as field,
        named_field_events.old_value,
        named_field_events.new_value,
        named_field_events.changed_at,
        named_field_events.modified_at,
        named_field_events.is_deleted,
        named_field_events.is_to_come
    from named_field_events

),

-- The vendor writes a change of owner twice, once with ids and once with names. The row of
-- names keeps a field of its own, so that an owner is an id wherever owner_record_id stands.
told_owners_apart as (

    select
        conformed_field_events.record_id,
        conformed_field_events.change_id,
        case
            when
                conformed_field_events.field = 'owner_record_id'
                and users.record_id is null
                and conformed_field_events.new_value not like '005%'
                and conformed_field_events.new_value not like '00G%'
                then 'owner_name'
            else conformed_field_events.field
        end as field,
        conformed_field_events.old_value,
        conformed_field_events.new_value,
        conformed_field_events.changed_at,
        conformed_field_events.modified_at,
        conformed_field_events.is_deleted,
        conformed_field_events.is_to_come
    from conformed_field_events
    left join users
        on conformed_field_events.new_value = users.record_id

),

record_versions as (

    select
        contact_histories.id as record_id,
        contact_histories._key as version_key,
        contact_histories.email,
        contact_histories.title,
        contact_histories.mailing_country,
        contact_histories.account_id,
        contact_histories.owner_id,
        contact_histories.lead_source,
        lag(contact_histories.email) over record_versions as previous_email,
        lag(contact_histories.title) over record_versions as previous_title,
        lag(contact_histories.mailing_country) over record_versions as previous_mailing_country,
        lag(contact_histories.account_id) over record_versions as previous_account_id,
        lag(contact_histories.owner_id) over record_versions as previous_owner_id,
        lag(contact_histories.lead_source) over record_versions as previous_lead_source,
        row_number() over record_versions as version_number,
        contact_histories.changed_at,
        contact_histories._modified_at as modified_at,
        contact_histories._is_deleted as is_deleted,
        not{{ visible('contact_histories') }} as is_to_come
    from contact_histories
    where
        contact_histories.field is null
        and (contact_histories._is_current or {{ visible('contact_histories') }})
    window record_versions as (
        partition by contact_histories.id
        order by contact_histories.changed_at, contact_histories._key
    )

),

version_changes as (
    {{ changes_between_versions(
        'record_versions',
        {
            'email': 'email',
            'title': 'title',
            'country': 'mailing_country',
            'account_record_id': 'account_id',
            'owner_record_id': 'owner_id',
            'source': 'lead_source',
        }
    ) }}

),

changes as (

    select * from told_owners_apart

    union all

    select * from version_changes

),

final as (

    select
        'salesforce' as system,
        'contact' as object,
        changes.record_id,
        changes.field,
        changes.old_value,
        changes.new_value,
        changes.changed_at,
        changes.change_id,
        changes.modified_at,
        changes.is_deleted,
        changes.is_to_come
    from changes

)

select * from final
