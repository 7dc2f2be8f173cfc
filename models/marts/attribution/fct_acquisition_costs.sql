with cost_items as (

    select * from {{ ref('stg_finance__cost_items') }}

),

cost_rules as (

    select * from {{ ref('cost_rules') }}

),

fx_rates as (

    select * from {{ ref('int_fx_rates') }}

),

ad_spend as (

    select * from {{ ref('fct_ad_spend') }}

),

items as (

    select
        system,
        object,
        record_id,
        team,
        kind,
        upper(
            coalesce(currency, '{{ var("default_currency", var("reporting_currency")) }}')
        ) as original_currency,
        cast(amount as decimal(18, 2)) as original_amount,
        cast({{ dbt.date_trunc('month', 'month') }} as date) as cost_date
    from cost_items
    where not is_deleted and month <= {{ business_date(as_of()) }}

),

-- An item that no rule matches keeps its row: it is shown and does not count.
matched as (

    select
        items.record_id,
        cost_rules.is_counted,
        cost_rules.is_advertising,
        row_number() over (
            partition by items.record_id
            order by cost_rules.priority, cost_rules.team, cost_rules.kind
        ) as preference
    from items
    inner join cost_rules
        on
            {{ matches_pattern('items.team', 'cost_rules.team') }}
            and {{ matches_pattern('items.kind', 'cost_rules.kind') }}

),

months_with_platforms as (

    select distinct cast({{ dbt.date_trunc('month', 'spend_date') }} as date) as cost_month
    from ad_spend

),

judged_items as (

    select
        items.system || ':' || items.object || ':' || items.record_id as cost_id,
        items.system,
        items.team,
        items.kind,
        cast(null as {{ dbt.type_string() }}) as channel,
        items.original_currency,
        {{ convert_money('items.original_amount', 'fx_rates.rate') }} as amount,
        items.original_amount,
        coalesce(matched.is_advertising, false) as is_advertising,
        case
            when not coalesce(matched.is_counted, false) then 'no_acquisition_cost'
            when matched.is_advertising and months_with_platforms.cost_month is not null
                then 'delivered_by_platforms'
        end as not_counted_reason,
        items.cost_date
    from items
    left join matched
        on
            items.record_id = matched.record_id
            and matched.preference = 1
    left join months_with_platforms on items.cost_date = months_with_platforms.cost_month
    left join fx_rates
        on
            items.original_currency = fx_rates.currency
            and items.cost_date >= fx_rates.valid_from
            and (fx_rates.valid_to is null or items.cost_date < fx_rates.valid_to)

),

advertising as (

    select
        'ad_spend:' || system || ':' || channel || ':' || original_currency || ':'
        || cast(spend_date as {{ dbt.type_string() }}) as cost_id,
        system,
        'marketing' as team,
        'advertising' as kind,
        channel,
        original_currency,
        cast(sum(cost) as decimal(18, 2)) as amount,
        cast(sum(original_cost) as decimal(18, 2)) as original_amount,
        true as is_advertising,
        cast(null as {{ dbt.type_string() }}) as not_counted_reason,
        spend_date as cost_date
    from ad_spend
    group by system, channel, original_currency, spend_date

),

unioned as (

    select * from judged_items

    union all

    select * from advertising

),

final as (

    select
        cost_id,
        system,
        team,
        kind,
        channel,
        original_currency,
        not_counted_reason,
        amount,
        original_amount,
        is_advertising,
        not_counted_reason is null as is_counted,
        cost_date
    from unioned

)

select * from final
