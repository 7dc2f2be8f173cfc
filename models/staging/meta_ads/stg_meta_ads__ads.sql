with source as (

    select *
    from {{ source('meta_ads', 'ad') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'meta_ads' as system,
        'ad' as object,
        id as record_id,
        account_id,
        campaign_id as campaign_record_id,
        ad_set_id as ad_set_record_id,
        name as ad_name,
        status,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
