with contact_histories as (

    select * from {{ source('salesforce', 'contact_history') }}

),

field_mappings as (

    select * from {{ ref('field_mappings') }}

),

users as (

    select * from {{ ref('stg_salesforce__users') }}

),

{{ salesforce_history_changes(
    'contact_histories',
    'contact',
    {
        'email': 'email',
        'title': 'title',
        'country': 'mailing_country',
        'account_record_id': 'account_id',
        'owner_record_id': 'owner_id',
        'source': 'lead_source',
    }
) }},

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
