with property_history as (

    select * from {{ source('hubspot', 'company_property_history') }}

),

changes as (

    {{ property_changes('property_history', 'company_id') }}

),

final as (

    select
        'hubspot' as system,
        'company' as object,
        changes.record_id,
        changes.change_id,
        case changes.field_name
            when 'hubspot_owner_id' then 'owner_record_id'
            when 'numberofemployees' then 'employees'
            when 'hs_parent_company_id' then 'parent_record_id'
            when 'parent_company_id' then 'parent_record_id'
            else changes.field_name
        end as field,
        changes.old_value,
        changes.new_value,
        changes.changed_at,
        changes.modified_at,
        changes.is_deleted,
        changes.is_to_come
    from changes

)

select * from final
