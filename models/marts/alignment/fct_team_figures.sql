-- The figures of each side, added up from its own records alone: nothing here has been compared.
with team_records as (

    select * from {{ ref('int_team_figure_records') }}

),

figure_rules as (

    select * from {{ ref('team_figure_rules') }}

),

crm_systems_in_use as (

    select * from {{ ref('int_crm_systems_in_use') }}

),

people_records as (

    select * from {{ ref('bridge_person_records') }}

),

team_deals as (

    select * from {{ ref('int_team_deals') }}

),

invoiced_amounts as (

    select * from {{ ref('stg_finance__invoiced_amounts') }}

),

shared_records as (

    select * from {{ ref('fct_shared_records') }}

),

reported_figures as (

    select * from {{ ref('stg_reported__figures') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

as_of_month as (

    select {{ month_start(business_date(as_of())) }} as last_month

),

reported as (

    select
        reported_figures.kpi,
        reported_figures.side,
        {{ month_start('reported_figures.month') }} as period_month,
        cast(max(reported_figures.reported_value) as decimal(18, 2)) as reported_value,
        max(reported_figures.link) as link
    from reported_figures
    where
        not reported_figures.is_deleted
        and reported_figures.kpi in (
            select figure_rules.kpi from figure_rules
        )
    group by
        reported_figures.kpi,
        reported_figures.side,
        {{ month_start('reported_figures.month') }}

),

own as (

    select
        kpi,
        side,
        period_month,
        sum(value) as own_value,
        count(*) as own_records
    from team_records
    group by kpi, side, period_month

),

delivered as (

    select distinct
        system,
        object
    from people_records

    union

    select distinct
        system,
        object
    from team_deals

    union

    select distinct
        system,
        object
    from invoiced_amounts

),

-- Without any record of what it counts, a side has no figure: that is not a figure of nothing.
sides as (

    select
        figure_rules.kpi,
        figure_rules.side,
        case
            when min(figure_rules.system) = max(figure_rules.system) then min(figure_rules.system)
        end as system
    from figure_rules
    inner join delivered
        on
            figure_rules.system = delivered.system
            and figure_rules.object = delivered.object
    left join crm_systems_in_use on figure_rules.system = crm_systems_in_use.system
    where
        figure_rules.side <> 'crm'
        or crm_systems_in_use.system is not null
    group by figure_rules.kpi, figure_rules.side

),

first_months as (

    select
        kpi,
        min(period_month) as first_month
    from shared_records
    group by kpi

),

first_own_months as (

    select
        kpi,
        side,
        min(period_month) as first_month
    from own
    group by kpi, side

),

-- From the first month in which the side or the agreed definitions count anything.
spans as (

    select
        sides.kpi,
        sides.side,
        sides.system,
        least(
            coalesce(first_own_months.first_month, first_months.first_month),
            coalesce(first_months.first_month, first_own_months.first_month)
        ) as first_month
    from sides
    left join first_months on sides.kpi = first_months.kpi
    left join first_own_months
        on
            sides.kpi = first_own_months.kpi
            and sides.side = first_own_months.side

),

months as (

    select distinct month_start_date as period_month
    from dates

),

periods as (

    select
        spans.kpi,
        spans.side,
        months.period_month
    from spans
    inner join months on spans.first_month <= months.period_month
    inner join as_of_month on months.period_month <= as_of_month.last_month

    union

    select
        reported.kpi,
        reported.side,
        reported.period_month
    from reported
    inner join as_of_month on reported.period_month <= as_of_month.last_month

),

owners as (

    select
        kpi,
        side,
        min(owner) as owner
    from figure_rules
    group by kpi, side

),

final as (

    select
        periods.kpi || '|' || periods.side || '|'
        || cast(periods.period_month as {{ dbt.type_string() }}) as team_figure_id,
        periods.kpi,
        periods.side,
        spans.system,
        owners.owner,
        reported.link,
        cast(coalesce(reported.reported_value, own.own_value, 0) as decimal(18, 2))
            as side_value,
        cast(
            case when spans.kpi is not null then coalesce(own.own_value, 0) end
            as decimal(18, 2)
        ) as own_value,
        reported.reported_value,
        cast(coalesce(own.own_records, 0) as {{ dbt.type_bigint() }}) as own_records,
        reported.reported_value is not null as is_reported,
        spans.kpi is not null as has_records,
        periods.period_month
    from periods
    left join own
        on
            periods.kpi = own.kpi
            and periods.side = own.side
            and periods.period_month = own.period_month
    left join reported
        on
            periods.kpi = reported.kpi
            and periods.side = reported.side
            and periods.period_month = reported.period_month
    left join spans
        on
            periods.kpi = spans.kpi
            and periods.side = spans.side
            and periods.period_month >= spans.first_month
    left join owners
        on
            periods.kpi = owners.kpi
            and periods.side = owners.side

)

select * from final
