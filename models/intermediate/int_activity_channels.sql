-- The agreed channel mapping is applied to each combination of sources once. Activities, campaigns
-- and advertising spend go through the same mapping, so that cost and credit meet in one channel.
with activity_records as (

    select * from {{ ref('int_activity_records_unioned') }}

),

campaign_records as (

    select * from {{ ref('int_campaign_records_unioned') }}

),

ad_spend_records as (

    select * from {{ ref('int_ad_spend_records_unioned') }}

),

channel_mappings as (

    select * from {{ ref('channel_mappings') }}

),

delivered as (

    select
        activity_records.system,
        coalesce(activity_records.source, '') as source,
        coalesce(activity_records.medium, '') as medium,
        coalesce(activity_records.campaign, '') as campaign,
        coalesce(activity_records.campaign_record_id, '') as campaign_record_id,
        count(*) as delivered_records
    from activity_records
    group by 1, 2, 3, 4, 5

    union all

    select
        campaign_records.system,
        coalesce(campaign_records.channel, '') as source,
        '' as medium,
        coalesce(campaign_records.campaign_name, '') as campaign,
        campaign_records.record_id as campaign_record_id,
        count(*) as delivered_records
    from campaign_records
    group by 1, 2, 3, 4, 5

    union all

    select
        ad_spend_records.system,
        coalesce(ad_spend_records.platform, '') as source,
        '' as medium,
        coalesce(ad_spend_records.campaign_name, '') as campaign,
        coalesce(ad_spend_records.campaign_record_id, '') as campaign_record_id,
        count(*) as delivered_records
    from ad_spend_records
    group by 1, 2, 3, 4, 5

),

combinations as (

    select
        system,
        source,
        medium,
        campaign,
        campaign_record_id,
        sum(delivered_records) as delivered_records
    from delivered
    group by 1, 2, 3, 4, 5

),

campaigns as (

    select
        campaign_records.system,
        campaign_records.record_id,
        max(campaign_records.campaign_name) as campaign_name,
        max(campaign_records.channel) as channel
    from campaign_records
    group by 1, 2

),

spending_campaigns as (

    select
        ad_spend_records.system,
        ad_spend_records.campaign_record_id as record_id,
        max(ad_spend_records.campaign_name) as campaign_name
    from ad_spend_records
    where ad_spend_records.campaign_record_id is not null
    group by 1, 2

),

-- A campaign often stands in the CRM too, under the name it has on the platform that billed it: a
-- visit that gives the name came from the platform.
named_campaigns as (

    select
        campaigns.system || ':' || campaigns.record_id as campaign_id,
        lower(trim(campaigns.campaign_name)) as campaign_name,
        case when spending_campaigns.record_id is null then 2 else 1 end as preference
    from campaigns
    left join spending_campaigns
        on
            campaigns.system = spending_campaigns.system
            and campaigns.record_id = spending_campaigns.record_id

    union

    select
        spending_campaigns.system || ':' || spending_campaigns.record_id as campaign_id,
        lower(trim(spending_campaigns.campaign_name)) as campaign_name,
        1 as preference
    from spending_campaigns

),

preferred_names as (

    select
        campaign_name,
        campaign_id,
        preference,
        min(preference) over (partition by campaign_name) as best_preference
    from named_campaigns
    where campaign_name <> ''

),

-- A name that two such campaigns bear says nothing about which of them it was.
unambiguous_names as (

    select
        campaign_name,
        min(campaign_id) as campaign_id
    from preferred_names
    where preference = best_preference
    group by 1
    having count(distinct campaign_id) = 1

),

described as (

    select
        combinations.system,
        combinations.source,
        combinations.medium,
        combinations.campaign,
        combinations.campaign_record_id,
        combinations.delivered_records,
        -- What says nothing of its own source takes the channel of the campaign it belongs to.
        case
            when combinations.source = '' and combinations.medium = ''
                then coalesce(campaigns.channel, '')
            else combinations.source
        end as effective_source,
        case
            when combinations.campaign = '' then coalesce(campaigns.campaign_name, '')
            else combinations.campaign
        end as effective_campaign,
        case
            when combinations.campaign_record_id <> ''
                then combinations.system || ':' || combinations.campaign_record_id
            else unambiguous_names.campaign_id
        end as campaign_id
    from combinations
    left join campaigns
        on
            combinations.system = campaigns.system
            and combinations.campaign_record_id = campaigns.record_id
    left join unambiguous_names
        on lower(trim(combinations.campaign)) = unambiguous_names.campaign_name

),

matching as (

    select
        described.system,
        described.source,
        described.medium,
        described.campaign,
        described.campaign_record_id,
        channel_mappings.channel,
        coalesce(channel_mappings.system, '') = '*'
        and coalesce(channel_mappings.source, '') = '*'
        and coalesce(channel_mappings.medium, '') = '*'
        and coalesce(channel_mappings.campaign, '') = '*' as is_catch_all,
        row_number() over (
            partition by
                described.system,
                described.source,
                described.medium,
                described.campaign,
                described.campaign_record_id
            order by
                channel_mappings.priority asc,
                {{ pattern_rank('channel_mappings.source') }} desc,
                {{ pattern_rank('channel_mappings.medium') }} desc,
                {{ pattern_rank('channel_mappings.campaign') }} desc,
                {{ pattern_rank('channel_mappings.system') }} desc,
                channel_mappings.channel asc
        ) as match_rank
    from described
    inner join channel_mappings
        on
            {{ matches_pattern('described.system', 'channel_mappings.system') }}
            and {{ matches_pattern('described.effective_source', 'channel_mappings.source') }}
            and {{ matches_pattern('described.medium', 'channel_mappings.medium') }}
            and {{ matches_pattern('described.effective_campaign', 'channel_mappings.campaign') }}

),

final as (

    select
        described.system,
        described.source,
        described.medium,
        described.campaign,
        described.campaign_record_id,
        described.campaign_id,
        coalesce(matching.channel, '(unmapped)') as channel,
        -- A rule that matches everything says nothing about a sales touch in particular.
        case
            when matching.channel is null or matching.is_catch_all then 'sales'
            else matching.channel
        end as sales_channel,
        described.delivered_records,
        matching.channel is not null as is_mapped
    from described
    left join matching
        on
            described.system = matching.system
            and described.source = matching.source
            and described.medium = matching.medium
            and described.campaign = matching.campaign
            and described.campaign_record_id = matching.campaign_record_id
            and matching.match_rank = 1

)

select * from final
