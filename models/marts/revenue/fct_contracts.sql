with contracts as (

    select * from {{ ref('int_contracts') }}

),

accounts as (

    select * from {{ ref('dim_accounts') }}

),

final as (

    select
        contracts.opportunity_id,
        contracts.customer_id,
        contracts.account_id,
        contracts.renews_opportunity_id,
        contracts.renewed_by_opportunity_id,
        contracts.opportunity_type,
        contracts.end_reason,
        coalesce(accounts.segment, '(unknown)') as segment,
        coalesce(accounts.region, '(unknown)') as region,
        contracts.original_currency,
        contracts.recurring_period,
        contracts.original_recurring_amount,
        contracts.original_monthly_amount,
        contracts.monthly_amount,
        contracts.fx_rate,
        contracts.contract_months,
        coalesce(
            contracts.end_reason = 'not renewed'
            and contracts.end_date <= {{ business_date(as_of()) }}
            and {{ dbt.dateadd('day', var('renewal_gap_days'), 'contracts.end_date') }}
            >= {{ business_date(as_of()) }},
            false
        ) as is_renewable,
        contracts.signed_date,
        contracts.start_date,
        contracts.term_end_date,
        contracts.cancelled_date,
        contracts.end_date
    from contracts
    left join accounts
        on contracts.account_id = accounts.account_id

)

select * from final
