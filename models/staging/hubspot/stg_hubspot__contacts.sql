with source as (

    select *
    from {{ source('hubspot', 'contact') }} as delivered
    where {{ visible('delivered') }}

),

contact_merges as (

    select * from {{ ref('stg_hubspot__contact_merges') }}

),

final as (

    select
        'hubspot' as system,
        'contact' as object,
        source.id as record_id,
        'contact' as record_type,
        source.email,
        source.phone,
        source.firstname as first_name,
        source.lastname as last_name,
        source.jobtitle as title,
        source.company,
        source.website,
        source.industry,
        source.numberofemployees as employees,
        source.country,
        source.associatedcompanyid as account_record_id,
        source.hubspot_owner_id as owner_record_id,
        source.hs_analytics_source as source,
        source.self_reported_source,
        source.hs_lead_status as status,
        source.lead_status_reason as status_reason,
        source.lifecyclestage as lifecycle_stage,
        source.lead_rating as rating,
        coalesce(source.salesforcecontactid, source.salesforceleadid) as crm_record_id,
        cast(null as {{ dbt.type_string() }}) as converted_record_id,
        cast(null as {{ dbt.type_string() }}) as converted_opportunity_record_id,
        contact_merges.into_record_id as merged_into_record_id,
        cast(null as {{ dbt.type_timestamp() }}) as converted_at,
        source.handed_over_at,
        source.hs_email_optout_at as opted_out_at,
        source.createdate as created_at,
        source._modified_at as modified_at,
        source._is_deleted as is_deleted
    from source
    left join contact_merges on source.id = contact_merges.record_id

)

select * from final
