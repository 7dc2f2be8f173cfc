{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ clear_people(ref('int_people_changed')) }}",
) }}

with activities as {{ read_in_place() }} (

    select *
    from {{ ref('int_activities') }}
    where {{ only_changed('person_id', 'int_people_changed') }}

),

person_records as {{ read_in_place() }} (

    select * from {{ ref('int_person_records_unioned') }}

),

record_states as {{ read_in_place() }} (

    select *
    from {{ ref('int_person_record_states') }}
    where {{ only_changed_people() }}

),

people as {{ read_in_place() }} (

    select *
    from {{ ref('int_people') }}
    where {{ only_changed_people() }}

),

scores as {{ read_in_place() }} (

    select *
    from {{ ref('int_person_scores') }}
    where {{ only_changed_people() }}

),

opportunity_outcomes as {{ read_in_place() }} (

    select *
    from {{ ref('int_opportunity_outcomes') }}
    where {{ only_changed_people() }}

),

versions as (

    select * from {{ ref('int_definition_versions') }}

),

stage_rules as (

    select * from {{ ref('stage_rules') }}

),

lead_rules as (

    select * from {{ ref('lead_rules') }}

),

handoff_matrix as (

    select * from {{ ref('handoff_matrix') }}

),

rules_in_force as (

    select
        versions.version,
        versions.valid_from,
        versions.valid_to,
        stage_rules.stage,
        stage_rules.system,
        stage_rules.object,
        stage_rules.field,
        stage_rules.value
    from versions
    inner join stage_rules on versions.stage_rules_version = stage_rules.version

),

status_rules_in_force as (

    select
        versions.version,
        versions.valid_from,
        versions.valid_to,
        coalesce(lead_rules.stage, 'mql') as stage,
        lead_rules.field,
        lead_rules.operator,
        lead_rules.value
    from versions
    inner join lead_rules
        on
            versions.lead_rules_version = lead_rules.version
            and lead_rules.kind = 'system_status'

),

known_activities as (

    select
        activities.activity_id,
        activities.person_id,
        activities.record_key,
        activities.system,
        activities.object,
        activities.activity_type,
        activities.is_response,
        activities.is_human_touch,
        activities.occurred_at,
        case when activities.is_hand_raise then 'hand_raise' else 'response' end as response_kind
    from activities
    inner join people on activities.person_id = people.person_id
    where
        activities.is_activity
        and not people.is_excluded
        and (
            activities.is_response
            or activities.is_human_touch
            or activities.activity_type in (
                select stage_rules.value from stage_rules
                where stage_rules.field = 'activity_type'
            )
        )

),

responses as (

    select
        known_activities.person_id,
        cast(null as {{ dbt.type_bigint() }}) as reset_number,
        'inquiry' as stage,
        known_activities.response_kind as evidence_kind,
        known_activities.activity_id as evidence_id,
        known_activities.system,
        known_activities.record_key,
        versions.version as definition_version,
        known_activities.occurred_at
    from known_activities
    inner join versions
        on
            known_activities.occurred_at >= versions.valid_from
            and known_activities.occurred_at < versions.valid_to
    where known_activities.is_response

),

meetings as (

    select
        known_activities.person_id,
        cast(null as {{ dbt.type_bigint() }}) as reset_number,
        'sql' as stage,
        'meeting' as evidence_kind,
        known_activities.activity_id as evidence_id,
        known_activities.system,
        known_activities.record_key,
        versions.version as definition_version,
        known_activities.occurred_at
    from known_activities
    inner join versions
        on
            known_activities.occurred_at >= versions.valid_from
            and known_activities.occurred_at < versions.valid_to
    where
        known_activities.activity_type = 'meeting'
        and known_activities.is_human_touch
        and versions.is_meeting_sql

),

