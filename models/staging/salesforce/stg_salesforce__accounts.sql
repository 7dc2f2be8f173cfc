with accounts as (

    select * from {{ source('salesforce', 'account') }}

),

histories as (

    select * from {{ ref('stg_salesforce__account_histories_uncut') }}

),

{{ versions_as_of('accounts', 'created_date') }},

values_then as (

    {{ values_before_changes(
        'histories',
        [
            'name',
            'website',
            'industry',
            'employees',
            'country',
            'owner_record_id',
            'parent_record_id',
        ]
    ) }}

),

final as (

    select
        'salesforce' as system,
        'account' as object,
        accounts.id as record_id,
        {{ value_as_of('accounts', 'name', 'name') }} as account_name,
        {{ value_as_of('accounts', 'website', 'website') }} as website,
        {{ value_as_of('accounts', 'industry', 'industry') }} as industry,
        case
            when accounts.is_rebuilt and values_then.has_employees
                then {{ dbt.safe_cast('values_then.employees', dbt.type_bigint()) }}
            else accounts.number_of_employees
        end as employees,
        case
            when accounts.is_rebuilt and values_then.has_country then values_then.country
            else coalesce(accounts.billing_country, accounts.billing_country_code)
        end as country,
        {{ value_as_of('accounts', 'owner_id', 'owner_record_id') }} as owner_record_id,
        {{ value_as_of('accounts', 'parent_id', 'parent_record_id') }} as parent_record_id,
        case when not accounts.is_rebuilt then accounts.master_record_id end
            as merged_into_record_id,
        accounts.created_date as created_at,
        case when not accounts.is_rebuilt then accounts._modified_at end as modified_at,
        (
            not accounts.is_rebuilt
            and (accounts._is_deleted or not coalesce(accounts._fivetran_active, true))
        ) as is_deleted
    from accounts_as_of as accounts
    left join values_then
        on accounts.id = values_then.record_id

)

select * from final
