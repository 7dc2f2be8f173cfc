with accounts as (

    select * from {{ source('crm', 'accounts') }}

),

histories as (

    select * from {{ ref('stg_crm__account_histories_uncut') }}

),

{{ versions_as_of('accounts', 'created_at') }},

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
        'crm' as system,
        'accounts' as object,
        accounts.account_id as record_id,
        {{ value_as_of('accounts', 'account_name', 'name') }} as account_name,
        {{ value_as_of('accounts', 'website', 'website') }} as website,
        {{ value_as_of('accounts', 'industry', 'industry') }} as industry,
        case
            when accounts.is_rebuilt and values_then.has_employees
                then {{ dbt.safe_cast('values_then.employees', dbt.type_bigint()) }}
            else accounts.employees
        end as employees,
        {{ value_as_of('accounts', 'country', 'country') }} as country,
        {{ value_as_of('accounts', 'owner_id', 'owner_record_id') }} as owner_record_id,
        {{ value_as_of('accounts', 'parent_account_id', 'parent_record_id') }} as parent_record_id,
        case when not accounts.is_rebuilt then accounts.merged_into_account_id end
            as merged_into_record_id,
        accounts.created_at,
        case when not accounts.is_rebuilt then accounts._modified_at end as modified_at,
        accounts._is_deleted and not accounts.is_rebuilt as is_deleted
    from accounts_as_of as accounts
    left join values_then
        on accounts.account_id = values_then.record_id

)

select * from final
