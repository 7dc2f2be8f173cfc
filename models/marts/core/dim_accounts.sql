with accounts as (

    select * from {{ ref('int_accounts') }}

),

final as (

    select
        accounts.account_id,
        accounts.parent_account_id,
        accounts.account_source,
        accounts.system,
        accounts.record_id,
        accounts.account_name,
        accounts.website_domain,
        accounts.industry,
        accounts.country,
        accounts.region,
        accounts.segment,
        accounts.employees,
        accounts.is_deleted,
        accounts.created_at
    from accounts

)

select * from final
