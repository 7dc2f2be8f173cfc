with contract_checks as (

    select * from {{ ref('fct_contract_checks') }}

),

alignment_steps as (

    select * from {{ ref('fct_alignment_steps') }}

),

kept_promises as (

    select * from {{ ref('fct_promises') }}

),

lead_cycles as (

    select * from {{ ref('fct_lead_cycles') }}

),

broken_extracts as (

    select
        owner,
        system,
        object,
        max(case when scope = 'row' then 0 else 1 end) as is_wholly_broken
    from contract_checks
    where
        contract_kind = 'extract'
        and not is_kept
        and severity = 'error'
    group by owner, system, object

),

-- A record stands in several figures and months; it is one piece of work to mend, worth as much as
-- the largest of them.
touched_records as (

    select
        broken_extracts.owner,
        'extract' as contract_kind,
        alignment_steps.system,
        alignment_steps.object,
        alignment_steps.record_id,
        max(alignment_steps.money) as money
    from broken_extracts
    inner join alignment_steps
        on
            broken_extracts.system = alignment_steps.system
            and broken_extracts.object = alignment_steps.object
            and (
                broken_extracts.is_wholly_broken = 1
                or alignment_steps.reason = 'held_back_by_contract'
            )
    group by
        broken_extracts.owner,
        alignment_steps.system,
        alignment_steps.object,
        alignment_steps.record_id

),

-- What the leads came to for which a promise was broken in the last twelve months.
broken_leads as (

    select distinct
        team as owner,
        lead_cycle_id
    from kept_promises
    where
        is_due
        and not is_kept
        and mql_date >= {{ dbt.dateadd('month', -12, business_date(as_of())) }}

),

touched as (

    select
        owner,
        contract_kind,
        sum(money) as kpi_money
    from touched_records
    group by owner, contract_kind

    union all

    select
        broken_leads.owner,
        'hand-off' as contract_kind,
        sum(coalesce(lead_cycles.amount, 0)) as kpi_money
    from broken_leads
    inner join lead_cycles on broken_leads.lead_cycle_id = lead_cycles.lead_cycle_id
    group by broken_leads.owner

),

counted as (

    select
        owner,
        contract_kind,
        count(*) as checks_agreed,
        sum(case when is_kept then 1 else 0 end) as checks_kept,
        sum(case when is_kept then 0 else 1 end) as checks_broken,
        sum(case when severity = 'warning' and not is_kept then 1 else 0 end)
            as warnings_broken,
        sum(judged) as judged,
        sum(judged_broken) as judged_broken,
        sum(breaks) as breaks,
        sum(mended) as mended,
        sum(mended_microseconds) as mended_microseconds,
        sum(rows_held) as rows_held,
        min(broken_since) as broken_since
    from contract_checks
    group by owner, contract_kind

),

final as (

    select
        counted.owner,
        counted.contract_kind,
        cast(counted.checks_agreed as {{ dbt.type_bigint() }}) as checks_agreed,
        cast(counted.checks_kept as {{ dbt.type_bigint() }}) as checks_kept,
        cast(counted.checks_broken as {{ dbt.type_bigint() }}) as checks_broken,
        cast(counted.warnings_broken as {{ dbt.type_bigint() }}) as warnings_broken,
        cast(counted.judged as {{ dbt.type_bigint() }}) as judged,
        cast(counted.judged_broken as {{ dbt.type_bigint() }}) as judged_broken,
        cast(counted.breaks as {{ dbt.type_bigint() }}) as breaks,
        cast(counted.mended as {{ dbt.type_bigint() }}) as mended,
        cast(counted.mended_microseconds / 86400000000.0 as double) as mended_days,
        case
            when counted.mended > 0
                then
                    cast(
                        counted.mended_microseconds / 86400000000.0 / counted.mended as double
                    )
        end as days_to_mend,
        cast(counted.rows_held as {{ dbt.type_bigint() }}) as rows_held,
        cast(coalesce(touched.kpi_money, 0) as decimal(18, 2)) as kpi_money,
        counted.broken_since
    from counted
    left join touched
        on
            counted.owner = touched.owner
            and counted.contract_kind = touched.contract_kind

)

select * from final
