with source as (

    select *
    from {{ source('google_ads', 'account') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'google_ads' as system,
        'account' as object,
        id as record_id,
        descriptive_name as account_name,
        upper(currency_code) as currency,
        time_zone,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
