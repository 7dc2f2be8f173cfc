with opportunities as (

    select * from {{ ref('fct_opportunities') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

quarters as (

    select
        fiscal_quarter_start_date,
        lead(fiscal_quarter_start_date) over (order by fiscal_quarter_start_date)
            as next_quarter_start_date
    from (select distinct fiscal_quarter_start_date from dates) as quarter_starts

),

present as (

    select
        quarters.fiscal_quarter_start_date,
        quarters.next_quarter_start_date
    from dates
    inner join quarters
        on dates.fiscal_quarter_start_date = quarters.fiscal_quarter_start_date
    where dates.date_day = {{ business_date(as_of()) }}

),

open_deals as (

    select
        opportunities.opportunity_type,
        coalesce(opportunities.segment, '(unknown)') as segment,
        coalesce(opportunities.region, '(unknown)') as region,
        coalesce(opportunities.owner_team, '(unknown)') as team,
        coalesce(opportunities.stage, '(unknown)') as stage,
        coalesce(opportunities.amount, 0) as amount,
        opportunities.is_stale,
        case
            when opportunities.close_date is null then 'no close date'
            when opportunities.close_date < {{ business_date(as_of()) }} then 'overdue'
            when dates.fiscal_quarter_start_date = present.fiscal_quarter_start_date
                then 'this quarter'
            when dates.fiscal_quarter_start_date = present.next_quarter_start_date
                then 'next quarter'
            else 'later'
        end as closes
    from opportunities
    left join dates on opportunities.close_date = dates.date_day
    left join present on {{ business_date(as_of()) }} >= present.fiscal_quarter_start_date
    where not opportunities.is_closed

),

final as (

    select
        md5(
            opportunity_type || '|' || segment || '|' || region || '|' || team || '|' || stage
            || '|' || closes
        ) as open_pipeline_id,
        opportunity_type,
        segment,
        region,
        team,
        stage,
        closes,
        cast(count(*) as {{ dbt.type_bigint() }}) as open_deals,
        cast(sum(amount) as decimal(18, 2)) as open_amount,
        cast(sum(case when is_stale then 1 else 0 end) as {{ dbt.type_bigint() }}) as stale_deals,
        cast(sum(case when is_stale then amount else 0 end) as decimal(18, 2)) as stale_amount,
        cast(
            sum(
                case when closes = 'next quarter' and not is_stale then amount else 0 end
            ) as decimal(18, 2)
        ) as healthy_next_quarter_amount
    from open_deals
    group by opportunity_type, segment, region, team, stage, closes

)

select * from final
