with people as (

    select * from {{ source('crm', 'people') }}

),

histories as (

    select * from {{ ref('stg_crm__people_histories_uncut') }}

),

{{ versions_as_of('people', 'created_at') }},

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
            'account_record_id',
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
        'crm' as system,
        'people' as object,
        people.record_id,
        lower(people.record_type) as record_type,
        {{ value_as_of('people', 'email', 'email') }} as email,
        people.phone,
        people.first_name,
        people.last_name,
        {{ value_as_of('people', 'title', 'title') }} as title,
        {{ value_as_of('people', 'company', 'company') }} as company,
        people.website,
        {{ value_as_of('people', 'industry', 'industry') }} as industry,
        case
            when people.is_rebuilt and values_then.has_employees
                then {{ dbt.safe_cast('values_then.employees', dbt.type_bigint()) }}
            else people.employees
        end as employees,
        {{ value_as_of('people', 'country', 'country') }} as country,
        {{ value_as_of('people', 'account_id', 'account_record_id') }} as account_record_id,
        {{ value_as_of('people', 'owner_id', 'owner_record_id') }} as owner_record_id,
        {{ value_as_of('people', 'lead_source', 'source') }} as source,
        people.self_reported_source,
        {{ value_as_of('people', 'status', 'status') }} as status,
        {{ value_as_of('people', 'status_reason', 'status_reason') }} as status_reason,
        cast(null as {{ dbt.type_string() }}) as lifecycle_stage,
        {{ value_as_of('people', 'rating', 'rating') }} as rating,
        cast(null as {{ dbt.type_string() }}) as crm_record_id,
        case
            when not people.is_rebuilt or people.converted_at <= {{ as_of() }}
                then people.converted_record_id
        end as converted_record_id,
        case
            when not people.is_rebuilt or people.converted_at <= {{ as_of() }}
                then people.converted_opportunity_id
        end as converted_opportunity_record_id,
        case when not people.is_rebuilt then people.merged_into_record_id end
            as merged_into_record_id,
        case
            when not people.is_rebuilt or people.converted_at <= {{ as_of() }}
                then people.converted_at
        end as converted_at,
        case
            when not people.is_rebuilt or people.handed_over_at <= {{ as_of() }}
                then people.handed_over_at
        end as handed_over_at,
        case
            when not people.is_rebuilt or people.opted_out_at <= {{ as_of() }}
                then people.opted_out_at
        end as opted_out_at,
        people.created_at,
        case when not people.is_rebuilt then people._modified_at end as modified_at,
        people._is_deleted and not people.is_rebuilt as is_deleted
    from people_as_of as people
    left join values_then
        on people.record_id = values_then.record_id

)

select * from final
