with credits as (

    select * from {{ ref('fct_credits') }}

),

conversions as (

    select * from {{ ref('fct_conversions') }}

),

monthly as (

    select
        cast({{ dbt.date_trunc('month', 'converted_date') }} as date) as converted_month,
        conversion_type,
        model,
        channel,
        is_headline,
        is_in_range,
        sum(credit_share) as conversions,
        sum(credit_amount) as credit_amount
    from credits
    group by
        cast({{ dbt.date_trunc('month', 'converted_date') }} as date),
        conversion_type,
        model,
        channel,
        is_headline,
        is_in_range

),

-- All months together are a period of their own, which has no month.
periods as (

    select
        converted_month,
        conversion_type,
        model,
        channel,
        is_headline,
        is_in_range,
        conversions,
        credit_amount
    from monthly

    union all

    select
        cast(null as date) as converted_month,
        conversion_type,
        model,
        channel,
        is_headline,
        is_in_range,
        sum(conversions) as conversions,
        sum(credit_amount) as credit_amount
    from monthly
    group by conversion_type, model, channel, is_headline, is_in_range

),

self_reported as (

    select
        cast({{ dbt.date_trunc('month', 'converted_date') }} as date) as converted_month,
        conversion_type,
        self_reported_channel as channel,
        count(*) as conversions,
        sum(value) as value
    from conversions
    where self_reported_channel is not null
    group by
        cast({{ dbt.date_trunc('month', 'converted_date') }} as date),
        conversion_type,
        self_reported_channel

),

self_reported_periods as (

    select
        converted_month,
        conversion_type,
        channel,
        conversions,
        value
    from self_reported

    union all

    select
        cast(null as date) as converted_month,
        conversion_type,
        channel,
        sum(conversions) as conversions,
        sum(value) as value
    from self_reported
    group by conversion_type, channel

),

-- A channel that a model gives nothing is one to which it gives 0: it has its rank all the same.
channels as (

    select
        converted_month,
        conversion_type,
        channel
    from periods

    union

    select
        converted_month,
        conversion_type,
        channel
    from self_reported_periods

),

models as (

    select distinct
        converted_month,
        conversion_type,
        model,
        is_headline,
        is_in_range
    from periods

),

filled as (

    select
        models.converted_month,
        models.conversion_type,
        models.model,
        channels.channel,
        models.is_headline,
        models.is_in_range,
        coalesce(periods.conversions, 0) as conversions,
        coalesce(periods.credit_amount, 0) as credit_amount
    from models
    inner join channels
        on
            models.conversion_type = channels.conversion_type
            and models.converted_month is not distinct from channels.converted_month
    left join periods
        on
            models.conversion_type = periods.conversion_type
            and models.converted_month is not distinct from periods.converted_month
            and models.model = periods.model
            and channels.channel = periods.channel

),

-- Channels with the same credit share their rank. What nobody touched competes with no channel.
ranked as (

    select
        converted_month,
        conversion_type,
        model,
        channel,
        is_headline,
        is_in_range,
        conversions,
        credit_amount,
        case
            when channel <> '(no touch recorded)'
                then rank() over (
                    partition by
                        converted_month,
                        conversion_type,
                        model,
                        case when channel = '(no touch recorded)' then 1 else 0 end
                    order by credit_amount desc
                )
        end as channel_rank,
        sum(credit_amount) over (partition by converted_month, conversion_type, model)
            as total_amount
    from filled

),

ranges as (

    select
        converted_month,
        conversion_type,
        channel,
        min(case when is_in_range then credit_amount end) as lowest_credit_amount,
        max(case when is_in_range then credit_amount end) as highest_credit_amount,
        min(case when is_in_range then channel_rank end) as best_rank,
        max(case when is_in_range then channel_rank end) as worst_rank,
        max(case when is_headline then credit_amount end) as headline_credit_amount
    from ranked
    group by converted_month, conversion_type, channel

),

final as (

    select
        ranked.converted_month,
        ranked.conversion_type,
        ranked.model,
        ranked.channel,
        cast(ranked.conversions as double) as conversions,
        cast(ranked.credit_amount as decimal(18, 2)) as credit_amount,
        cast(ranked.total_amount as decimal(18, 2)) as total_amount,
        cast(ranked.credit_amount as double) / nullif(cast(ranked.total_amount as double), 0)
            as credit_rate,
        ranked.channel_rank,
        cast(ranges.headline_credit_amount as decimal(18, 2)) as headline_credit_amount,
        cast(ranges.lowest_credit_amount as decimal(18, 2)) as lowest_credit_amount,
        cast(ranges.highest_credit_amount as decimal(18, 2)) as highest_credit_amount,
        ranges.best_rank,
        ranges.worst_rank,
        case
            when ranked.channel = '(no touch recorded)' then 'no model decides'
            when ranges.worst_rank = 1 then 'first under every model'
            when ranges.best_rank = ranges.worst_rank then 'same rank under every model'
            else 'the model decides'
        end as rank_stability,
        cast(coalesce(self_reported_periods.conversions, 0) as {{ dbt.type_bigint() }})
            as self_reported_conversions,
        cast(coalesce(self_reported_periods.value, 0) as decimal(18, 2)) as self_reported_value,
        ranked.is_headline,
        ranked.is_in_range
    from ranked
    inner join ranges
        on
            ranked.conversion_type = ranges.conversion_type
            and ranked.converted_month is not distinct from ranges.converted_month
            and ranked.channel = ranges.channel
    left join self_reported_periods
        on
            ranked.conversion_type = self_reported_periods.conversion_type
            and ranked.converted_month is not distinct from self_reported_periods.converted_month
            and ranked.channel = self_reported_periods.channel

)

select * from final
