with source as (

    select *
    from {{ source('meta_ads', 'basic_ad') }} as delivered
    where {{ visible('delivered') }}

),

ads as (

    select * from {{ ref('stg_meta_ads__ads') }}

),

campaigns as (

    select * from {{ ref('stg_meta_ads__campaigns') }}

),

accounts as (

    select * from {{ ref('stg_meta_ads__accounts') }}

),

placed as (

    select
        source.*,
        coalesce(source.campaign_id, ads.campaign_record_id) as campaign_record_id
    from source
    left join ads on source.ad_id = ads.record_id

),

final as (

    select
        'meta_ads' as system,
        'basic_ad' as object,
        placed._key as record_id,
        'meta_ads' as platform,
        placed.date as spend_date,
        placed.account_id,
        placed.campaign_record_id,
        campaigns.campaign_name,
        placed.impressions,
        placed.inline_link_clicks as clicks,
        cast(placed.spend as decimal(18, 6)) as cost,
        accounts.currency,
        placed._modified_at as modified_at,
        placed._is_deleted as is_deleted
    from placed
    left join campaigns on placed.campaign_record_id = campaigns.record_id
    left join accounts on placed.account_id = accounts.record_id

)

select * from final
