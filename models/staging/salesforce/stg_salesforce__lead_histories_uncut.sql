with lead_histories as (

    select * from {{ source('salesforce', 'lead_history') }}

),

field_mappings as (

    select * from {{ ref('field_mappings') }}

),

users as (

    select * from {{ ref('stg_salesforce__users') }}

),

{{ salesforce_history_changes(
    'lead_histories',
    'lead',
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
) }},

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
