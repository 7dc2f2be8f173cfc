{%- set z = '1.959963984540054' -%}
{%- set measures = ['won_deals', 'lost_deals', 'won_value', 'lost_value'] -%}

with opportunities as (

    select * from {{ ref('fct_opportunities') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

-- One competitor however the reps write it; a lost deal is worth its last open amount.
closed as (

    select
        dates.fiscal_quarter_start_date as quarter_start_date,
        opportunities.opportunity_type,
        nullif(lower({{ trimmed_text('opportunities.competitor') }}), '') as competitor_key,
        {{ trimmed_text('opportunities.competitor') }} as competitor,
        case when opportunities.is_won then 1 else 0 end as won_deals,
        case when opportunities.is_won then 0 else 1 end as lost_deals,
        case when opportunities.is_won then coalesce(opportunities.amount, 0) else 0 end
            as won_value,
        case when opportunities.is_won then 0 else coalesce(opportunities.last_open_amount, 0) end
            as lost_value
    from opportunities
    inner join dates on opportunities.closed_date = dates.date_day
    where opportunities.is_closed

),

names as (

    select
        competitor_key,
        min(competitor) as competitor
    from closed
    where competitor_key is not null
    group by competitor_key

),

counted as (

    select
        quarter_start_date,
        opportunity_type,
        competitor_key,
        {%- for measure in measures %}
            sum({{ measure }}) as {{ measure }}
            {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from closed
    group by quarter_start_date, opportunity_type, competitor_key

),

{{ quarters_and_trailing_years('counted') }},

summed as (

    select
        periods.period_grain,
        periods.quarter_start_date,
        counted.opportunity_type,
        counted.competitor_key,
        {%- for measure in measures %}
            sum(counted.{{ measure }}) as {{ measure }}
            {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from periods
    inner join counted on periods.counted_quarter_start_date = counted.quarter_start_date
    group by
        periods.period_grain,
        periods.quarter_start_date,
        counted.opportunity_type,
        counted.competitor_key

),

with_totals as (

    select
        *,
        won_deals + lost_deals as closed_deals,
        sum(won_deals + lost_deals) over (
            partition by period_grain, quarter_start_date, opportunity_type
        ) as all_closed_deals,
        sum(case when competitor_key is not null then won_deals + lost_deals else 0 end) over (
            partition by period_grain, quarter_start_date, opportunity_type
        ) as known_deals
    from summed

),

final as (

    select
        with_totals.period_grain,
        with_totals.opportunity_type,
        coalesce(names.competitor, '(not known)') as competitor,
        with_totals.competitor_key is not null as is_known,
        cast(with_totals.closed_deals as {{ dbt.type_bigint() }}) as closed_deals,
        cast(with_totals.won_deals as {{ dbt.type_bigint() }}) as won_deals,
        cast(with_totals.lost_deals as {{ dbt.type_bigint() }}) as lost_deals,
        with_totals.won_deals / cast(with_totals.closed_deals as double) as win_rate,
        {{ wilson_bound('with_totals.won_deals', 'with_totals.closed_deals', z, 'lower') }}
            as win_rate_low,
        {{ wilson_bound('with_totals.won_deals', 'with_totals.closed_deals', z, 'upper') }}
            as win_rate_high,
        cast(with_totals.won_value as decimal(18, 2)) as won_value,
        cast(with_totals.lost_value as decimal(18, 2)) as lost_value,
        cast(with_totals.won_value as double)
        / nullif(cast(with_totals.won_value + with_totals.lost_value as double), 0)
            as win_rate_by_value,
        cast(with_totals.known_deals as {{ dbt.type_bigint() }}) as known_deals,
        cast(with_totals.all_closed_deals as {{ dbt.type_bigint() }}) as all_closed_deals,
        with_totals.known_deals / cast(with_totals.all_closed_deals as double) as known_share,
        with_totals.quarter_start_date
    from with_totals
    left join names on with_totals.competitor_key = names.competitor_key

)

select * from final
