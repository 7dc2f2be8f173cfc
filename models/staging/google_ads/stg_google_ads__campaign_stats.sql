with source as (

    select *
    from {{ source('google_ads', 'campaign_stats') }} as delivered
    where {{ visible('delivered') }}

),

campaigns as (

    select * from {{ ref('stg_google_ads__campaigns') }}

),

accounts as (

    select * from {{ ref('stg_google_ads__accounts') }}

),

final as (

    select
        'google_ads' as system,
        'campaign_stats' as object,
        source._key as record_id,
        'google_ads' as platform,
        source.date as spend_date,
        source.customer_id as account_id,
        source.campaign_id as campaign_record_id,
        campaigns.campaign_name,
        source.impressions,
        source.clicks,
        -- A division would go through a float, a product of decimals stays exact.
        cast(
            cast(source.cost_micros as decimal(18, 0)) * cast(0.000001 as decimal(7, 6))
            as decimal(18, 6)
        ) as cost,
        accounts.currency,
        source._modified_at as modified_at,
        source._is_deleted as is_deleted
    from source
    left join campaigns on source.campaign_id = campaigns.record_id
    left join accounts on source.customer_id = accounts.record_id

)

select * from final
