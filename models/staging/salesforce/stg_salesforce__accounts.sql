with accounts as (

    select * from {{ source('salesforce', 'account') }}

),

final as (

    select
        'salesforce' as system,
        'account' as object,
        accounts.id as record_id,
        accounts.name as account_name,
        accounts.website,
        accounts.industry,
        accounts.number_of_employees as employees,
        coalesce(accounts.billing_country, accounts.billing_country_code) as country,
        accounts.owner_id as owner_record_id,
        accounts.parent_id as parent_record_id,
        accounts.master_record_id as merged_into_record_id,
        accounts.created_date as created_at,
        accounts._modified_at as modified_at,
        (
            accounts._is_deleted
            or not coalesce(accounts._fivetran_active, true)
        ) as is_deleted
    from accounts
    where {{ visible('accounts') }}

)

select * from final
