with source as (

    select *
    from {{ source('meta_ads', 'ad_set') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'meta_ads' as system,
        'ad_set' as object,
        id as record_id,
        account_id,
        campaign_id as campaign_record_id,
        name as ad_set_name,
        status,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
