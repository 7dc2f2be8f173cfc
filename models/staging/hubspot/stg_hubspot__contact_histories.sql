with source as (

    select *
    from {{ source('hubspot', 'contact_property_history') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'hubspot' as system,
        'contact' as object,
        contact_id as record_id,
        _key as change_id,
        name as property_name,
        case lower(name)
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
            else lower(name)
        end as field,
        lag(nullif(value, '')) over (
            partition by contact_id, name
            order by timestamp asc, _key asc
        ) as old_value,
        nullif(value, '') as new_value,
        source as change_source,
        timestamp as changed_at,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
