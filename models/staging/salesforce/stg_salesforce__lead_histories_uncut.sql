-- Two shapes are delivered: the vendor's own history (a row a changed field) and a connector's
-- history mode (a row a version of the whole record). Both leave here as field changes.
with lead_histories as (

    select * from {{ source('salesforce', 'lead_history') }}

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
        and field_mappings.object = 'lead'

),

field_events as (

    select
        lead_histories.lead_id as record_id,
        lead_histories.id as change_id,
        {{ normalised_name('lead_histories.field') }} as field_name,
        lead_histories.old_value,
        lead_histories.new_value,
        lead_histories.changed_at,
        lead_histories._modified_at as modified_at,
        lead_histories._is_deleted as is_deleted,
        not{{ visible('lead_histories') }} as is_to_come
    from lead_histories
    where
        lead_histories.field is not null
        and (lead_histories._is_current or {{ visible('lead_histories') }})

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
        lead_histories.id as record_id,
        lead_histories._key as version_key,
        lead_histories.email,
        lead_histories.title,
        lead_histories.company,
        lead_histories.industry,
        lead_histories.number_of_employees,
        lead_histories.country,
        lead_histories.owner_id,
        lead_histories.lead_source,
        lead_histories.status,
        lead_histories.status_reason,
        lead_histories.rating,
        lag(lead_histories.email) over record_versions as previous_email,
        lag(lead_histories.title) over record_versions as previous_title,
        lag(lead_histories.company) over record_versions as previous_company,
        lag(lead_histories.industry) over record_versions as previous_industry,
        lag(lead_histories.number_of_employees)
            over record_versions
            as previous_number_of_employees,
        lag(lead_histories.country) over record_versions as previous_country,
        lag(lead_histories.owner_id) over record_versions as previous_owner_id,
        lag(lead_histories.lead_source) over record_versions as previous_lead_source,
        lag(lead_histories.status) over record_versions as previous_status,
        lag(lead_histories.status_reason) over record_versions as previous_status_reason,
        lag(lead_histories.rating) over record_versions as previous_rating,
        row_number() over record_versions as version_number,
        lead_histories.changed_at,
        lead_histories._modified_at as modified_at,
        lead_histories._is_deleted as is_deleted,
        not{{ visible('lead_histories') }} as is_to_come
    from lead_histories
    where
        lead_histories.field is null
        and (lead_histories._is_current or {{ visible('lead_histories') }})
    window record_versions as (
        partition by lead_histories.id
        order by lead_histories.changed_at, lead_histories._key
    )

),

version_changes as (
    {{ changes_between_versions(
        'record_versions',
        {
            'email': 'email',
            'title': 'title',
            'company': 'company',
            'industry': 'industry',
            'employees': 'number_of_employees',
            'country': 'country',
            'owner_record_id': 'owner_id',
            'source': 'lead_source',
            'status': 'status',
            'status_reason': 'status_reason',
            'rating': 'rating',
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
        'lead' as object,
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