admitted_activities as (

    select
        known_activities.person_id,
        cast(null as {{ dbt.type_bigint() }}) as reset_number,
        rules_in_force.stage,
        case
            when rules_in_force.field = 'is_human_touch' then 'human_touch'
            else 'activity'
        end as evidence_kind,
        known_activities.activity_id as evidence_id,
        known_activities.system,
        known_activities.record_key,
        rules_in_force.version as definition_version,
        known_activities.occurred_at
    from known_activities
    inner join rules_in_force
        on
            known_activities.occurred_at >= rules_in_force.valid_from
            and known_activities.occurred_at < rules_in_force.valid_to
            and rules_in_force.field in ('is_human_touch', 'activity_type')
    where
        {{ rule_covers('rules_in_force.system', 'known_activities.system') }}
        and (
            {{ rule_covers('rules_in_force.object', 'known_activities.object') }}
            or rules_in_force.object = 'activity'
        )
        and (
            (
                rules_in_force.field = 'is_human_touch'
                and lower(rules_in_force.value) = 'true'
                and known_activities.is_human_touch
            )
            or (
                rules_in_force.field = 'activity_type'
                and lower(rules_in_force.value) = known_activities.activity_type
            )
        )

),

-- A record that another one was converted into was not entered by anyone.
made_by_conversion as (

    select distinct
        system,
        converted_record_id
    from person_records
    where converted_record_id is not null

),

record_creations as (

    select distinct
        record_states.person_id,
        record_states.record_key,
        record_states.system,
        record_states.object,
        person_records.source,
        coalesce(person_records.created_at, person_records.modified_at) as occurred_at
    from record_states
    inner join person_records
        on
            record_states.system = person_records.system
            and record_states.object = person_records.object
            and record_states.record_id = person_records.record_id
    inner join people
        on
            record_states.person_id = people.person_id
            and not people.is_excluded
    left join made_by_conversion
        on
            record_states.system = made_by_conversion.system
            and record_states.record_id = made_by_conversion.converted_record_id
    where made_by_conversion.converted_record_id is null

),

-- Entered in the CRM by sales: created there with an origin that the agreed rules call one of
-- sales.
entries_by_sales as (

    select
        record_creations.person_id,
        cast(null as {{ dbt.type_bigint() }}) as reset_number,
        rules_in_force.stage,
        'crm_entry' as evidence_kind,
        record_creations.record_key as evidence_id,
        record_creations.system,
        record_creations.record_key,
        rules_in_force.version as definition_version,
        record_creations.occurred_at
    from record_creations
    inner join rules_in_force
        on
            record_creations.occurred_at >= rules_in_force.valid_from
            and record_creations.occurred_at < rules_in_force.valid_to
            and rules_in_force.field = 'source'
    where
        {{ rule_covers('rules_in_force.value', 'record_creations.source') }}
        and {{ rule_covers('rules_in_force.system', 'record_creations.system') }}
        and {{ rule_covers('rules_in_force.object', 'record_creations.object') }}

),

statuses as (

    select
        record_states.person_id,
        record_states.record_key,
        record_states.system,
        record_states.object,
        record_states.field,
        record_states.value,
        record_states.valid_from as occurred_at,
        record_states.record_key || ':' || record_states.field
        || ':' || cast(record_states.state_number as {{ dbt.type_string() }}) as evidence_id
    from record_states
    inner join people
        on
            record_states.person_id = people.person_id
            and not people.is_excluded
    where
        record_states.value is not null
        and record_states.field in ('status', 'lifecycle_stage', 'rating')

),

agreed_statuses as (

    select
        statuses.person_id,
        cast(null as {{ dbt.type_bigint() }}) as reset_number,
        rules_in_force.stage,
        'status' as evidence_kind,
        statuses.evidence_id,
        statuses.system,
        statuses.record_key,
        rules_in_force.version as definition_version,
        statuses.occurred_at
    from statuses
    inner join rules_in_force
        on
            statuses.occurred_at >= rules_in_force.valid_from
            and statuses.occurred_at < rules_in_force.valid_to
            and statuses.field = rules_in_force.field
    where
        {{ rule_covers('rules_in_force.value', 'statuses.value') }}
        and {{ rule_covers('rules_in_force.system', 'statuses.system') }}
        and {{ rule_covers('rules_in_force.object', 'statuses.object') }}

),

