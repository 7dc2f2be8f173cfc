with leads as (

    select * from {{ source('salesforce', 'lead') }}

),

final as (

    select
        'salesforce' as system,
        'lead' as object,
        leads.id as record_id,
        'lead' as record_type,
        leads.email,
        coalesce(leads.phone, leads.mobile_phone) as phone,
        leads.first_name,
        leads.last_name,
        leads.title,
        leads.company,
        leads.website,
        leads.industry,
        leads.number_of_employees as employees,
        coalesce(leads.country, leads.country_code) as country,
        leads.converted_account_id as account_record_id,
        leads.owner_id as owner_record_id,
        leads.lead_source as source,
        leads.self_reported_source,
        leads.status,
        leads.status_reason,
        cast(null as {{ dbt.type_string() }}) as lifecycle_stage,
        leads.rating,
        cast(null as {{ dbt.type_string() }}) as crm_record_id,
        leads.converted_contact_id as converted_record_id,
        leads.converted_opportunity_id as converted_opportunity_record_id,
        leads.master_record_id as merged_into_record_id,
        leads.converted_date as converted_at,
        leads.handed_over_at,
        leads.opted_out_at,
        leads.created_date as created_at,
        leads._modified_at as modified_at,
        (
            leads._is_deleted
            or not coalesce(leads._fivetran_active, true)
        ) as is_deleted
    from leads
    where {{ visible('leads') }}

)

select * from final
