{%- set gap_days = var('renewal_gap_days') -%}

with opportunities as (

    select * from {{ ref('int_opportunities') }}

),

signed as (

    select
        opportunity_id,
        -- A contract without an account is a customer of its own.
        coalesce(account_id, 'opportunity:' || opportunity_id) as customer_id,
        account_id,
        renews_opportunity_id,
        opportunity_type,
        original_currency,
        recurring_period,
        original_recurring_amount,
        rate as fx_rate,
        contract_months,
        {{ business_date('won_at') }} as signed_date,
        cast(contract_start_date as date) as start_date,
        cast(
            {{ dbt.dateadd('month', 'contract_months', 'cast(contract_start_date as date)') }}
            as date
        ) as term_end_date,
        cast(cancelled_at as date) as cancelled_date
    from opportunities
    where is_won and not is_deleted and contract_start_date is not null

),

-- The end that the contract has by itself: its term's, or that of a cancellation before it. None
-- of either, and it runs until it is renewed.
ended as (

    select
        *,
        least(
            coalesce(term_end_date, cast({{ end_of_time() }} as date)),
            greatest(coalesce(cancelled_date, cast({{ end_of_time() }} as date)), start_date)
        ) as own_end_date
    from signed

),

-- A renewal states the new total: it takes over the contract that it names and what was added to
-- that one while it ran.
named_renewals as (

    select
        renewals.opportunity_id as renewal_id,
        renewals.start_date as renewal_start_date,
        renewed.opportunity_id as renewed_id,
        renewed.customer_id,
        renewed.start_date as renewed_start_date,
        renewed.own_end_date as renewed_end_date
    from ended as renewals
    inner join ended as renewed
        on renewals.renews_opportunity_id = renewed.opportunity_id
    where
        -- Who names a contract renews it, unless as an expansion, which only adds to it.
        renewals.opportunity_type <> 'expansion'
        and renewals.opportunity_id <> renewed.opportunity_id
        and renewals.start_date >= renewed.start_date

),

takeovers as (

    select
        renewal_id,
        renewal_start_date,
        renewed_id as ended_id,
        'renewed' as taken_over_as
    from named_renewals

    union all

    select
        named_renewals.renewal_id,
        named_renewals.renewal_start_date,
        expansions.opportunity_id as ended_id,
        'expansion of the renewed' as taken_over_as
    from named_renewals
    inner join ended as expansions
        on
            named_renewals.customer_id = expansions.customer_id
            and expansions.opportunity_type = 'expansion'
            and named_renewals.renewed_start_date <= expansions.signed_date
            and named_renewals.renewal_start_date > expansions.signed_date
            and named_renewals.renewal_start_date >= expansions.start_date
    where
        -- Signed during the contract: while it ran, or ran on to its renewal.
        expansions.signed_date < named_renewals.renewed_end_date
        or named_renewals.renewal_start_date <= {{ dbt.dateadd(
            'day', gap_days, 'named_renewals.renewed_end_date'
        ) }}

),

judged_takeovers as (

    select
        takeovers.ended_id,
        takeovers.renewal_id,
        takeovers.renewal_start_date,
        takeovers.taken_over_as,
        row_number() over (
            partition by takeovers.ended_id
            order by takeovers.renewal_start_date asc, takeovers.renewal_id asc
        ) as place
    from takeovers
    inner join ended
        on takeovers.ended_id = ended.opportunity_id
    -- Later than the gap it is no renewal any more but a return.
    where
        takeovers.renewal_start_date
        <= {{ dbt.dateadd('day', gap_days, 'ended.own_end_date') }}

),

final as (

    select
        ended.opportunity_id,
        ended.customer_id,
        ended.account_id,
        ended.renews_opportunity_id,
        judged_takeovers.renewal_id as renewed_by_opportunity_id,
        ended.opportunity_type,
        case
            when judged_takeovers.taken_over_as is not null then judged_takeovers.taken_over_as
            when ended.own_end_date = cast({{ end_of_time() }} as date) then 'none'
            when ended.cancelled_date <= coalesce(ended.term_end_date, ended.cancelled_date)
                then 'cancelled'
            else 'not renewed'
        end as end_reason,
        ended.original_currency,
        ended.recurring_period,
        cast(ended.original_recurring_amount as decimal(18, 2)) as original_recurring_amount,
        {{ monthly_money(
            'ended.original_recurring_amount', 'ended.recurring_period',
            'cast(1 as decimal(14, 8))'
        ) }} as original_monthly_amount,
        {{ monthly_money(
            'ended.original_recurring_amount', 'ended.recurring_period', 'ended.fx_rate'
        ) }} as monthly_amount,
        ended.fx_rate,
        cast(ended.contract_months as integer) as contract_months,
        ended.signed_date,
        ended.start_date,
        ended.term_end_date,
        ended.cancelled_date,
        nullif(
            coalesce(judged_takeovers.renewal_start_date, ended.own_end_date),
            cast({{ end_of_time() }} as date)
        ) as end_date
    from ended
    left join judged_takeovers
        on
            ended.opportunity_id = judged_takeovers.ended_id
            and judged_takeovers.place = 1

)

select * from final
