with people as (

    select * from {{ source('crm', 'people') }}

),

final as (

    select
        'crm' as system,
        'people' as object,
        people.record_id,
        lower(people.record_type) as record_type,
        people.email,
        people.phone,
        people.first_name,
        people.last_name,
        people.title,
        people.company,
        people.website,
        people.industry,
        people.employees,
        people.country,
        people.account_id as account_record_id,
        people.owner_id as owner_record_id,
        people.lead_source as source,
        people.self_reported_source,
        people.status,
        people.status_reason,
        cast(null as {{ dbt.type_string() }}) as lifecycle_stage,
        people.rating,
        cast(null as {{ dbt.type_string() }}) as crm_record_id,
        people.converted_record_id,
        people.converted_opportunity_id as converted_opportunity_record_id,
        people.merged_into_record_id,
        people.converted_at,
        people.handed_over_at,
        people.opted_out_at,
        people.created_at,
        people._modified_at as modified_at,
        people._is_deleted as is_deleted
    from people
    where {{ visible('people') }}

)

select * from final
