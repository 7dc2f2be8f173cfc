with source as (

    select *
    from {{ source('marketing', 'ad_spend') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'marketing' as system,
        'ad_spend' as object,
        _key as record_id,
        lower(platform) as platform,
        spend_date,
        account_id,
        campaign_id as campaign_record_id,
        campaign_name,
        impressions,
        clicks,
        cast(cost as decimal(18, 6)) as cost,
        upper(currency) as currency,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
