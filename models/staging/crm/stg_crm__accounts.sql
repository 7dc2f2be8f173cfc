with accounts as (

    select * from {{ source('crm', 'accounts') }}

),

final as (

    select
        'crm' as system,
        'accounts' as object,
        accounts.account_id as record_id,
        accounts.account_name,
        accounts.website,
        accounts.industry,
        accounts.employees,
        accounts.country,
        accounts.owner_id as owner_record_id,
        accounts.parent_account_id as parent_record_id,
        accounts.merged_into_account_id as merged_into_record_id,
        accounts.created_at,
        accounts._modified_at as modified_at,
        accounts._is_deleted as is_deleted
    from accounts
    where {{ visible('accounts') }}

)

select * from final
