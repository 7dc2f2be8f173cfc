with source as (

    select *
    from {{ source('hubspot', 'deal_company') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'hubspot' as system,
        'deal_company' as object,
        _key as record_id,
        deal_id as deal_record_id,
        company_id as account_record_id,
        coalesce(is_primary, type_id = '5', false) as is_primary,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
