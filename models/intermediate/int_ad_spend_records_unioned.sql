{%- set delivering_models = [
    'stg_google_ads__campaign_stats',
    'stg_linkedin_ads__campaign_analytics',
    'stg_meta_ads__basic_ads',
    'stg_marketing__ad_spend',
] -%}
{%- set conformed_columns = [
    'system',
    'object',
    'record_id',
    'platform',
    'spend_date',
    'account_id',
    'campaign_record_id',
    'campaign_name',
    'impressions',
    'clicks',
    'cost',
    'currency',
    'modified_at',
    'is_deleted',
] %}

with unioned as (

    {{ union_conformed(delivering_models, conformed_columns) }}

),

final as (

    select
        system || ':' || object || ':' || record_id as record_key,
        system,
        object,
        record_id,
        platform,
        spend_date,
        account_id,
        campaign_record_id,
        campaign_name,
        impressions,
        clicks,
        cost,
        currency,
        modified_at,
        is_deleted
    from unioned

)

select * from final
