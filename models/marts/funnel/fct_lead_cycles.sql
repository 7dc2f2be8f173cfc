{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ clear_people(ref('int_people_changed')) }}",
) }}

{%- set stages = ['inquiry', 'lead', 'mql', 'sal', 'sql', 'sqo', 'won'] -%}

with cycles as (

    select *
    from {{ ref('int_cycles') }}
    where {{ only_changed_people() }}

),

stage_entries as (

    select *
    from {{ ref('fct_stage_entries') }}
    where {{ only_changed_people() }}

),

record_states as (

    select *
    from {{ ref('int_person_record_states') }}
    where {{ only_changed_people() }}

),

crm_systems as (

    select * from {{ ref('int_crm_systems_in_use') }}

),

users as (

    select * from {{ ref('int_user_records_unioned') }}

),

opportunities as (

    select * from {{ ref('int_opportunities') }}

),

entries_wide as (

    select
        lead_cycle_id,
        min(account_id) as account_id,
        min(motion) as motion,
        min(channel) as channel,
        min(campaign_id) as campaign_id,
        max(case when stage_order <= 3 or person_id is null then stage_order end)
            as graded_order,
        {%- for stage in stages %}
            max(case when stage = '{{ stage }}' then entered_at end) as {{ stage }}_at,
            max(
                case when stage = '{{ stage }}' then case when is_inferred then 1 else 0 end end
            ) = 1 as is_{{ stage }}_inferred
            {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from stage_entries
    group by lead_cycle_id

),

-- The grade that a cycle goes by is that of its hand-off, or of the furthest it came before one.
graded_entries as (

    select
        stage_entries.lead_cycle_id,
        stage_entries.stage,
        stage_entries.fit_grade,
        stage_entries.grade,
        stage_entries.temperature,
        stage_entries.persona,
        stage_entries.segment,
        stage_entries.region,
        stage_entries.definition_version,
        stage_entries.entered_at
    from stage_entries
    inner join entries_wide
        on
            stage_entries.lead_cycle_id = entries_wide.lead_cycle_id
            and stage_entries.stage_order = entries_wide.graded_order

),

-- Who owned the person in the CRM when the cycle ended, or owns them now; a queue is nobody.
owner_states as (

    select
        cycles.lead_cycle_id,
        record_states.system || ':' || record_states.value as rep_id,
        row_number() over (
            partition by cycles.lead_cycle_id
            order by record_states.valid_from desc, record_states.record_key desc
        ) as recency
    from cycles
    inner join record_states
        on
            cycles.person_id = record_states.person_id
            and record_states.field = 'owner_record_id'
            and record_states.valid_from <= coalesce(cycles.ended_at, {{ end_of_time() }})
            and cycles.opened_at <= record_states.valid_to
    inner join crm_systems on record_states.system = crm_systems.system
    inner join users
        on
            record_states.system = users.system
            and record_states.value = users.record_id
            and not coalesce(users.is_queue, false)

),

-- What the CRM showed the reps at the hand-off.
rating_states as (

    select
        graded_entries.lead_cycle_id,
        record_states.value as crm_rating,
        row_number() over (
            partition by graded_entries.lead_cycle_id
            order by record_states.valid_from desc, record_states.record_key desc
        ) as recency
    from graded_entries
    inner join cycles on graded_entries.lead_cycle_id = cycles.lead_cycle_id
    inner join record_states
        on
            cycles.person_id = record_states.person_id
            and record_states.field = 'rating'
            and record_states.value is not null
            and graded_entries.entered_at >= record_states.valid_from
            and graded_entries.entered_at < record_states.valid_to
    inner join crm_systems on record_states.system = crm_systems.system

),

final as (

    select
        cycles.lead_cycle_id,
        cycles.person_id,
        entries_wide.account_id,
        cycles.opportunity_id,
        entries_wide.campaign_id,
        coalesce(opportunities.rep_id, owner_states.rep_id) as rep_id,
        entries_wide.motion,
        entries_wide.channel,
        graded_entries.persona,
        graded_entries.segment,
        graded_entries.region,
        graded_entries.fit_grade,
        graded_entries.grade,
        graded_entries.temperature,
        rating_states.crm_rating,
        graded_entries.definition_version,
        cycles.exit_type,
        cycles.exit_reason,
        cycles.exit_side,
        opportunities.opportunity_type,
        cycles.cycle_number,
        opportunities.amount,
        cycles.ended_at is null as is_open,
        entries_wide.won_at is not null as is_won,
        {%- for stage in stages %}
            entries_wide.is_{{ stage }}_inferred,
        {%- endfor %}
        {{ business_date('cycles.opened_at') }} as opened_date,
        cycles.opened_at,
        {%- for stage in stages %}
            entries_wide.{{ stage }}_at,
        {%- endfor %}
        cycles.exited_at,
        cycles.ended_at
    from cycles
    inner join entries_wide on cycles.lead_cycle_id = entries_wide.lead_cycle_id
    left join graded_entries on cycles.lead_cycle_id = graded_entries.lead_cycle_id
    left join opportunities on cycles.opportunity_id = opportunities.opportunity_id
    left join owner_states
        on
            cycles.lead_cycle_id = owner_states.lead_cycle_id
            and owner_states.recency = 1
    left join rating_states
        on
            cycles.lead_cycle_id = rating_states.lead_cycle_id
            and rating_states.recency = 1

)

select * from final
