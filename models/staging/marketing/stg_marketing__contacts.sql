with source as (

    select *
    from {{ source('marketing', 'contacts') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'marketing' as system,
        'contacts' as object,
        contact_id as record_id,
        'contact' as record_type,
        email,
        phone,
        first_name,
        last_name,
        title,
        company,
        website,
        industry,
        employees,
        country,
        cast(null as {{ dbt.type_string() }}) as account_record_id,
        cast(null as {{ dbt.type_string() }}) as owner_record_id,
        source,
        self_reported_source,
        cast(null as {{ dbt.type_string() }}) as status,
        cast(null as {{ dbt.type_string() }}) as status_reason,
        lifecycle_stage,
        cast(null as {{ dbt.type_string() }}) as rating,
        crm_record_id,
        cast(null as {{ dbt.type_string() }}) as converted_record_id,
        cast(null as {{ dbt.type_string() }}) as converted_opportunity_record_id,
        merged_into_contact_id as merged_into_record_id,
        cast(null as {{ dbt.type_timestamp() }}) as converted_at,
        handed_over_at,
        opted_out_at,
        created_at,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
