with conversions as (

    select * from {{ ref('fct_conversions') }}

),

touches as (

    select * from {{ ref('fct_touches') }}

),

touch_credits as (

    select * from {{ ref('int_touch_credits') }}

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
        touch_credits.touch_id,
        touch_credits.model,
        touches.person_id,
        touches.campaign_id,
        touches.content_id,
        touches.touch_type,
        touches.channel,
        touches.team,
        touch_credits.credit_share,
        {{ divide_money('touch_credits.credit_cents', 1, '100') }} as credit_amount,
        touches.touched_at
    from touch_credits
    inner join touches on touch_credits.touch_id = touches.touch_id

),

-- Revenue that nobody touched is revenue all the same.
untouched as (

    select
        conversions.conversion_id,
        cast(null as {{ dbt.type_string() }}) as touch_id,
        attribution_models.model,
        cast(null as {{ dbt.type_string() }}) as person_id,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        cast(null as {{ dbt.type_string() }}) as content_id,
        cast(null as {{ dbt.type_string() }}) as touch_type,
        '(no touch recorded)' as channel,
        cast(null as {{ dbt.type_string() }}) as team,
        cast(1 as double) as credit_share,
        conversions.value as credit_amount,
        cast(null as timestamp) as touched_at
    from conversions
    inner join attribution_models on conversions.touches = 0

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
        conversions.converted_date,
        {{ business_date('unioned.touched_at') }} as touched_date,
        conversions.converted_at,
        unioned.touched_at
    from unioned
    inner join conversions on unioned.conversion_id = conversions.conversion_id
    inner join attribution_models on unioned.model = attribution_models.model
    left join paid_channels on unioned.channel = paid_channels.channel

)

select * from final
