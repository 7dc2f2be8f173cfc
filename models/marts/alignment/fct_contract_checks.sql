with contract_results as (

    select * from {{ ref('stg_concord__contract_results') }}

),

loads as (

    select * from {{ ref('stg_concord__loads') }}

),

quarantine_counts as (

    select * from {{ ref('stg_concord__quarantine_counts') }}

),

promises as (

    select * from {{ ref('dim_promises') }}

),

kept_promises as (

    select * from {{ ref('fct_promises') }}

),

-- Only months that are over: a promise may still be kept in the present one.
promise_months as (

    select
        promise_id,
        {{ month_start('mql_date') }} as period_month,
        sum(case when is_due then 1 else 0 end) as due,
        sum(case when is_kept then 1 else 0 end) as kept
    from kept_promises
    where {{ month_start('mql_date') }} < {{ month_start(business_date(as_of())) }}
    group by promise_id, {{ month_start('mql_date') }}

),

-- A month in which no such lead was handed over breaks a promise of volume too.
judged_months as (

    select
        period_month,
        promise_id
    from promise_months

    union

    select
        promise_months.period_month,
        promises.promise_id
    from promise_months
    inner join promises on promises.promise = 'volume'

),

promise_judgements as (

    select
        promises.promise_id,
        promises.team,
        promises.promise,
        case
            when promises.promise = 'volume'
                then coalesce(promise_months.kept, 0) < promises.target_value
            else promise_months.kept / cast(promise_months.due as double) < promises.target_value
        end as is_broken,
        cast({{ dbt.dateadd('month', 1, 'judged_months.period_month') }} as timestamp)
            as judged_at
    from judged_months
    inner join promises on judged_months.promise_id = promises.promise_id
    left join promise_months
        on
            judged_months.promise_id = promise_months.promise_id
            and judged_months.period_month = promise_months.period_month
    where
        promises.target_value is not null
        and (promises.promise = 'volume' or promise_months.due > 0)

),

judgements as (

    select
        'extract' as contract_kind,
        contract_results.contract_id as contract,
        contract_results.system,
        contract_results.object,
        contract_results.rule,
        contract_results.scope,
        contract_results.severity,
        contract_results.owner,
        contract_results.load_number as judgement_number,
        contract_results.is_broken,
        loads.loaded_at as judged_at
    from contract_results
    inner join loads on contract_results.load_number = loads.load_number

    union all

    select
        'hand-off' as contract_kind,
        'hand-off' as contract,
        cast(null as {{ dbt.type_string() }}) as system,
        cast(null as {{ dbt.type_string() }}) as object,
        promise_id as rule,
        'month' as scope,
        'error' as severity,
        team as owner,
        row_number() over (partition by promise_id order by judged_at) as judgement_number,
        is_broken,
        judged_at
    from promise_judgements

),

beside_previous as (

    select
        *,
        coalesce(lag(is_broken) over judgements_of_check, false) as was_broken,
        row_number() over (
            partition by contract_kind, contract, system, object, rule
            order by judgement_number desc
        ) as place_from_end
    from judgements
    window judgements_of_check as (
        partition by contract_kind, contract, system, object, rule
        order by judgement_number asc
    )

),

-- A break begins with the first broken judgement after a kept one, and the kept ones after it are
-- its own.
numbered as (

    select
        *,
        sum(case when is_broken and not was_broken then 1 else 0 end) over (
            partition by contract_kind, contract, system, object, rule
            order by judgement_number asc
            rows between unbounded preceding and current row
        ) as break_number
    from beside_previous

),

checks as (

    select
        contract_kind,
        contract,
        system,
        object,
        rule,
        max(case when place_from_end = 1 then scope end) as scope,
        max(case when place_from_end = 1 then severity end) as severity,
        max(case when place_from_end = 1 then owner end) as owner,
        count(*) as judged,
        sum(case when is_broken then 1 else 0 end) as judged_broken,
        max(break_number) as breaks,
        max(case when place_from_end = 1 and is_broken then 1 else 0 end) as is_broken_now
    from numbered
    group by contract_kind, contract, system, object, rule

),

