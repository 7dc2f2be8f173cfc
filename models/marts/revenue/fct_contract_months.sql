with contracts as (

    select * from {{ ref('fct_contracts') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

months as (

    select
        date_day as period_month,
        cast(
            {{ dbt.dateadd('day', -1, dbt.dateadd('month', 1, 'date_day')) }} as date
        ) as last_date
    from dates
    where day_of_month = 1 and date_day <= {{ business_date(as_of()) }}

),

final as (

    select
        contracts.opportunity_id
        || ':'
        || cast(months.period_month as {{ dbt.type_string() }}) as contract_month_id,
        contracts.opportunity_id,
        contracts.customer_id,
        contracts.account_id,
        contracts.opportunity_type,
        contracts.segment,
        contracts.region,
        contracts.original_currency,
        contracts.original_monthly_amount,
        contracts.monthly_amount as mrr,
        months.period_month
    from contracts
    inner join months
        on
            contracts.start_date <= months.last_date
            and (contracts.end_date is null or contracts.end_date > months.last_date)
    where contracts.monthly_amount is not null

)

select * from final
