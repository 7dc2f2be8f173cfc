with companies as (

    select * from {{ source('hubspot', 'company') }}

),

histories as (

    select * from {{ ref('stg_hubspot__company_histories_uncut') }}

),

{{ versions_as_of('companies', 'createdate') }},

values_then as (

    {{ values_before_changes(
        'histories',
        [
            'name',
            'website',
            'domain',
            'industry',
            'employees',
            'country',
            'owner_record_id',
            'parent_record_id',
            'salesforceaccountid',
        ]
    ) }}

),

final as (

    select
        'hubspot' as system,
        'company' as object,
        companies.id as record_id,
        {{ value_as_of('companies', 'name', 'name') }} as account_name,
        coalesce(
            {{ value_as_of('companies', 'website', 'website') }},
            {{ value_as_of('companies', 'domain', 'domain') }}
        ) as website,
        {{ value_as_of('companies', 'industry', 'industry') }} as industry,
        case
            when companies.is_rebuilt and values_then.has_employees
                then {{ dbt.safe_cast('values_then.employees', dbt.type_bigint()) }}
            else companies.numberofemployees
        end as employees,
        {{ value_as_of('companies', 'country', 'country') }} as country,
        {{ value_as_of('companies', 'hubspot_owner_id', 'owner_record_id') }} as owner_record_id,
        {{ value_as_of('companies', 'parent_company_id', 'parent_record_id') }}
            as parent_record_id,
        cast(null as {{ dbt.type_string() }}) as merged_into_record_id,
        {{ value_as_of('companies', 'salesforceaccountid', 'salesforceaccountid') }}
            as crm_record_id,
        companies.createdate as created_at,
        case when not companies.is_rebuilt then companies._modified_at end as modified_at,
        not companies.is_rebuilt and companies._is_deleted as is_deleted
    from companies_as_of as companies
    left join values_then
        on companies.id = values_then.record_id

)

select * from final
