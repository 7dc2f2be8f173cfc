with source as (

    select *
    from {{ source('finance', 'cost_items') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'finance' as system,
        'cost_items' as object,
        _key as record_id,
        month,
        lower(team) as team,
        lower(kind) as kind,
        amount,
        upper(currency) as currency,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
