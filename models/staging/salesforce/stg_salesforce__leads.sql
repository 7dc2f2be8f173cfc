with leads as (

    select * from {{ source('salesforce', 'lead') }}

),

histories as (

    select * from {{ ref('stg_salesforce__lead_histories_uncut') }}

),

{{ versions_as_of('leads', 'created_date') }},

values_then as (

    {{ values_before_changes(
        'histories',
        [
            'email',
            'title',
            'company',
            'industry',
            'employees',
            'country',
            'owner_record_id',
            'source',
            'status',
            'status_reason',
            'rating',
        ]
    ) }}

),

final as (

    select
        'salesforce' as system,
        'lead' as object,
        leads.id as record_id,
        'lead' as record_type,
        {{ value_as_of('leads', 'email', 'email') }} as email,
        coalesce(leads.phone, leads.mobile_phone) as phone,
        leads.first_name,
        leads.last_name,
        {{ value_as_of('leads', 'title', 'title') }} as title,
        {{ value_as_of('leads', 'company', 'company') }} as company,
        leads.website,
        {{ value_as_of('leads', 'industry', 'industry') }} as industry,
        case
            when leads.is_rebuilt and values_then.has_employees
                then {{ dbt.safe_cast('values_then.employees', dbt.type_bigint()) }}
            else leads.number_of_employees
        end as employees,
        case
            when leads.is_rebuilt and values_then.has_country then values_then.country
            else coalesce(leads.country, leads.country_code)
        end as country,
        case
            when not leads.is_rebuilt or leads.converted_date <= {{ as_of() }}
                then leads.converted_account_id
        end as account_record_id,
        {{ value_as_of('leads', 'owner_id', 'owner_record_id') }} as owner_record_id,
        {{ value_as_of('leads', 'lead_source', 'source') }} as source,
        leads.self_reported_source,
        {{ value_as_of('leads', 'status', 'status') }} as status,
        {{ value_as_of('leads', 'status_reason', 'status_reason') }} as status_reason,
        cast(null as {{ dbt.type_string() }}) as lifecycle_stage,
        {{ value_as_of('leads', 'rating', 'rating') }} as rating,
        cast(null as {{ dbt.type_string() }}) as crm_record_id,
        case
            when not leads.is_rebuilt or leads.converted_date <= {{ as_of() }}
                then leads.converted_contact_id
        end as converted_record_id,
        case
            when not leads.is_rebuilt or leads.converted_date <= {{ as_of() }}
                then leads.converted_opportunity_id
        end as converted_opportunity_record_id,
        case when not leads.is_rebuilt then leads.master_record_id end as merged_into_record_id,
        case
            when not leads.is_rebuilt or leads.converted_date <= {{ as_of() }}
                then leads.converted_date
        end as converted_at,
        case
            when not leads.is_rebuilt or leads.handed_over_at <= {{ as_of() }}
                then leads.handed_over_at
        end as handed_over_at,
        case
            when not leads.is_rebuilt or leads.opted_out_at <= {{ as_of() }}
                then leads.opted_out_at
        end as opted_out_at,
        leads.created_date as created_at,
        case when not leads.is_rebuilt then leads._modified_at end as modified_at,
        (
            not leads.is_rebuilt
            and (leads._is_deleted or not coalesce(leads._fivetran_active, true))
        ) as is_deleted
    from leads_as_of as leads
    left join values_then
        on leads.id = values_then.record_id

)

select * from final
