with property_history as (

    select * from {{ source('hubspot', 'contact_property_history') }}

),

changes as (

    {{ property_changes('property_history', 'contact_id') }}

),

final as (

    select
        'hubspot' as system,
        'contact' as object,
        changes.record_id,
        changes.change_id,
        changes.property_name,
        case changes.field_name
            when 'hubspot_owner_id' then 'owner_record_id'
            when 'associatedcompanyid' then 'account_record_id'
            when 'firstname' then 'first_name'
            when 'lastname' then 'last_name'
            when 'jobtitle' then 'title'
            when 'numberofemployees' then 'employees'
            when 'numemployees' then 'employees'
            when 'lifecyclestage' then 'lifecycle_stage'
            when 'hs_lead_status' then 'status'
            when 'lead_status_reason' then 'status_reason'
            when 'lead_rating' then 'rating'
            when 'hs_analytics_source' then 'source'
            when 'hs_email_optout_at' then 'opted_out_at'
            else changes.field_name
        end as field,
        changes.old_value,
        changes.new_value,
        changes.change_source,
        changes.changed_at,
        changes.modified_at,
        changes.is_deleted,
        changes.is_to_come
    from changes

)

select * from final