breaks as (

    select
        contract_kind,
        contract,
        system,
        object,
        rule,
        break_number,
        min(case when is_broken then judged_at end) as broken_at,
        min(case when not is_broken then judged_at end) as mended_at
    from numbered
    where break_number > 0
    group by contract_kind, contract, system, object, rule, break_number

),

held as (

    select
        system,
        object,
        rule,
        min(owner) as owner,
        sum(rows_held) as rows_held,
        min(first_held_at) as first_held_at
    from quarantine_counts
    group by system, object, rule

),

-- What is still held back is not mended by a later file that keeps the rule.
mended as (

    select
        breaks.contract_kind,
        breaks.contract,
        breaks.system,
        breaks.object,
        breaks.rule,
        count(*) as mended,
        sum({{ microseconds_between('breaks.broken_at', 'breaks.mended_at') }})
            as mended_microseconds
    from breaks
    left join held
        on
            breaks.system = held.system
            and breaks.object = held.object
            and breaks.rule = held.rule
    where
        breaks.mended_at is not null
        and (held.first_held_at is null or breaks.mended_at < held.first_held_at)
    group by
        breaks.contract_kind, breaks.contract, breaks.system, breaks.object, breaks.rule

),

open_breaks as (

    select
        contract_kind,
        contract,
        system,
        object,
        rule,
        max(broken_at) as broken_at
    from breaks
    where mended_at is null
    group by contract_kind, contract, system, object, rule

),

final as (

    select
        {{ dbt.hash(
            "coalesce(checks.contract_kind, 'extract') || '|'"
            ~ " || coalesce(checks.contract, 'unreadable') || '|'"
            ~ " || coalesce(checks.system, held.system, '') || '|'"
            ~ " || coalesce(checks.object, held.object, '') || '|'"
            ~ " || coalesce(checks.rule, held.rule)"
        ) }} as contract_check_id,
        coalesce(checks.contract_kind, 'extract') as contract_kind,
        checks.contract,
        coalesce(checks.system, held.system) as system,
        coalesce(checks.object, held.object) as object,
        coalesce(checks.rule, held.rule) as rule,
        coalesce(checks.scope, 'row') as scope,
        coalesce(checks.severity, 'error') as severity,
        coalesce(checks.owner, held.owner) as owner,
        cast(coalesce(checks.judged, 0) as {{ dbt.type_bigint() }}) as judged,
        cast(coalesce(checks.judged_broken, 0) as {{ dbt.type_bigint() }}) as judged_broken,
        cast(coalesce(checks.breaks, 0) as {{ dbt.type_bigint() }}) as breaks,
        cast(coalesce(mended.mended, 0) as {{ dbt.type_bigint() }}) as mended,
        cast(coalesce(mended.mended_microseconds, 0) as {{ dbt.type_bigint() }})
            as mended_microseconds,
        cast(coalesce(held.rows_held, 0) as {{ dbt.type_bigint() }}) as rows_held,
        coalesce(checks.is_broken_now, 0) = 0 and held.rows_held is null as is_kept,
        least(open_breaks.broken_at, held.first_held_at) as broken_since
    from checks
    full outer join held
        on
            checks.system = held.system
            and checks.object = held.object
            and checks.rule = held.rule
    left join mended
        on
            checks.contract_kind = mended.contract_kind
            and checks.contract = mended.contract
            and checks.system is not distinct from mended.system
            and checks.object is not distinct from mended.object
            and checks.rule = mended.rule
    left join open_breaks
        on
            checks.contract_kind = open_breaks.contract_kind
            and checks.contract = open_breaks.contract
            and checks.system is not distinct from open_breaks.system
            and checks.object is not distinct from open_breaks.object
            and checks.rule = open_breaks.rule

)

select * from final
