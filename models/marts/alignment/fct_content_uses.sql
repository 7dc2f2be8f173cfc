{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ clear_people(ref('int_people_changed')) }}",
) }}

with touches as (

    select *
    from {{ ref('fct_touches') }}
    where {{ only_changed_people() }}

),

stage_entries as (

    select *
    from {{ ref('fct_stage_entries') }}
    where {{ only_changed_people() }}

),

used as (

    select
        touch_id,
        person_id,
        content_id,
        touched_at
    from touches
    where
        content_id is not null
        and person_id is not null

),

-- Of the stages that a person entered at one instant they stand in the furthest.
ranked_entries as (

    select
        entry_id,
        lead_cycle_id,
        person_id,
        stage,
        stage_order,
        persona,
        is_converted_in_window,
        entered_at,
        left_at,
        row_number() over (
            partition by person_id, entered_at
            order by stage_order desc, lead_cycle_id desc
        ) as place
    from stage_entries
    where person_id is not null

),

standings as (

    select
        entry_id,
        lead_cycle_id,
        person_id,
        stage,
        stage_order,
        persona,
        is_converted_in_window,
        entered_at,
        coalesce(left_at, {{ end_of_time() }}) as left_at,
        coalesce(
            lead(entered_at) over (partition by person_id order by entered_at),
            {{ end_of_time() }}
        ) as stands_until
    from ranked_entries
    where place = 1

),

-- What was used at the instant of an entry belongs to the stage before, which it ended.
placed as (

    select
        used.person_id,
        used.content_id,
        used.touched_at,
        case when used.touched_at <= standings.left_at then standings.entry_id end as entry_id,
        case when used.touched_at <= standings.left_at then standings.lead_cycle_id end
            as lead_cycle_id,
        case when used.touched_at <= standings.left_at then standings.stage end as stage,
        case when used.touched_at <= standings.left_at then standings.stage_order end
            as stage_order,
        case when used.touched_at <= standings.left_at then standings.persona end as persona,
        case when used.touched_at <= standings.left_at then standings.is_converted_in_window end
            as went_on
    from used
    {{ asof_join(
        'standings', 'standings', 'used.person_id = standings.person_id',
        'used.touched_at', 'entered_at', 'stands_until', is_strict=true
    ) }}

),

final as (

    select
        {{ dbt.hash(
            "person_id || '|' || content_id || '|' || coalesce(entry_id, '')"
        ) }} as content_use_id,
        person_id,
        content_id,
        entry_id,
        lead_cycle_id,
        coalesce(max(stage), '(no stage)') as stage,
        coalesce(max(persona), '(unknown)') as persona,
        cast(max(stage_order) as integer) as stage_order,
        count(*) as uses,
        coalesce(
            max(case when went_on then 1 else 0 end) = 1, false
        ) as went_on,
        {{ business_date('min(touched_at)') }} as first_used_date,
        min(touched_at) as first_used_at,
        max(touched_at) as last_used_at
    from placed
    group by person_id, content_id, entry_id, lead_cycle_id

)

select * from final
