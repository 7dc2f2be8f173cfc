with ad_spend as (

    select * from {{ ref('fct_ad_spend') }}

),

acquisition_costs as (

    select * from {{ ref('fct_acquisition_costs') }}

),

stage_entries as (

    select * from {{ ref('fct_stage_entries') }}

),

credits as (

    select * from {{ ref('fct_credits') }}

),

conversions as (

    select * from {{ ref('fct_conversions') }}

),

opportunities as (

    select * from {{ ref('fct_opportunities') }}

),

headline_model as (

    select lookback_days
    from {{ ref('dim_attribution_models') }}
    where is_headline

),

monthly_recurring as (

    select
        opportunity_id,
        case
            when recurring_period = 'year'
                then cast(cast(recurring_amount as double) / 12 as decimal(28, 9))
            else cast(recurring_amount as decimal(28, 9))
        end as recurring_amount
    from opportunities

),

spend as (

    select
        cast({{ dbt.date_trunc('month', 'spend_date') }} as date) as spend_month,
        channel,
        sum(cost) as spend,
        sum(clicks) as clicks,
        sum(impressions) as impressions
    from ad_spend
    group by cast({{ dbt.date_trunc('month', 'spend_date') }} as date), channel

),

leads as (

    select
        cast({{ dbt.date_trunc('month', 'entered_date') }} as date) as spend_month,
        channel,
        count(*) as leads
    from stage_entries
    where stage = 'lead' and not is_inferred
    group by cast({{ dbt.date_trunc('month', 'entered_date') }} as date), channel

),

-- Credit goes to the month of its touch: that is what the money of the month has brought.
credited as (

    select
        cast({{ dbt.date_trunc('month', 'credits.touched_date') }} as date) as spend_month,
        credits.channel,
        sum(credits.credit_amount) as attributed_revenue,
        sum(case when credits.is_paid_channel then credits.credit_amount else 0 end)
            as paid_revenue,
        {{ exact_sum('case when credits.is_new_customer then credits.credit_share else 0 end') }}
            as new_customers,
        {{ exact_sum(
            'case when credits.is_new_customer then credits.credit_share else 0 end'
            ~ ' * coalesce(monthly_recurring.recurring_amount, 0)'
        ) }} as new_recurring_amount
    from credits
    left join monthly_recurring on credits.opportunity_id = monthly_recurring.opportunity_id
    where
        credits.is_headline
        and credits.conversion_type = 'won'
        and credits.touch_id is not null
    group by cast({{ dbt.date_trunc('month', 'credits.touched_date') }} as date), credits.channel

),

customers as (

    select
        cast({{ dbt.date_trunc('month', 'conversions.converted_date') }} as date) as spend_month,
        count(*) as new_customers,
        sum(coalesce(monthly_recurring.recurring_amount, 0)) as new_recurring_amount
    from conversions
    left join monthly_recurring on conversions.opportunity_id = monthly_recurring.opportunity_id
    where conversions.is_new_customer
    group by cast({{ dbt.date_trunc('month', 'conversions.converted_date') }} as date)

),

costs as (

    select
        cast({{ dbt.date_trunc('month', 'cost_date') }} as date) as spend_month,
        sum(amount) as acquisition_cost
    from acquisition_costs
    where is_counted
    group by cast({{ dbt.date_trunc('month', 'cost_date') }} as date)

),

channel_keys as (

    select
        spend_month,
        channel
    from spend

    union

    select
        spend_month,
        channel
    from leads

    union

    select
        spend_month,
        channel
    from credited

),

company_keys as (

    select spend_month
    from channel_keys

    union

    select spend_month
    from costs

    union

    select spend_month
    from customers

),

channel_rows as (

    select
        channel_keys.spend_month,
        channel_keys.channel,
        'advertising spend' as cost_basis,
        spend.spend,
        spend.spend as acquisition_cost,
        spend.clicks,
        spend.impressions,
        leads.leads,
        credited.new_customers,
        credited.attributed_revenue,
        credited.new_recurring_amount
    from channel_keys
    left join spend
        on
            channel_keys.spend_month = spend.spend_month
            and channel_keys.channel = spend.channel
    left join leads
        on
            channel_keys.spend_month = leads.spend_month
            and channel_keys.channel = leads.channel
    left join credited
        on
            channel_keys.spend_month = credited.spend_month
            and channel_keys.channel = credited.channel

),

company_spend as (

    select
        spend_month,
        sum(spend) as spend,
        sum(clicks) as clicks,
        sum(impressions) as impressions
    from spend
    group by spend_month

),

company_leads as (

    select
        spend_month,
        sum(leads) as leads
    from leads
    group by spend_month

),

company_credited as (

    select
        spend_month,
        sum(paid_revenue) as attributed_revenue
    from credited
    group by spend_month

),

company_rows as (

    select
        company_keys.spend_month,
        '(all)' as channel,
        'all cost of sales and marketing' as cost_basis,
        company_spend.spend,
        costs.acquisition_cost,
        company_spend.clicks,
        company_spend.impressions,
        company_leads.leads,
        customers.new_customers,
        company_credited.attributed_revenue,
        customers.new_recurring_amount
    from company_keys
    left join company_spend on company_keys.spend_month = company_spend.spend_month
    left join costs on company_keys.spend_month = costs.spend_month
    left join company_leads on company_keys.spend_month = company_leads.spend_month
    left join customers on company_keys.spend_month = customers.spend_month
    left join company_credited on company_keys.spend_month = company_credited.spend_month

),

unioned as (

    select * from channel_rows

    union all

    select * from company_rows

),

measured as (

    select
        unioned.spend_month,
        unioned.channel,
        unioned.cost_basis,
        cast(coalesce(unioned.spend, 0) as decimal(18, 2)) as spend,
        cast(coalesce(unioned.acquisition_cost, 0) as decimal(18, 2)) as acquisition_cost,
        cast(coalesce(unioned.clicks, 0) as {{ dbt.type_bigint() }}) as clicks,
        cast(coalesce(unioned.impressions, 0) as {{ dbt.type_bigint() }}) as impressions,
        cast(coalesce(unioned.leads, 0) as {{ dbt.type_bigint() }}) as leads,
        cast(coalesce(unioned.new_customers, 0) as double) as new_customers,
        cast(coalesce(unioned.attributed_revenue, 0) as decimal(18, 2)) as attributed_revenue,
        cast(coalesce(unioned.new_recurring_amount, 0) as double) as new_recurring_amount,
        {{ dbt.dateadd(
            'day',
            'headline_model.lookback_days',
            business_day_end(dbt.last_day('unioned.spend_month', 'month')),
        ) }} as matures_at
    from unioned
    inner join headline_model on unioned.spend_month is not null

),

final as (

    select
        spend_month,
        channel,
        cost_basis,
        spend,
        acquisition_cost,
        clicks,
        impressions,
        leads,
        new_customers,
        attributed_revenue,
        new_recurring_amount,
        -- No cost is no cheap customer: nothing was delivered, or nothing was spent.
        nullif(cast(spend as double), 0) / nullif(leads, 0) as cost_per_lead,
        nullif(cast(acquisition_cost as double), 0) / nullif(new_customers, 0) as cac,
        cast(attributed_revenue as double) / nullif(cast(spend as double), 0) as roas,
        nullif(cast(acquisition_cost as double), 0)
        / nullif(new_recurring_amount * {{ var('gross_margin') }}, 0) as payback_months,
        matures_at <= {{ as_of() }} as is_mature,
        matures_at
    from measured

)

select * from final
