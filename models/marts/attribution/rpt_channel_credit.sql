with credits as (

    select * from {{ ref('fct_credits') }}

),

conversions as (

    select * from {{ ref('fct_conversions') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

-- A conversion belongs to its month, to its fiscal quarter, and to all of history.
period_days as (

    select
        date_day,
        'month' as period_grain,
        month_start_date as period_month
    from dates

    union all

    select
        date_day,
        'fiscal_quarter' as period_grain,
        fiscal_quarter_start_date as period_month
    from dates

    union all

    select
        date_day,
        'all' as period_grain,
        cast(null as date) as period_month
    from dates

),

-- By day first: what periods share is added up once.
credited_days as (

    select
        converted_date,
        conversion_type,
        model,
        channel,
        is_headline,
        is_in_range,
        sum(cast(credit_share as decimal(38, 12))) as conversions,
        sum(credit_amount) as credit_amount
    from credits
    group by converted_date, conversion_type, model, channel, is_headline, is_in_range

),

periods as (

    select
        period_days.period_grain,
        period_days.period_month,
        credited_days.conversion_type,
        credited_days.model,
        credited_days.channel,
        credited_days.is_headline,
        credited_days.is_in_range,
        cast(sum(credited_days.conversions) as double) as conversions,
        sum(credited_days.credit_amount) as credit_amount
    from credited_days
    inner join period_days on credited_days.converted_date = period_days.date_day
    group by
        period_days.period_grain,
        period_days.period_month,
        credited_days.conversion_type,
        credited_days.model,
        credited_days.channel,
        credited_days.is_headline,
        credited_days.is_in_range

),

self_reported_periods as (

    select
        period_days.period_grain,
        period_days.period_month,
        conversions.conversion_type,
        conversions.self_reported_channel as channel,
        count(*) as conversions,
        sum(conversions.value) as value
    from conversions
    inner join period_days on conversions.converted_date = period_days.date_day
    where conversions.self_reported_channel is not null
    group by
        period_days.period_grain,
        period_days.period_month,
        conversions.conversion_type,
        conversions.self_reported_channel

),

-- A channel that a model gives nothing is one to which it gives 0: it has its rank all the same.
channels as (

    select
        period_grain,
        period_month,
        conversion_type,
        channel
    from periods

    union

    select
        period_grain,
        period_month,
        conversion_type,
        channel
    from self_reported_periods

),

models as (

    select distinct
        period_grain,
        period_month,
        conversion_type,
        model,
        is_headline,
        is_in_range
    from periods

),

filled as (

    select
        models.period_grain,
        models.period_month,
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
            and models.period_grain = channels.period_grain
            and models.period_month is not distinct from channels.period_month
    left join periods
        on
            models.conversion_type = periods.conversion_type
            and models.period_grain = periods.period_grain
            and models.period_month is not distinct from periods.period_month
            and models.model = periods.model
            and channels.channel = periods.channel

),

-- Channels with the same credit share their rank. What nobody touched competes with no channel.
ranked as (

    select
        period_grain,
        period_month,
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
                        period_grain,
                        period_month,
                        conversion_type,
                        model,
                        case when channel = '(no touch recorded)' then 1 else 0 end
                    order by credit_amount desc
                )
        end as channel_rank,
        sum(credit_amount) over (partition by period_grain, period_month, conversion_type, model)
            as total_amount
    from filled

),

ranges as (

    select
        period_grain,
        period_month,
        conversion_type,
        channel,
        min(case when is_in_range then credit_amount end) as lowest_credit_amount,
        max(case when is_in_range then credit_amount end) as highest_credit_amount,
        min(case when is_in_range then channel_rank end) as best_rank,
        max(case when is_in_range then channel_rank end) as worst_rank,
        max(case when is_headline then credit_amount end) as headline_credit_amount
    from ranked
    group by period_grain, period_month, conversion_type, channel

),

final as (

    select
        ranked.period_grain,
        ranked.period_month,
        ranked.conversion_type,
        ranked.model,
        ranked.channel,
        ranked.conversions,
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
            and ranked.period_grain = ranges.period_grain
            and ranked.period_month is not distinct from ranges.period_month
            and ranked.channel = ranges.channel
    left join self_reported_periods
        on
            ranked.conversion_type = self_reported_periods.conversion_type
            and ranked.period_grain = self_reported_periods.period_grain
            and ranked.period_month is not distinct from self_reported_periods.period_month
            and ranked.channel = self_reported_periods.channel

)

select * from final
