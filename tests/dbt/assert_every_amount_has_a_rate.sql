-- Fails if an amount could not be brought to the reporting currency, because no rate of its
-- currency holds on its day. Nothing is assumed in place of a rate, so the build stops; the error
-- names currency and days. It does not claim that the rates are right.
with opportunities as (

    select * from {{ ref('fct_opportunities') }}

),

ad_spend as (

    select * from {{ ref('fct_ad_spend') }}

),

campaigns as (

    select * from {{ ref('dim_campaigns') }}

),

conversions as (

    select * from {{ ref('fct_conversions') }}

),

acquisition_costs as (

    select * from {{ ref('fct_acquisition_costs') }}

),

team_deals as (

    select * from {{ ref('int_team_deals') }}

),

team_figure_records as (

    select * from {{ ref('int_team_figure_records') }}

),

unconverted as (

    select
        original_currency as currency,
        rate_date,
        'opportunities' as what
    from opportunities
    where
        (original_amount is not null and amount is null)
        or (original_recurring_amount is not null and recurring_amount is null)

    union all

    select
        original_currency as currency,
        spend_date as rate_date,
        'days of advertising spend' as what
    from ad_spend
    where original_cost is not null and cost is null

    union all

    select
        original_currency as currency,
        rate_date,
        'campaigns' as what
    from campaigns
    where
        (original_budget is not null and budget is null)
        or (original_actual_cost is not null and actual_cost is null)

    union all

    select
        original_currency as currency,
        converted_date as rate_date,
        'conversions' as what
    from conversions
    where original_value is not null and value is null

    union all

    select
        original_currency as currency,
        cost_date as rate_date,
        'costs' as what
    from acquisition_costs
    -- Advertising is named above already.
    where original_amount is not null and amount is null and channel is null

    union all

    select
        currency,
        rate_date,
        'deals of ' || system as what
    from team_deals
    where original_amount is not null and amount is null

    union all

    select
        currency,
        period_month as rate_date,
        'invoices' as what
    from team_figure_records
    where value is null and side = 'finance'

),

by_currency as (

    select
        currency,
        what,
        count(*) as amounts,
        min(rate_date) as first_date,
        max(rate_date) as last_date
    from unconverted
    group by currency, what

),

final as (

    select
        currency,
        what,
        amounts,
        first_date,
        last_date
    from by_currency
    -- The rows alone would not be seen: a message stands in the log and on the check.
    where {{ fail_with(
        "'No exchange rate of ' || currency || ' to ' || '"
        ~ var('reporting_currency')
        ~ "' || ' from ' || cast(first_date as " ~ dbt.type_string() ~ ")"
        ~ " || ' to ' || cast(last_date as " ~ dbt.type_string() ~ ")"
        ~ " || ', needed by ' || cast(amounts as " ~ dbt.type_string() ~ ") || ' ' || what"
        ~ " || ': deliver finance/fx_rates valid from that first day (finance operations)'"
    ) }} is null

)

select * from final
