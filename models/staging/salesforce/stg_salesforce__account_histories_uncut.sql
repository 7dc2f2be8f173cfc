-- Two shapes are delivered: the vendor's own history (a row a changed field) and a connector's
-- history mode (a row a version of the whole record). Both leave here as field changes.
with account_histories as (

    select * from {{ source('salesforce', 'account_history') }}

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
        and field_mappings.object = 'account'

),

field_events as (

    select
        account_histories.account_id as record_id,
        account_histories.id as change_id,
        {{ normalised_name('account_histories.field') }} as field_name,
        account_histories.old_value,
        account_histories.new_value,
        account_histories.changed_at,
        account_histories._modified_at as modified_at,
        account_histories._is_deleted as is_deleted,
        not{{ visible('account_histories') }} as is_to_come
    from account_histories
    where
        account_histories.field is not null
        and (account_histories._is_current or {{ visible('account_histories') }})

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
        account_histories.id as record_id,
        account_histories._key as version_key,
        account_histories.name,
        account_histories.website,
        account_histories.industry,
        account_histories.number_of_employees,
        account_histories.billing_country,
        account_histories.owner_id,
        account_histories.parent_id,
        lag(account_histories.name) over record_versions as previous_name,
        lag(account_histories.website) over record_versions as previous_website,
        lag(account_histories.industry) over record_versions as previous_industry,
        lag(account_histories.number_of_employees)
            over record_versions
            as previous_number_of_employees,
        lag(account_histories.billing_country) over record_versions as previous_billing_country,
        lag(account_histories.owner_id) over record_versions as previous_owner_id,
        lag(account_histories.parent_id) over record_versions as previous_parent_id,
        row_number() over record_versions as version_number,
        account_histories.changed_at,
        account_histories._modified_at as modified_at,
        account_histories._is_deleted as is_deleted,
        not{{ visible('account_histories') }} as is_to_come
    from account_histories
    where
        account_histories.field is null
        and (account_histories._is_current or {{ visible('account_histories') }})
    window record_versions as (
        partition by account_histories.id
        order by account_histories.changed_at, account_histories._key
    )

),

version_changes as (
    {{ changes_between_versions(
        'record_versions',
        {
            'name': 'name',
            'website': 'website',
            'industry': 'industry',
            'employees': 'number_of_employees',
            'country': 'billing_country',
            'owner_record_id': 'owner_id',
            'parent_record_id': 'parent_id',
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
        'account' as object,
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
