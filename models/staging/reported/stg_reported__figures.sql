with source as (

    select *
    from {{ source('reported', 'figures') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'reported' as system,
        'figures' as object,
        _key as record_id,
        month,
        kpi,
        side,
        value as reported_value,
        link,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
