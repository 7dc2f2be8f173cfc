with source as (

    select *
    from {{ source('finance', 'invoiced') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'finance' as system,
        'invoiced' as object,
        _key as record_id,
        month,
        account_id as account_record_id,
        amount,
        upper(currency) as currency,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
