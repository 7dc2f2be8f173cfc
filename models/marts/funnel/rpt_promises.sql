with promises as (

    select * from {{ ref('dim_promises') }}

),

facts as (

    select * from {{ ref('fct_promises') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

judged as (

    select
        promise_id,
        cast({{ dbt.date_trunc('month', 'mql_date') }} as date) as period_month,
        sum(case when is_due then 1 else 0 end) as due,
        sum(case when is_kept then 1 else 0 end) as kept
    from facts
    group by promise_id, cast({{ dbt.date_trunc('month', 'mql_date') }} as date)

),

bounds as (

    select
        min(period_month) as first_month,
        max(period_month) as last_month
    from judged

),

months as (

    select distinct cast({{ dbt.date_trunc('month', 'dates.date_day') }} as date) as period_month
    from dates
    inner join bounds
        on
            dates.date_day >= bounds.first_month
            and dates.date_day <= bounds.last_month

),

-- A month without a lead has a volume too: none.
periods as (

    select
        months.period_month,
        promises.promise_id
    from months
    inner join promises on promises.promise = 'volume'

    union

    select
        period_month,
        promise_id
    from judged

),

final as (

    select
        periods.promise_id,
        promises.team,
        promises.promise,
        promises.temperature,
        promises.grade,
        promises.target_hours,
        promises.target_value,
        cast(coalesce(judged.due, 0) as {{ dbt.type_bigint() }}) as due,
        cast(coalesce(judged.kept, 0) as {{ dbt.type_bigint() }}) as kept,
        case
            when promises.promise = 'volume' then cast(coalesce(judged.kept, 0) as double)
            when judged.due > 0 then judged.kept / cast(judged.due as double)
        end as actual_value,
        case
            when promises.target_value is null then null
            when promises.promise = 'volume'
                then coalesce(judged.kept, 0) >= promises.target_value
            when judged.due > 0
                then judged.kept / cast(judged.due as double) >= promises.target_value
        end as is_kept,
        periods.period_month
    from periods
    inner join promises on periods.promise_id = promises.promise_id
    left join judged
        on
            periods.promise_id = judged.promise_id
            and periods.period_month = judged.period_month

)

select * from final
