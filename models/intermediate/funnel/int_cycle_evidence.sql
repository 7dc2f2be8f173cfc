{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ clear_people(ref('int_people_changed')) }}",
) }}

with cycles as {{ read_in_place() }} (

    select *
    from {{ ref('int_cycles') }}
    where {{ only_changed_people() }}

),

evidence as {{ read_in_place() }} (

    select *
    from {{ ref('int_stage_evidence') }}
    where {{ only_changed_people() }}

),

evidence_of_people as (

    select
        cycles.lead_cycle_id,
        cycles.person_id,
        evidence.stage,
        evidence.stage_order,
        evidence.evidence_kind,
        evidence.evidence_id,
        evidence.system,
        evidence.record_key,
        evidence.definition_version,
        evidence.occurred_at
    from evidence
    inner join cycles
        on
            evidence.person_id = cycles.person_id
            and cycles.is_opened_by_person
            and evidence.occurred_at >= cycles.opened_at
            and evidence.occurred_at <= cycles.evidence_until
    where
        evidence.opportunity_id is null
        and (evidence.reset_number is null or evidence.reset_number = cycles.reset_number)

),

evidence_of_deals as (

    select
        cycles.lead_cycle_id,
        cycles.person_id,
        evidence.stage,
        evidence.stage_order,
        evidence.evidence_kind,
        evidence.evidence_id,
        evidence.system,
        evidence.record_key,
        evidence.definition_version,
        evidence.occurred_at
    from evidence
    inner join cycles on evidence.opportunity_id = cycles.opportunity_id

),

unioned as (

    select * from evidence_of_people

    union all

    select * from evidence_of_deals

),

ordered as (

    select
        lead_cycle_id,
        person_id,
        stage,
        stage_order,
        evidence_kind,
        evidence_id,
        system,
        record_key,
        definition_version,
        occurred_at,
        min(case when stage = 'lead' and evidence_kind = 'hand_raise' then occurred_at end) over (
            partition by lead_cycle_id
        ) as hand_raised_at,
        row_number() over (
            partition by lead_cycle_id, stage
            order by occurred_at, evidence_kind, evidence_id
        ) as place
    from unioned

),

final as (

    select
        lead_cycle_id,
        person_id,
        stage,
        stage_order,
        evidence_kind,
        evidence_id,
        system,
        record_key,
        definition_version,
        occurred_at,
        hand_raised_at
    from ordered
    where place = 1

)

select * from final
