{#-
    Two shapes are delivered: the vendor's own history (a row a changed field) and a connector's history
    mode (a row a version of the whole record). Both leave here as field changes, in the CTE `changes`.
-#}
{% macro salesforce_history_changes(histories, object, fields) -%}
custom_fields as (

    select
        {{ normalised_name('field_mappings.source_field') }} as source_name,
        {{ normalised_name('field_mappings.target_column') }} as target_name
    from field_mappings
    where
        field_mappings.system = 'salesforce'
        and field_mappings.object = '{{ object }}'

),

field_events as (

    select
        {{ histories }}.{{ object }}_id as record_id,
        {{ histories }}.id as change_id,
        {{ normalised_name(histories ~ '.field') }} as field_name,
        {{ histories }}.old_value,
        {{ histories }}.new_value,
        {{ histories }}.changed_at,
        {{ histories }}._modified_at as modified_at,
        {{ histories }}._is_deleted as is_deleted,
        not {{ visible(histories) }} as is_to_come
    from {{ histories }}
    where
        {{ histories }}.field is not null
        and ({{ histories }}._is_current or {{ visible(histories) }})

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
        {{ histories }}.id as record_id,
        {{ histories }}._key as version_key,
        {%- for column in fields.values() %}
        {{ histories }}.{{ column }},
        lag({{ histories }}.{{ column }}) over record_versions as previous_{{ column }},
        {%- endfor %}
        row_number() over record_versions as version_number,
        {{ histories }}.changed_at,
        {{ histories }}._modified_at as modified_at,
        {{ histories }}._is_deleted as is_deleted,
        not {{ visible(histories) }} as is_to_come
    from {{ histories }}
    where
        {{ histories }}.field is null
        and ({{ histories }}._is_current or {{ visible(histories) }})
    window record_versions as (
        partition by {{ histories }}.id
        order by {{ histories }}.changed_at, {{ histories }}._key
    )

),

version_changes as (

    {{ changes_between_versions('record_versions', fields) }}

),

changes as (

    select * from told_owners_apart

    union all

    select * from version_changes

)
{%- endmacro %}
