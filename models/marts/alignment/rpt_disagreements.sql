with alignment_steps as (

    select * from {{ ref('fct_alignment_steps') }}

),

alignment_records as (

    select * from {{ ref('fct_alignment_records') }}

),

-- The one system in which the side keeps what the figure counts; none, where there are several.
side_systems as (

    select
        kpi,
        side,
        case when min(system) = max(system) then min(system) end as system
    from alignment_records
    group by kpi, side

),

final as (

    select
        alignment_steps.kpi || '|' || alignment_steps.side || '|' || alignment_steps.reason || '|'
        || alignment_steps.owner || '|'
        || cast(alignment_steps.period_month as {{ dbt.type_string() }}) as disagreement_id,
        alignment_steps.kpi,
        alignment_steps.side,
        side_systems.system,
        alignment_steps.reason,
        alignment_steps.owner,
        cast(min(alignment_steps.reason_order) as integer) as reason_order,
        cast(count(*) as {{ dbt.type_bigint() }}) as records,
        cast(sum(alignment_steps.value) as decimal(18, 2)) as value,
        cast(sum(alignment_steps.money) as decimal(18, 2)) as money,
        {{ business_date('min(alignment_steps.since)') }} as since_date,
        alignment_steps.period_month
    from alignment_steps
    left join side_systems
        on
            alignment_steps.kpi = side_systems.kpi
            and alignment_steps.side = side_systems.side
    group by
        alignment_steps.kpi,
        alignment_steps.side,
        side_systems.system,
        alignment_steps.reason,
        alignment_steps.owner,
        alignment_steps.period_month

)

select * from final
