{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ clear_credits(ref('int_conversion_lookups')) }}",
    post_hook="{{ mark_paid_channels(ref('fct_ad_spend')) }}",
) }}

with conversions as (

    select * from {{ ref('int_conversions') }}

),

journey_touches as (

    select * from {{ ref('int_journey_touches') }}

),

touch_credits as (

    select * from {{ ref('int_touch_credits') }}

),

lookups as (

    select * from {{ ref('int_conversion_lookups') }}

),

attribution_models as (

    select * from {{ ref('attribution_models') }}

),

paid_channels as (

    select distinct channel
    from {{ ref('fct_ad_spend') }}

),

credited as (

    select
        touch_credits.conversion_id,
        journey_touches.touch_id,
        touch_credits.model,
        journey_touches.person_id,
        journey_touches.campaign_id,
        journey_touches.content_id,
        journey_touches.touch_type,
        journey_touches.channel,
        journey_touches.team,
        touch_credits.credit_share,
        {{ divide_money('touch_credits.credit_cents', 1, '100') }} as credit_amount,
        journey_touches.touched_at
    from touch_credits
    inner join journey_touches
        on
            touch_credits.conversion_id = journey_touches.conversion_id
            and touch_credits.touch_number = journey_touches.touch_number

),

untouched_conversions as (

    select
        conversions.conversion_id,
        conversions.value
    from conversions
    inner join lookups
        on
            conversions.conversion_id = lookups.lookup_key
            and lookups.lookup_kind = 'conversion'
    inner join {{ ref('stg_concord__build_context') }} as build_context
        on lookups.changed_in = build_context.build_number
    left join journey_touches
        on
            conversions.conversion_id = journey_touches.conversion_id
            and journey_touches.touch_number = 1
    where journey_touches.conversion_id is null

),

-- Revenue that nobody touched is revenue all the same.
untouched as (

    select
        untouched_conversions.conversion_id,
        cast(null as {{ dbt.type_string() }}) as touch_id,
        attribution_models.model,
        cast(null as {{ dbt.type_string() }}) as person_id,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        cast(null as {{ dbt.type_string() }}) as content_id,
        cast(null as {{ dbt.type_string() }}) as touch_type,
        '(no touch recorded)' as channel,
        cast(null as {{ dbt.type_string() }}) as team,
        cast(1 as double) as credit_share,
        untouched_conversions.value as credit_amount,
        cast(null as timestamp) as touched_at
    from untouched_conversions
    inner join attribution_models on untouched_conversions.conversion_id is not null

),

unioned as (

    select * from credited

    union all

    select * from untouched

),

final as (

    select
        unioned.conversion_id || '|' || unioned.model || '|' || coalesce(unioned.touch_id, '')
            as credit_id,
        unioned.conversion_id,
        unioned.touch_id,
        conversions.opportunity_id,
        conversions.account_id,
        unioned.person_id,
        unioned.campaign_id,
        unioned.content_id,
        unioned.model,
        conversions.conversion_type,
        conversions.opportunity_type,
        conversions.segment,
        conversions.region,
        unioned.channel,
        unioned.team,
        unioned.touch_type,
        unioned.credit_share,
        unioned.credit_amount,
        attribution_models.is_headline,
        attribution_models.in_range as is_in_range,
        paid_channels.channel is not null as is_paid_channel,
        conversions.is_new_customer,
        {{ business_date('conversions.converted_at') }} as converted_date,
        {{ business_date('unioned.touched_at') }} as touched_date,
        conversions.converted_at,
        unioned.touched_at
    from unioned
    inner join conversions on unioned.conversion_id = conversions.conversion_id
    inner join attribution_models on unioned.model = attribution_models.model
    left join paid_channels on unioned.channel = paid_channels.channel

)

select * from final
