with contract_months as (

    select * from {{ ref('fct_contract_months') }}

),

contracts as (

    select * from {{ ref('fct_contracts') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

totals as (

    select
        customer_id,
        period_month,
        sum(mrr) as mrr,
        count(*) as contracts
    from contract_months
    group by customer_id, period_month

),

customers as (

    select
        customer_id,
        min(account_id) as account_id,
        min(segment) as segment,
        min(region) as region,
        min(period_month) as first_month
    from contract_months
    group by customer_id

),

-- From the customer's first month to now, so that a month earlier is one row earlier.
customer_months as (

    select
        customers.customer_id,
        customers.account_id,
        customers.segment,
        customers.region,
        customers.first_month,
        dates.date_day as period_month
    from customers
    inner join dates
        on
            dates.day_of_month = 1
            and customers.first_month <= dates.date_day
            and dates.date_day <= {{ business_date(as_of()) }}

),

stocks as (

    select
        customer_months.customer_id,
        customer_months.account_id,
        customer_months.segment,
        customer_months.region,
        customer_months.first_month,
        customer_months.period_month,
        coalesce(totals.mrr, 0) as ending_mrr,
        coalesce(totals.contracts, 0) as ending_contracts,
        coalesce(lag(totals.mrr, 1) over customer_rows, 0) as starting_mrr,
        coalesce(lag(totals.contracts, 1) over customer_rows, 0) as starting_contracts,
        coalesce(lag(totals.mrr, 12) over customer_rows, 0) as starting_mrr_12_months
    from customer_months
    left join totals
        on
            customer_months.customer_id = totals.customer_id
            and customer_months.period_month = totals.period_month
    window customer_rows as (
        partition by customer_months.customer_id order by customer_months.period_month asc
    )

),

-- What ended so lately that a renewal may still bridge it.
renewable as (

    select
        customer_id,
        {{ month_start('end_date') }} as period_month,
        sum(monthly_amount) as renewable_mrr
    from contracts
    where is_renewable
    group by customer_id, {{ month_start('end_date') }}

),

final as (

    select
        stocks.customer_id
        || ':'
        || cast(stocks.period_month as {{ dbt.type_string() }}) as mrr_month_id,
        stocks.customer_id,
        stocks.account_id,
        stocks.segment,
        stocks.region,
        case
            when stocks.starting_contracts = 0 and stocks.ending_contracts = 0 then 'gone'
            when stocks.starting_contracts = 0 and stocks.period_month = stocks.first_month
                then 'new'
            when stocks.starting_contracts = 0 then 'reactivated'
            when stocks.ending_contracts = 0 then 'churned'
            when stocks.ending_mrr > stocks.starting_mrr then 'expansion'
            when stocks.ending_mrr < stocks.starting_mrr then 'contraction'
            else 'unchanged'
        end as movement,
        cast(stocks.starting_mrr as decimal(18, 2)) as starting_mrr,
        cast(
            case
                when
                    stocks.starting_contracts = 0
                    and stocks.period_month = stocks.first_month
                    then stocks.ending_mrr
                else 0
            end as decimal(18, 2)
        ) as new_mrr,
        cast(
            case
                when
                    stocks.starting_contracts = 0
                    and stocks.period_month > stocks.first_month
                    then stocks.ending_mrr
                else 0
            end as decimal(18, 2)
        ) as reactivated_mrr,
        cast(
            case
                when stocks.starting_contracts > 0 and stocks.ending_contracts > 0
                    then greatest(stocks.ending_mrr - stocks.starting_mrr, 0)
                else 0
            end as decimal(18, 2)
        ) as expansion_mrr,
        cast(
            case
                when stocks.starting_contracts > 0 and stocks.ending_contracts > 0
                    then greatest(stocks.starting_mrr - stocks.ending_mrr, 0)
                else 0
            end as decimal(18, 2)
        ) as contraction_mrr,
        cast(
            case
                when stocks.starting_contracts > 0 and stocks.ending_contracts = 0
                    then stocks.starting_mrr
                else 0
            end as decimal(18, 2)
        ) as churned_mrr,
        cast(stocks.ending_mrr as decimal(18, 2)) as ending_mrr,
        cast(least(stocks.starting_mrr, stocks.ending_mrr) as decimal(18, 2))
            as gross_retained_mrr,
        cast(
            case when stocks.starting_contracts > 0 then stocks.ending_mrr else 0 end
            as decimal(18, 2)
        ) as net_retained_mrr,
        cast(stocks.starting_mrr_12_months as decimal(18, 2)) as starting_mrr_12_months,
        cast(
            least(stocks.starting_mrr_12_months, stocks.ending_mrr) as decimal(18, 2)
        ) as gross_retained_mrr_12_months,
        cast(
            case when stocks.starting_mrr_12_months <> 0 then stocks.ending_mrr else 0 end
            as decimal(18, 2)
        ) as net_retained_mrr_12_months,
        cast(coalesce(renewable.renewable_mrr, 0) as decimal(18, 2)) as renewable_mrr,
        {{ dbt.dateadd('month', 1, 'stocks.period_month') }} <= {{ as_of() }} as is_complete,
        stocks.period_month
    from stocks
    left join renewable
        on
            stocks.customer_id = renewable.customer_id
            and stocks.period_month = renewable.period_month
    where
        stocks.starting_contracts > 0
        or stocks.ending_contracts > 0
        or stocks.starting_mrr_12_months <> 0

)

select * from final
