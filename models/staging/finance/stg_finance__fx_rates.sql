with source as (

    select *
    from {{ source('finance', 'fx_rates') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'finance' as system,
        'fx_rates' as object,
        _key as record_id,
        upper(currency) as currency,
        valid_from,
        rate_to_reporting,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
