with fx_rates as (

    select * from {{ ref('stg_finance__fx_rates') }}

),

delivered as (

    select
        fx_rates.currency,
        cast(fx_rates.valid_from as date) as valid_from,
        cast(fx_rates.rate_to_reporting as decimal(18, 8)) as rate,
        row_number() over (
            partition by fx_rates.currency, cast(fx_rates.valid_from as date)
            order by fx_rates.modified_at desc nulls last, fx_rates.record_id asc
        ) as recency
    from fx_rates
    where
        not fx_rates.is_deleted
        and fx_rates.rate_to_reporting is not null
        and cast(fx_rates.valid_from as date) <= {{ business_date(as_of()) }}
        -- The reporting currency is worth itself, whatever was delivered for it.
        and fx_rates.currency <> upper('{{ var("reporting_currency") }}')

),

final as (

    select
        currency,
        valid_from,
        lead(valid_from) over (partition by currency order by valid_from asc) as valid_to,
        rate
    from delivered
    where recency = 1

    union all

    select
        upper('{{ var("reporting_currency") }}') as currency,
        cast('0001-01-01' as date) as valid_from,
        cast(null as date) as valid_to,
        cast(1 as decimal(18, 8)) as rate

)

select * from final
