{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ clear_people(ref('int_people_changed')) }}",
) }}

with people as (

    select *
    from {{ ref('int_people') }}
    where {{ only_changed_people() }}

),

opportunity_runs as (

    select *
    from {{ ref('int_opportunity_runs') }}
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
        run_opened_at as opened_at,
        run_ended_at as ended_at
    from opportunity_runs
    where place_in_run = 1

),

-- What the run leaves behind is decided by its last event: at one instant a loss comes after a win.
run_ends as (

    select
        runs.person_id,
        runs.run_number,
        runs.ended_at as reset_at,
        exits.exit_id,
        exits.reopened_by,
        exits.cool_down_days,
        row_number() over (
            partition by runs.person_id, runs.run_number
            order by
                case when exits.exit_id is null then 1 else 0 end,
                exits.cool_down_days desc,
                opportunity_runs.opportunity_id asc
        ) as preference
    from runs
    inner join opportunity_runs
        on
            runs.person_id = opportunity_runs.person_id
            and runs.run_number = opportunity_runs.run_number
            and runs.ended_at = opportunity_runs.ended_at
    left join exits
        on
            opportunity_runs.opportunity_id = exits.opportunity_id
            and runs.ended_at = exits.exited_at
    where runs.ended_at < {{ end_of_time() }}

),

-- From acceptance on the unit is the deal: only exits outside of its run can end a cycle. That
-- holds for a deal that was lost before acceptance as for a status.
free_exits as (

    select
        exits.person_id,
        exits.exit_id,
        exits.reopened_by,
        exits.cool_down_days,
        exits.exited_at as reset_at,
        row_number() over (
            partition by exits.person_id, exits.exited_at
            order by exits.exit_order, exits.exit_id
        ) as preference
    from exits
    inner join people
        on
            exits.person_id = people.person_id
            and not people.is_excluded
    left join runs
        on
            exits.person_id = runs.person_id
            and exits.exited_at >= runs.opened_at
            and exits.exited_at <= runs.ended_at
    where runs.person_id is null

),

unioned as (

    select
        person_id,
        'start' as reset_kind,
        cast(null as {{ dbt.type_string() }}) as exit_id,
        cast(null as {{ dbt.type_bigint() }}) as run_number,
        'none' as reopened_by,
        0 as cool_down_days,
        {{ start_of_time() }} as reset_at
    from people
    where not is_excluded

    union all

    select
        person_id,
        'exit' as reset_kind,
        exit_id,
        null as run_number,
        reopened_by,
        cool_down_days,
        reset_at
    from free_exits
    where preference = 1

    union all

    select
        person_id,
        'run_end' as reset_kind,
        exit_id,
        run_number,
        coalesce(reopened_by, 'none') as reopened_by,
        coalesce(cool_down_days, 0) as cool_down_days,
        reset_at
    from run_ends
    where preference = 1

),

numbered as (

    select
        person_id,
        reset_kind,
        exit_id,
        run_number,
        reopened_by,
        cool_down_days,
        reset_at,
        row_number() over (partition by person_id order by reset_at) - 1 as reset_number
    from unioned

),

final as (

    select
        person_id,
        cast(reset_number as {{ dbt.type_bigint() }}) as reset_number,
        reset_kind,
        exit_id,
        cast(run_number as {{ dbt.type_bigint() }}) as run_number,
        reopened_by,
        reset_at,
        {{ dbt.dateadd('day', 'cool_down_days', 'reset_at') }} as cool_down_until
    from numbered

)

select * from final
