with ad_spend_records as (

    select * from {{ ref('int_ad_spend_records_unioned') }}

),

activity_channels as (

    select * from {{ ref('int_activity_channels') }}

),

fx_rates as (

    select * from {{ ref('int_fx_rates') }}

),

described as (

    select
        ad_spend_records.system,
        ad_spend_records.platform,
        ad_spend_records.campaign_record_id,
        ad_spend_records.campaign_name,
        activity_channels.channel,
        activity_channels.campaign_id,
        upper(
            coalesce(
                ad_spend_records.currency,
                '{{ var("default_currency", var("reporting_currency")) }}'
            )
        ) as original_currency,
        cast(ad_spend_records.spend_date as date) as spend_date,
        cast(ad_spend_records.cost as decimal(18, 6)) as cost,
        ad_spend_records.impressions,
        ad_spend_records.clicks
    from ad_spend_records
    inner join activity_channels
        on
            ad_spend_records.system = activity_channels.system
            and coalesce(ad_spend_records.platform, '') = activity_channels.source
            and activity_channels.medium = ''
            and coalesce(ad_spend_records.campaign_name, '') = activity_channels.campaign
            and coalesce(ad_spend_records.campaign_record_id, '')
            = activity_channels.campaign_record_id
    where
        not ad_spend_records.is_deleted
        and cast(ad_spend_records.spend_date as date) <= {{ business_date(as_of()) }}

),

daily as (

    select
        system,
        platform,
        campaign_record_id,
        original_currency,
        spend_date,
        max(campaign_name) as campaign_name,
        max(campaign_id) as campaign_id,
        max(channel) as channel,
        sum(cost) as original_cost,
        sum(impressions) as impressions,
        sum(clicks) as clicks
    from described
    group by system, platform, campaign_record_id, original_currency, spend_date

),

final as (

    select
        daily.system || ':' || coalesce(daily.platform, '') || ':'
        || coalesce(daily.campaign_record_id, '') || ':' || daily.original_currency || ':'
        || cast(daily.spend_date as {{ dbt.type_string() }}) as ad_spend_id,
        daily.campaign_id,
        daily.system,
        daily.platform,
        daily.campaign_name,
        daily.channel,
        daily.original_currency,
        {{ convert_money('daily.original_cost', 'fx_rates.rate') }} as cost,
        cast(daily.original_cost as decimal(18, 6)) as original_cost,
        cast(daily.impressions as bigint) as impressions,
        cast(daily.clicks as bigint) as clicks,
        daily.spend_date
    from daily
    left join fx_rates
        on
            daily.original_currency = fx_rates.currency
            and daily.spend_date >= fx_rates.valid_from
            and (fx_rates.valid_to is null or daily.spend_date < fx_rates.valid_to)

)

select * from final
