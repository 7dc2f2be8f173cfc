with source as (

    select *
    from {{ source('hubspot', 'company') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'hubspot' as system,
        'company' as object,
        id as record_id,
        name as account_name,
        coalesce(website, domain) as website,
        industry,
        numberofemployees as employees,
        country,
        hubspot_owner_id as owner_record_id,
        parent_company_id as parent_record_id,
        cast(null as {{ dbt.type_string() }}) as merged_into_record_id,
        salesforceaccountid as crm_record_id,
        createdate as created_at,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
