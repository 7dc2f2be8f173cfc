{%- set delivering_models = [
    'stg_salesforce__campaigns',
    'stg_crm__campaigns',
] -%}
{%- set platform_models = [
    'stg_google_ads__campaigns',
    'stg_linkedin_ads__campaigns',
    'stg_meta_ads__campaigns',
] -%}
{%- set conformed_columns = [
    'system',
    'object',
    'record_id',
    'campaign_name',
    'channel',
    'audience',
    'product_record_id',
    'message',
    'budget',
    'actual_cost',
    'currency',
    'expected_responses',
    'start_date',
    'end_date',
    'sales_briefed_at',
    'modified_at',
    'is_deleted',
] -%}
{%- set platform_columns = [
    'system',
    'object',
    'record_id',
    'campaign_name',
    'modified_at',
    'is_deleted',
] %}

with hubspot_email_campaigns as (

    select * from {{ ref('stg_hubspot__email_campaigns') }}

),

platform_campaigns as (

    {{ union_conformed(platform_models, platform_columns) }}

),

named_elsewhere as (

    select
        hubspot_email_campaigns.system,
        hubspot_email_campaigns.object,
        hubspot_email_campaigns.record_id,
        hubspot_email_campaigns.email_name as campaign_name,
        'email' as channel,
        hubspot_email_campaigns.modified_at,
        hubspot_email_campaigns.is_deleted
    from hubspot_email_campaigns

    union all

    select
        platform_campaigns.system,
        platform_campaigns.object,
        platform_campaigns.record_id,
        platform_campaigns.campaign_name,
        cast(null as {{ dbt.type_string() }}) as channel,
        platform_campaigns.modified_at,
        platform_campaigns.is_deleted
    from platform_campaigns

),

unioned as (

    {{ union_conformed(delivering_models, conformed_columns) }}

    union all

    select
        named_elsewhere.system,
        named_elsewhere.object,
        named_elsewhere.record_id,
        named_elsewhere.campaign_name,
        named_elsewhere.channel,
        cast(null as {{ dbt.type_string() }}) as audience,
        cast(null as {{ dbt.type_string() }}) as product_record_id,
        cast(null as {{ dbt.type_string() }}) as message,
        cast(null as decimal(18, 2)) as budget,
        cast(null as decimal(18, 2)) as actual_cost,
        cast(null as {{ dbt.type_string() }}) as currency,
        cast(null as {{ dbt.type_bigint() }}) as expected_responses,
        cast(null as date) as start_date,
        cast(null as date) as end_date,
        cast(null as {{ dbt.type_timestamp() }}) as sales_briefed_at,
        named_elsewhere.modified_at,
        named_elsewhere.is_deleted
    from named_elsewhere

),

final as (

    select
        unioned.system || ':' || unioned.object || ':' || unioned.record_id as record_key,
        unioned.system,
        unioned.object,
        unioned.record_id,
        unioned.campaign_name,
        unioned.channel,
        unioned.audience,
        unioned.product_record_id,
        unioned.message,
        unioned.budget,
        unioned.actual_cost,
        unioned.currency,
        unioned.expected_responses,
        unioned.start_date,
        unioned.end_date,
        unioned.sales_briefed_at,
        unioned.modified_at,
        unioned.is_deleted
    from unioned

)

select * from final
