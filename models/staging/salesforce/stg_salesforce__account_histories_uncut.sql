with account_histories as (

    select * from {{ source('salesforce', 'account_history') }}

),

field_mappings as (

    select * from {{ ref('field_mappings') }}

),

users as (

    select * from {{ ref('stg_salesforce__users') }}

),

{{ salesforce_history_changes(
    'account_histories',
    'account',
    {
        'name': 'name',
        'website': 'website',
        'industry': 'industry',
        'employees': 'number_of_employees',
        'country': 'billing_country',
        'owner_record_id': 'owner_id',
        'parent_record_id': 'parent_id',
    }
) }},

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
