{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ clear_people(ref('int_people_changed')) }}",
) }}

{#-
    Exact without a loop over events: all that the state of a person can depend on is a handful of
    moments from which it starts anew (the beginning, each exit, the end of each run of deals). For each
    of them it is known from the evidence alone what opens next and where that ends; the recursion only
    follows those pointers from the beginning.
-#}

with recursive evidence as (

    select *
    from {{ ref('int_stage_evidence') }}
    where {{ only_changed_people() }}

),

resets as (

    select *
    from {{ ref('int_person_resets') }}
    where {{ only_changed_people() }}

),

opportunity_runs as (

    select *
    from {{ ref('int_opportunity_runs') }}
    where {{ only_changed_people() }}

),

opportunity_outcomes as (

    select *
    from {{ ref('int_opportunity_outcomes') }}
    where {{ only_changed_people() }}

),

exits as (

    select *
    from {{ ref('int_exits') }}
    where {{ only_changed_people() }}

),

runs as (

    select
        person_id,
        run_number,
        opportunity_id,
        run_opened_at,
        run_ended_at
    from opportunity_runs
    where place_in_run = 1

),

-- What can open a cycle after each reset: newer than it, and past its cool-down or of a kind that
-- may.
openings as (

    select
        resets.person_id,
        resets.reset_number,
        min(evidence.occurred_at) as opened_at
    from evidence
    inner join resets on evidence.person_id = resets.person_id
    where
        evidence.opportunity_id is null
        and (evidence.reset_number is null or evidence.reset_number = resets.reset_number)
        and evidence.occurred_at > resets.reset_at
        and (
            evidence.occurred_at > resets.cool_down_until
            or {{ kind_is_listed('evidence.evidence_kind', 'resets.reopened_by') }}
        )
    group by resets.person_id, resets.reset_number

),

next_runs as (

    select
        resets.person_id,
        resets.reset_number,
        min(runs.run_number) as run_number
    from resets
    inner join runs
        on
            resets.person_id = runs.person_id
            and resets.reset_at < runs.run_opened_at
    group by resets.person_id, resets.reset_number

),

next_exits as (

    select
        openings.person_id,
        openings.reset_number,
        min(exit_resets.reset_number) as exit_reset_number
    from openings
    inner join resets as exit_resets
        on
            openings.person_id = exit_resets.person_id
            and exit_resets.reset_kind = 'exit'
            and openings.opened_at <= exit_resets.reset_at
    group by openings.person_id, openings.reset_number

),

-- At one instant the funnel comes before exits, and a person's own evidence before the deal's.
judged as (

    select
        resets.person_id,
        resets.reset_number,
        case
            when openings.opened_at <= coalesce(runs.run_opened_at, {{ end_of_time() }})
                then openings.opened_at
        end as prospect_opened_at,
        runs.run_number,
        runs.opportunity_id as run_opportunity_id,
        runs.run_opened_at,
        exit_resets.reset_number as exit_reset_number,
        exit_resets.exit_id,
        exit_resets.reset_at as exited_at,
        run_end_resets.reset_number as run_end_reset_number
    from resets
    left join openings
        on
            resets.person_id = openings.person_id
            and resets.reset_number = openings.reset_number
    left join next_runs
        on
            resets.person_id = next_runs.person_id
            and resets.reset_number = next_runs.reset_number
    left join runs
        on
            next_runs.person_id = runs.person_id
            and next_runs.run_number = runs.run_number
    left join next_exits
        on
            resets.person_id = next_exits.person_id
            and resets.reset_number = next_exits.reset_number
    left join resets as exit_resets
        on
            next_exits.person_id = exit_resets.person_id
            and next_exits.exit_reset_number = exit_resets.reset_number
    left join resets as run_end_resets
        on
            runs.person_id = run_end_resets.person_id
            and runs.run_number = run_end_resets.run_number

),

pointers as (

    select
        person_id,
        reset_number,
        prospect_opened_at,
        case
            when
                prospect_opened_at is not null
                and exited_at < coalesce(run_opened_at, {{ end_of_time() }})
                then 'exit'
            when run_opened_at is not null then 'run'
        end as followed_by,
        run_number,
        run_opportunity_id,
        run_opened_at,
        exit_id,
        exited_at,
        exit_reset_number,
        run_end_reset_number
    from judged

),

next_resets as (

    select
        person_id,
        reset_number,
        case
            when followed_by = 'exit' then exit_reset_number
            when followed_by = 'run' then run_end_reset_number
        end as next_reset_number
    from pointers

),

chain as (

    select
        person_id,
        reset_number,
        next_reset_number
    from next_resets
    where reset_number = 0

    union all

    select
        next_resets.person_id,
        next_resets.reset_number,
        next_resets.next_reset_number
    from chain
    inner join next_resets
        on
            chain.person_id = next_resets.person_id
            and chain.next_reset_number = next_resets.reset_number

),

visited as (

    select
        pointers.person_id,
        pointers.reset_number,
        pointers.prospect_opened_at,
        pointers.followed_by,
        pointers.run_number,
        pointers.run_opportunity_id,
        pointers.run_opened_at,
        pointers.exit_id,
        pointers.exited_at
    from pointers
    inner join chain
        on
            pointers.person_id = chain.person_id
            and pointers.reset_number = chain.reset_number

),

-- Opened by the person; the first deal that is accepted while the cycle is open becomes its deal.
cycles_of_prospects as (

    select
        person_id,
        reset_number,
        case when followed_by = 'run' then run_opportunity_id end as opportunity_id,
        case when followed_by = 'exit' then exit_id end as exit_id,
        prospect_opened_at as opened_at,
        case
            when followed_by = 'exit' then exited_at
            when followed_by = 'run' then run_opened_at
            else {{ end_of_time() }}
        end as evidence_until
    from visited
    where prospect_opened_at is not null

),

-- Every other deal opens a cycle of its own.
cycles_of_deals as (

    select
        opportunity_runs.person_id,
        visited.reset_number,
        opportunity_runs.opportunity_id,
        opportunity_runs.opened_at
    from opportunity_runs
    inner join visited
        on
            opportunity_runs.person_id = visited.person_id
            and opportunity_runs.run_number = visited.run_number
            and visited.followed_by = 'run'
    left join cycles_of_prospects
        on opportunity_runs.opportunity_id = cycles_of_prospects.opportunity_id
    where cycles_of_prospects.opportunity_id is null

),

unioned as (

    select
        person_id,
        reset_number,
        opportunity_id,
        exit_id,
        true as is_opened_by_person,
        opened_at,
        evidence_until
    from cycles_of_prospects

    union all

    select
        person_id,
        reset_number,
        opportunity_id,
        null as exit_id,
        false as is_opened_by_person,
        opened_at,
        opened_at as evidence_until
    from cycles_of_deals

    union all

    -- Pipeline without a person is shown, not hidden.
    select
        null as person_id,
        null as reset_number,
        opportunity_id,
        null as exit_id,
        false as is_opened_by_person,
        opened_at,
        opened_at as evidence_until
    from opportunity_outcomes
    where is_in_funnel and person_id is null

),

numbered as (

    select
        person_id,
        reset_number,
        opportunity_id,
        exit_id,
        is_opened_by_person,
        opened_at,
        evidence_until,
        row_number() over (
            partition by
                coalesce(person_id, ''), case when person_id is null then opportunity_id end
            order by
                opened_at,
                case when is_opened_by_person then 0 else 1 end,
                opportunity_id
        ) as cycle_number
    from unioned

),

final as (

    select
        md5(
            case
                when numbered.person_id is null
                    then 'opportunity|' || numbered.opportunity_id
                else
                    'person|' || numbered.person_id
                    || '|' || cast(numbered.cycle_number as {{ dbt.type_string() }})
            end
        ) as lead_cycle_id,
        numbered.person_id,
        numbered.opportunity_id,
        cast(numbered.cycle_number as {{ dbt.type_bigint() }}) as cycle_number,
        numbered.reset_number,
        coalesce(exits.exit_type, opportunity_outcomes.exit_type) as exit_type,
        coalesce(exits.exit_reason, opportunity_outcomes.exit_reason) as exit_reason,
        coalesce(exits.exit_side, opportunity_outcomes.exit_side) as exit_side,
        numbered.is_opened_by_person,
        numbered.opened_at,
        numbered.evidence_until,
        opportunity_outcomes.sqo_at,
        opportunity_outcomes.won_at,
        coalesce(exits.exited_at, opportunity_outcomes.exited_at) as exited_at,
        coalesce(
            exits.exited_at, opportunity_outcomes.won_at, opportunity_outcomes.exited_at
        ) as ended_at
    from numbered
    left join exits on numbered.exit_id = exits.exit_id
    left join opportunity_outcomes
        on numbered.opportunity_id = opportunity_outcomes.opportunity_id

)

select * from final
