with source as (

    select *
    from {{ source('meta_ads', 'campaign') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'meta_ads' as system,
        'campaign' as object,
        id as record_id,
        account_id,
        name as campaign_name,
        status,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
