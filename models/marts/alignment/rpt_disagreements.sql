with alignment_steps as (

    select * from {{ ref('fct_alignment_steps') }}

),

team_figures as (

    select * from {{ ref('fct_team_figures') }}

),

final as (

    select
        alignment_steps.kpi || '|' || alignment_steps.side || '|' || alignment_steps.reason || '|'
        || alignment_steps.owner || '|'
        || cast(alignment_steps.period_month as {{ dbt.type_string() }}) as disagreement_id,
        alignment_steps.kpi,
        alignment_steps.side,
        team_figures.system,
        alignment_steps.reason,
        alignment_steps.owner,
        cast(min(alignment_steps.reason_order) as integer) as reason_order,
        cast(count(*) as {{ dbt.type_bigint() }}) as records,
        cast(sum(alignment_steps.value) as decimal(18, 2)) as value,
        cast(sum(alignment_steps.money) as decimal(18, 2)) as money,
        {{ business_date('min(alignment_steps.since)') }} as since_date,
        alignment_steps.period_month
    from alignment_steps
    left join team_figures
        on
            alignment_steps.kpi = team_figures.kpi
            and alignment_steps.side = team_figures.side
            and alignment_steps.period_month = team_figures.period_month
    group by
        alignment_steps.kpi,
        alignment_steps.side,
        team_figures.system,
        alignment_steps.reason,
        alignment_steps.owner,
        alignment_steps.period_month

)

select * from final
