with source as (

    select *
    from {{ source('linkedin_ads', 'ad_analytics_by_campaign') }} as delivered
    where {{ visible('delivered') }}

),

campaigns as (

    select * from {{ ref('stg_linkedin_ads__campaigns') }}

),

accounts as (

    select * from {{ ref('stg_linkedin_ads__accounts') }}

),

final as (

    select
        'linkedin_ads' as system,
        'ad_analytics_by_campaign' as object,
        source._key as record_id,
        'linkedin_ads' as platform,
        source.day as spend_date,
        campaigns.account_id,
        source.campaign_id as campaign_record_id,
        campaigns.campaign_name,
        source.impressions,
        source.clicks,
        cast(source.cost_in_local_currency as decimal(18, 6)) as cost,
        accounts.currency,
        source._modified_at as modified_at,
        source._is_deleted as is_deleted
    from source
    left join campaigns on source.campaign_id = campaigns.record_id
    left join accounts on campaigns.account_id = accounts.record_id

)

select * from final
