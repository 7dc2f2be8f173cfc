with removal_effects as (

    select * from {{ ref('fct_channel_removal_effects') }}

),

credits as (

    select * from {{ ref('fct_credits') }}

),

conversions as (

    select * from {{ ref('fct_conversions') }}

),

totals as (

    select
        conversion_type,
        count(*) as conversions,
        sum(value) as value
    from conversions
    where touches > 0
    group by conversion_type

),

shapley as (

    select
        conversion_type,
        channel,
        {{ exact_sum('credit_share') }} as conversions,
        sum(credit_amount) as value
    from credits
    where model = 'shapley' and touch_id is not null
    group by conversion_type, channel

),

markov_weights as (

    select
        'markov' as model,
        removal_effects.conversion_type,
        removal_effects.channel,
        removal_effects.removal_effect,
        removal_effects.weight as weight_by_count,
        removal_effects.weight as weight_by_value,
        removal_effects.weight * coalesce(totals.conversions, 0) as conversions,
        removal_effects.weight * coalesce(totals.value, 0) as value
    from removal_effects
    left join totals on removal_effects.conversion_type = totals.conversion_type

),

shapley_weights as (

    select
        'shapley' as model,
        shapley.conversion_type,
        shapley.channel,
        cast(null as double) as removal_effect,
        shapley.conversions / nullif(totals.conversions, 0) as weight_by_count,
        cast(shapley.value as double) / nullif(cast(totals.value as double), 0) as weight_by_value,
        shapley.conversions,
        shapley.value
    from shapley
    inner join totals on shapley.conversion_type = totals.conversion_type

),

unioned as (

    select * from markov_weights

    union all

    select * from shapley_weights

),

final as (

    select
        model,
        conversion_type,
        channel,
        cast(removal_effect as double) as removal_effect,
        cast(weight_by_count as double) as weight_by_count,
        cast(weight_by_value as double) as weight_by_value,
        cast(conversions as double) as conversions,
        cast(value as double) as value
    from unioned

)

select * from final
