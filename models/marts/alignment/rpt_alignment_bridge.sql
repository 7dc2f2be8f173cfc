with team_figures as (

    select * from {{ ref('fct_team_figures') }}

),

alignment_steps as (

    select * from {{ ref('fct_alignment_steps') }}

),

stage_entries as (

    select * from {{ ref('fct_stage_entries') }}

),

opportunities as (

    select * from {{ ref('fct_opportunities') }}

),

shared_units as (

    select
        case stage
            when 'lead' then 'leads'
            when 'mql' then 'mqls'
            when 'sql' then 'sqls'
            else 'opportunities'
        end as kpi,
        entered_date as counted_date,
        cast(1 as decimal(18, 2)) as value
    from stage_entries
    where
        stage in ('lead', 'mql', 'sql', 'sqo')
        and not is_inferred

    union all

    select
        'pipeline' as kpi,
        created_date as counted_date,
        amount as value
    from opportunities

    union all

    select
        'bookings' as kpi,
        closed_date as counted_date,
        amount as value
    from opportunities
    where is_won

),

shared as (

    select
        kpi,
        {{ month_start('counted_date') }} as period_month,
        sum(value) as shared_value
    from shared_units
    group by kpi, {{ month_start('counted_date') }}

),

steps as (

    select
        kpi,
        side,
        period_month,
        sum(value) as steps_value,
        sum(case when reason = 'not_reproducible' then value else 0 end) as not_reproducible_value,
        sum(money) as money,
        sum(case when is_counted_by_side then 1 else 0 end) as side_records,
        sum(case when reason <> 'not_reproducible' then 1 else 0 end) as disagreeing_records
    from alignment_steps
    group by kpi, side, period_month

),

final as (

    select
        team_figures.team_figure_id as bridge_id,
        team_figures.kpi,
        team_figures.side,
        team_figures.system,
        team_figures.owner,
        team_figures.link,
        team_figures.side_value,
        team_figures.own_value,
        cast(coalesce(steps.steps_value, 0) as decimal(18, 2)) as steps_value,
        cast(coalesce(shared.shared_value, 0) as decimal(18, 2)) as shared_value,
        cast(
            team_figures.side_value
            - coalesce(steps.steps_value, 0)
            - coalesce(shared.shared_value, 0)
            as decimal(18, 2)
        ) as residual,
        cast(coalesce(steps.not_reproducible_value, 0) as decimal(18, 2))
            as not_reproducible_value,
        cast(coalesce(steps.money, 0) as decimal(18, 2)) as money,
        cast(
            team_figures.own_records - coalesce(steps.side_records, 0)
            as {{ dbt.type_bigint() }}
        ) as agreeing_records,
        cast(
            team_figures.own_records - coalesce(steps.side_records, 0)
            + coalesce(steps.disagreeing_records, 0)
            as {{ dbt.type_bigint() }}
        ) as records,
        team_figures.is_reported,
        team_figures.has_records,
        team_figures.period_month
    from team_figures
    left join steps
        on
            team_figures.kpi = steps.kpi
            and team_figures.side = steps.side
            and team_figures.period_month = steps.period_month
    left join shared
        on
            team_figures.kpi = shared.kpi
            and team_figures.period_month = shared.period_month

)

select * from final
