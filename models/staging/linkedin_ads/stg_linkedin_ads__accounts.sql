with source as (

    select *
    from {{ source('linkedin_ads', 'account') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'linkedin_ads' as system,
        'account' as object,
        id as record_id,
        name as account_name,
        upper(currency) as currency,
        time_zone,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
