with conversions as (

    select * from {{ ref('fct_conversions') }}

),

won as (

    select
        cast({{ dbt.date_trunc('month', 'converted_date') }} as date) as period_month,
        teams_involved,
        coalesce(segment, '(unknown)') as segment,
        coalesce(region, '(unknown)') as region,
        first_team,
        value,
        touches,
        marketing_touches,
        sales_touches,
        {{ seconds_between('first_touched_at', 'converted_at') }} / 86400 as days_to_win
    from conversions
    where conversion_type = 'won'

),

final as (

    select
        period_month,
        teams_involved,
        segment,
        region,
        count(*) as won_deals,
        cast(sum(value) as decimal(18, 2)) as won_value,
        cast(sum(case when first_team = 'marketing' then 1 else 0 end) as bigint)
            as deals_begun_by_marketing,
        cast(sum(case when first_team = 'sales' then 1 else 0 end) as bigint)
            as deals_begun_by_sales,
        cast(sum(touches) as bigint) as touches,
        cast(sum(marketing_touches) as bigint) as marketing_touches,
        cast(sum(sales_touches) as bigint) as sales_touches,
        coalesce({{ exact_sum('days_to_win') }}, 0) as days_to_win
    from won
    group by period_month, teams_involved, segment, region

)

select * from final