system_statuses as (

    select
        statuses.person_id,
        cast(null as {{ dbt.type_bigint() }}) as reset_number,
        status_rules_in_force.stage,
        'status' as evidence_kind,
        statuses.evidence_id,
        statuses.system,
        statuses.record_key,
        status_rules_in_force.version as definition_version,
        statuses.occurred_at
    from statuses
    inner join status_rules_in_force
        on
            statuses.occurred_at >= status_rules_in_force.valid_from
            and statuses.occurred_at < status_rules_in_force.valid_to
            and statuses.field = status_rules_in_force.field
    where
        {{ rule_holds(
            'status_rules_in_force.operator', 'statuses.value', 'status_rules_in_force.value'
        ) }}

),

leads as (

    select
        person_id,
        reset_number,
        'lead' as stage,
        case when is_hand_raise then 'hand_raise' else 'engagement' end as evidence_kind,
        activity_id as evidence_id,
        definition_version,
        occurred_at
    from scores
    where is_lead_by_hand_raise or is_lead_by_engagement

),

mqls as (

    select
        scores.person_id,
        scores.reset_number,
        'mql' as stage,
        case when scores.is_hand_raise then 'hand_raise' else 'engagement' end as evidence_kind,
        scores.activity_id as evidence_id,
        scores.definition_version,
        scores.occurred_at
    from scores
    inner join versions on scores.definition_version = versions.version
    left join handoff_matrix
        on
            versions.handoff_matrix_version = handoff_matrix.version
            and scores.grade = handoff_matrix.grade
    where scores.is_lead_by_hand_raise or handoff_matrix.hands_off

),

by_definition as (

    select * from leads

    union all

    select * from mqls

),

judged_activities as (

    select
        by_definition.person_id,
        by_definition.reset_number,
        by_definition.stage,
        by_definition.evidence_kind,
        by_definition.evidence_id,
        activities.system,
        activities.record_key,
        by_definition.definition_version,
        by_definition.occurred_at
    from by_definition
    inner join activities on by_definition.evidence_id = activities.activity_id

),

of_people as (

    select * from responses

    union all

    select * from meetings

    union all

    select * from admitted_activities

    union all

    select * from entries_by_sales

    union all

    select * from agreed_statuses

    union all

    select * from system_statuses

    union all

    select * from judged_activities

),

of_opportunities as (

    select
        opportunity_outcomes.person_id,
        opportunity_outcomes.opportunity_id,
        opportunity_outcomes.system,
        'sqo' as stage,
        opportunity_outcomes.sqo_at as occurred_at
    from opportunity_outcomes
    where opportunity_outcomes.is_in_funnel and opportunity_outcomes.sqo_at is not null

    union all

    select
        opportunity_outcomes.person_id,
        opportunity_outcomes.opportunity_id,
        opportunity_outcomes.system,
        'won' as stage,
        opportunity_outcomes.won_at as occurred_at
    from opportunity_outcomes
    where opportunity_outcomes.is_in_funnel and opportunity_outcomes.won_at is not null

),

-- One piece of evidence can hold by several rules: it is still one.
unioned as (

    select
        person_id,
        cast(null as {{ dbt.type_string() }}) as opportunity_id,
        reset_number,
        stage,
        min(evidence_kind) as evidence_kind,
        evidence_id,
        min(system) as system,
        min(record_key) as record_key,
        min(definition_version) as definition_version,
        occurred_at
    from of_people
    where stage in ('inquiry', 'lead', 'mql', 'sal', 'sql')
    group by person_id, reset_number, stage, evidence_id, occurred_at

    union all

    select
        of_opportunities.person_id,
        of_opportunities.opportunity_id,
        cast(null as {{ dbt.type_bigint() }}) as reset_number,
        of_opportunities.stage,
        'opportunity' as evidence_kind,
        of_opportunities.opportunity_id as evidence_id,
        of_opportunities.system,
        cast(null as {{ dbt.type_string() }}) as record_key,
        versions.version as definition_version,
        of_opportunities.occurred_at
    from of_opportunities
    left join versions
        on
            of_opportunities.occurred_at >= versions.valid_from
            and of_opportunities.occurred_at < versions.valid_to

),

final as (

    select
        person_id,
        opportunity_id,
        reset_number,
        stage,
        {{ stage_order('stage') }} as stage_order,
        evidence_kind,
        evidence_id,
        system,
        record_key,
        definition_version,
        occurred_at
    from unioned

)

select * from final
