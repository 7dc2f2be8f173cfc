with campaign_records as (

    select * from {{ ref('int_campaign_records_unioned') }}

),

ad_spend_records as (

    select * from {{ ref('int_ad_spend_records_unioned') }}

),

activity_channels as (

    select * from {{ ref('int_activity_channels') }}

),

fx_rates as (

    select * from {{ ref('int_fx_rates') }}

),

-- Some platforms deliver the spend of campaigns without the campaigns.
spend_campaigns as (

    select
        system,
        campaign_record_id as record_id,
        max(platform) as platform,
        max(campaign_name) as campaign_name
    from ad_spend_records
    where campaign_record_id is not null and not is_deleted
    group by system, campaign_record_id

),

recorded as (

    select
        campaign_records.system,
        campaign_records.record_id,
        campaign_records.campaign_name,
        coalesce(campaign_records.channel, '') as source,
        spend_campaigns.platform,
        campaign_records.audience,
        campaign_records.system || ':' || campaign_records.product_record_id as product_id,
        campaign_records.message,
        upper(
            coalesce(
                campaign_records.currency,
                '{{ var("default_currency", var("reporting_currency")) }}'
            )
        ) as original_currency,
        campaign_records.budget,
        campaign_records.actual_cost,
        campaign_records.expected_responses,
        cast(campaign_records.start_date as date) as start_date,
        cast(campaign_records.end_date as date) as end_date,
        campaign_records.sales_briefed_at,
        campaign_records.is_deleted
    from campaign_records
    left join spend_campaigns
        on
            campaign_records.system = spend_campaigns.system
            and campaign_records.record_id = spend_campaigns.record_id

    union all

    select
        spend_campaigns.system,
        spend_campaigns.record_id,
        spend_campaigns.campaign_name,
        coalesce(spend_campaigns.platform, '') as source,
        spend_campaigns.platform,
        cast(null as {{ dbt.type_string() }}) as audience,
        cast(null as {{ dbt.type_string() }}) as product_id,
        cast(null as {{ dbt.type_string() }}) as message,
        upper('{{ var("reporting_currency") }}') as original_currency,
        cast(null as decimal(18, 2)) as budget,
        cast(null as decimal(18, 2)) as actual_cost,
        cast(null as {{ dbt.type_bigint() }}) as expected_responses,
        cast(null as date) as start_date,
        cast(null as date) as end_date,
        cast(null as {{ dbt.type_timestamp() }}) as sales_briefed_at,
        false as is_deleted
    from spend_campaigns
    left join campaign_records
        on
            spend_campaigns.system = campaign_records.system
            and spend_campaigns.record_id = campaign_records.record_id
    where campaign_records.record_id is null

),

dated as (

    select
        recorded.*,
        least(
            coalesce(recorded.start_date, {{ business_date(as_of()) }}),
            {{ business_date(as_of()) }}
        ) as rate_date
    from recorded

),

final as (

    select
        dated.system || ':' || dated.record_id as campaign_id,
        dated.product_id,
        dated.system,
        dated.record_id,
        dated.campaign_name,
        coalesce(activity_channels.channel, '(unmapped)') as channel,
        dated.platform,
        dated.audience,
        dated.message,
        dated.original_currency,
        {{ convert_money('dated.budget', 'fx_rates.rate') }} as budget,
        cast(dated.budget as decimal(18, 2)) as original_budget,
        {{ convert_money('dated.actual_cost', 'fx_rates.rate') }} as actual_cost,
        cast(dated.actual_cost as decimal(18, 2)) as original_actual_cost,
        cast(dated.expected_responses as bigint) as expected_responses,
        dated.platform is not null as is_advertising,
        dated.is_deleted,
        dated.rate_date,
        dated.start_date,
        dated.end_date,
        cast(dated.sales_briefed_at as timestamp) as sales_briefed_at
    from dated
    left join activity_channels
        on
            dated.system = activity_channels.system
            and dated.source = activity_channels.source
            and activity_channels.medium = ''
            and coalesce(dated.campaign_name, '') = activity_channels.campaign
            and dated.record_id = activity_channels.campaign_record_id
    left join fx_rates
        on
            dated.original_currency = fx_rates.currency
            and dated.rate_date >= fx_rates.valid_from
            and (fx_rates.valid_to is null or dated.rate_date < fx_rates.valid_to)

)

select * from final
