-- Fails if a month's start and its movements are not its end, if a start is not the end of the
-- month before, or if a month's end is not the sum of the contracts that count in it.
with bridge as (

    select
        *,
        lag(period_month) over slices as previous_month,
        lag(ending_mrr) over slices as previous_ending_mrr
    from {{ ref('rpt_mrr_bridge') }}
    window slices as (partition by segment, region order by period_month asc)

),

contracts as (

    select
        segment,
        region,
        period_month,
        sum(mrr) as mrr
    from {{ ref('fct_contract_months') }}
    group by segment, region, period_month

)

select
    coalesce(bridge.segment, contracts.segment) as segment,
    coalesce(bridge.region, contracts.region) as region,
    coalesce(bridge.period_month, contracts.period_month) as period_month,
    bridge.starting_mrr,
    bridge.ending_mrr,
    contracts.mrr
from bridge
full outer join contracts
    on
        bridge.segment = contracts.segment
        and bridge.region = contracts.region
        and bridge.period_month = contracts.period_month
where
    bridge.starting_mrr + bridge.new_mrr + bridge.reactivated_mrr + bridge.expansion_mrr
    - bridge.contraction_mrr - bridge.churned_mrr
    <> bridge.ending_mrr
    or coalesce(bridge.ending_mrr, 0) <> coalesce(contracts.mrr, 0)
    or bridge.gross_retained_mrr
    <> bridge.starting_mrr - bridge.contraction_mrr - bridge.churned_mrr
    or bridge.net_retained_mrr <> bridge.gross_retained_mrr + bridge.expansion_mrr
    or case
        when bridge.previous_month = {{ dbt.dateadd('month', -1, 'bridge.period_month') }}
            then bridge.starting_mrr <> bridge.previous_ending_mrr
        else bridge.starting_mrr <> 0 or coalesce(bridge.previous_ending_mrr, 0) <> 0
    end
