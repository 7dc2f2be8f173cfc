with mrr_months as (

    select * from {{ ref('fct_mrr_months') }}

),

final as (

    select
        {{ dbt.hash(
            "segment || '|' || region || '|' || cast(period_month as "
            ~ dbt.type_string() ~ ")"
        ) }} as mrr_bridge_id,
        segment,
        region,
        cast(sum(starting_mrr) as decimal(18, 2)) as starting_mrr,
        cast(sum(new_mrr) as decimal(18, 2)) as new_mrr,
        cast(sum(reactivated_mrr) as decimal(18, 2)) as reactivated_mrr,
        cast(sum(expansion_mrr) as decimal(18, 2)) as expansion_mrr,
        cast(sum(contraction_mrr) as decimal(18, 2)) as contraction_mrr,
        cast(sum(churned_mrr) as decimal(18, 2)) as churned_mrr,
        cast(sum(ending_mrr) as decimal(18, 2)) as ending_mrr,
        cast(sum(renewable_mrr) as decimal(18, 2)) as renewable_mrr,
        cast(sum(gross_retained_mrr) as decimal(18, 2)) as gross_retained_mrr,
        cast(sum(net_retained_mrr) as decimal(18, 2)) as net_retained_mrr,
        cast(sum(starting_mrr_12_months) as decimal(18, 2)) as starting_mrr_12_months,
        cast(sum(gross_retained_mrr_12_months) as decimal(18, 2))
            as gross_retained_mrr_12_months,
        cast(sum(net_retained_mrr_12_months) as decimal(18, 2)) as net_retained_mrr_12_months,
        cast(sum(case when starting_mrr <> 0 then 1 else 0 end) as bigint)
            as starting_customers,
        cast(sum(case when movement = 'new' then 1 else 0 end) as bigint) as new_customers,
        cast(sum(case when movement = 'reactivated' then 1 else 0 end) as bigint)
            as reactivated_customers,
        cast(sum(case when movement = 'churned' then 1 else 0 end) as bigint)
            as churned_customers,
        cast(sum(case when ending_mrr <> 0 then 1 else 0 end) as bigint) as ending_customers,
        cast(sum(gross_retained_mrr) as double) / nullif(sum(starting_mrr), 0) as grr,
        cast(sum(net_retained_mrr) as double) / nullif(sum(starting_mrr), 0) as nrr,
        cast(sum(gross_retained_mrr_12_months) as double)
        / nullif(sum(starting_mrr_12_months), 0) as grr_12_months,
        cast(sum(net_retained_mrr_12_months) as double)
        / nullif(sum(starting_mrr_12_months), 0) as nrr_12_months,
        min(is_complete) as is_complete,
        period_month
    from mrr_months
    group by segment, region, period_month

)

select * from final
