with contacts as (

    select * from {{ source('salesforce', 'contact') }}

),

final as (

    select
        'salesforce' as system,
        'contact' as object,
        contacts.id as record_id,
        'contact' as record_type,
        contacts.email,
        coalesce(contacts.phone, contacts.mobile_phone) as phone,
        contacts.first_name,
        contacts.last_name,
        contacts.title,
        cast(null as {{ dbt.type_string() }}) as company,
        cast(null as {{ dbt.type_string() }}) as website,
        cast(null as {{ dbt.type_string() }}) as industry,
        cast(null as {{ dbt.type_bigint() }}) as employees,
        coalesce(contacts.mailing_country, contacts.mailing_country_code) as country,
        contacts.account_id as account_record_id,
        contacts.owner_id as owner_record_id,
        contacts.lead_source as source,
        contacts.self_reported_source,
        contacts.status,
        contacts.status_reason,
        cast(null as {{ dbt.type_string() }}) as lifecycle_stage,
        cast(null as {{ dbt.type_string() }}) as rating,
        cast(null as {{ dbt.type_string() }}) as crm_record_id,
        cast(null as {{ dbt.type_string() }}) as converted_record_id,
        cast(null as {{ dbt.type_string() }}) as converted_opportunity_record_id,
        contacts.master_record_id as merged_into_record_id,
        cast(null as {{ dbt.type_timestamp() }}) as converted_at,
        contacts.handed_over_at,
        contacts.opted_out_at,
        contacts.created_date as created_at,
        contacts._modified_at as modified_at,
        (
            contacts._is_deleted
            or not coalesce(contacts._fivetran_active, true)
        ) as is_deleted
    from contacts
    where {{ visible('contacts') }}

)

select * from final
