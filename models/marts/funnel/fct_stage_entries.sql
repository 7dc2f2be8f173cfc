{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ clear_people(ref('int_people_changed')) }}",
) }}

with cycles as (

    select *
    from {{ ref('int_cycles') }}
    where {{ only_changed_people() }}

),

cycle_origins as (

    select *
    from {{ ref('int_cycle_origins') }}
    where {{ only_changed_people() }}

),

cycle_evidence as (

    select *
    from {{ ref('int_cycle_evidence') }}
    where {{ only_changed_people() }}

),

scores as (

    select *
    from {{ ref('int_person_scores') }}
    where {{ only_changed_people() }}

),

fit_scores as (

    select *
    from {{ ref('int_person_fit_scores') }}
    where {{ only_changed_people() }}

),

attribute_states as (

    select *
    from {{ ref('int_person_attribute_states') }}
    where {{ only_changed_people() }}

),

versions as (

    select * from {{ ref('int_definition_versions') }}

),

stage_windows as (

    select * from {{ ref('stages') }}

),

opportunities as (

    select * from {{ ref('int_opportunities') }}

),

all_stages as (

    {%- for stage in ['inquiry', 'lead', 'mql', 'sal', 'sql', 'sqo', 'won'] %}
        select
            '{{ stage }}' as stage,
            {{ loop.index }} as stage_order
        {%- if not loop.last %}

            union all
        {% endif %}
    {%- endfor %}

),

-- A stage is entered with the earliest evidence of itself or of any later stage. Without a person
-- only the deal's own stages can be entered.
bearing_evidence as (

    select
        cycle_evidence.lead_cycle_id,
        all_stages.stage,
        all_stages.stage_order,
        cycle_evidence.evidence_kind,
        cycle_evidence.evidence_id,
        cycle_evidence.system,
        all_stages.stage_order <> cycle_evidence.stage_order as is_inferred,
        cycle_evidence.occurred_at as entered_at,
        cycle_evidence.hand_raised_at,
        row_number() over (
            partition by cycle_evidence.lead_cycle_id, all_stages.stage_order
            order by cycle_evidence.occurred_at, cycle_evidence.stage_order
        ) as place
    from cycle_evidence
    inner join cycles on cycle_evidence.lead_cycle_id = cycles.lead_cycle_id
    inner join all_stages
        on
            cycle_evidence.stage_order >= all_stages.stage_order
            and (cycles.person_id is not null or all_stages.stage_order >= 6)

),

entries as (

    select
        bearing_evidence.lead_cycle_id,
        cycles.person_id,
        cycles.reset_number,
        cycles.opportunity_id as cycle_opportunity_id,
        cycles.cycle_number,
        cycles.ended_at,
        cycle_origins.account_id,
        cycle_origins.motion,
        cycle_origins.channel,
        cycle_origins.campaign_id,
        bearing_evidence.stage,
        bearing_evidence.stage_order,
        bearing_evidence.evidence_kind,
        bearing_evidence.evidence_id,
        bearing_evidence.system,
        bearing_evidence.is_inferred,
        bearing_evidence.entered_at,
        lead(bearing_evidence.entered_at) over (
            partition by bearing_evidence.lead_cycle_id order by bearing_evidence.stage_order
        ) as next_entered_at,
        bearing_evidence.hand_raised_at
    from bearing_evidence
    inner join cycles on bearing_evidence.lead_cycle_id = cycles.lead_cycle_id
    inner join cycle_origins on bearing_evidence.lead_cycle_id = cycle_origins.lead_cycle_id
    where bearing_evidence.place = 1

),

first_leads as (

    select
        lead_cycle_id,
        occurred_at as lead_at
    from cycle_evidence
    where stage = 'lead'

),

first_states as (

    select
        person_id,
        min(valid_from) as first_valid_from
    from attribute_states
    group by person_id

),

-- Everything of the person as it was at the entry, never as it is today.
described as (

    select
        entries.lead_cycle_id,
        entries.person_id,
        entries.cycle_opportunity_id,
        entries.cycle_number,
        entries.account_id,
        entries.motion,
        entries.channel,
        entries.campaign_id,
        entries.stage,
        entries.stage_order,
        entries.evidence_kind,
        entries.evidence_id,
        entries.system,
        entries.is_inferred,
        entries.entered_at,
        entries.next_entered_at,
        -- A stage is left for the next one or, at an exit, for none; a win is left for nothing.
        case
            when entries.stage <> 'won' then coalesce(entries.next_entered_at, entries.ended_at)
        end as left_at,
        stage_windows.window_days,
        entries.hand_raised_at,
        first_leads.lead_at,
        versions.version as definition_version,
        case when entries.person_id is not null then coalesce(fit_scores.fit_score, 0) end
            as fit_score,
        case when entries.person_id is not null then coalesce(fit_scores.fit_grade, 'D') end
            as fit_grade,
        case when entries.person_id is not null then coalesce(scores.engagement_score, 0) end
            as engagement_score,
        case when entries.person_id is not null then coalesce(scores.engagement_grade, '4') end
            as engagement_grade,
        coalesce(scores.is_hot_by_engagement, false) as is_hot_by_engagement,
        attribute_states.persona,
        coalesce(attribute_states.segment, opportunities.segment) as segment,
        coalesce(attribute_states.region, opportunities.region) as region
    from entries
    left join versions
        on
            entries.entered_at >= versions.valid_from
            and entries.entered_at < versions.valid_to
    left join stage_windows
        on
            versions.stages_version = stage_windows.version
            and entries.stage = stage_windows.stage
    left join first_leads on entries.lead_cycle_id = first_leads.lead_cycle_id
    left join fit_scores
        on
            entries.person_id = fit_scores.person_id
            and versions.version = fit_scores.version
            and entries.entered_at >= fit_scores.valid_from
            and entries.entered_at < fit_scores.valid_to
    left join scores
        on
            entries.person_id = scores.person_id
            and entries.reset_number = scores.reset_number
            and entries.entered_at >= scores.occurred_at
            and entries.entered_at < scores.stands_until
    left join first_states on entries.person_id = first_states.person_id
    left join attribute_states
        on
            entries.person_id = attribute_states.person_id
            and greatest(entries.entered_at, first_states.first_valid_from)
            >= attribute_states.valid_from
            and greatest(entries.entered_at, first_states.first_valid_from)
            < coalesce(attribute_states.valid_to, {{ end_of_time() }})
    left join opportunities on entries.cycle_opportunity_id = opportunities.opportunity_id

),

final as (

    select
        md5(lead_cycle_id || '|' || stage) as entry_id,
        lead_cycle_id,
        person_id,
        account_id,
        case when stage_order >= 6 then cycle_opportunity_id end as opportunity_id,
        campaign_id,
        stage,
        motion,
        channel,
        persona,
        segment,
        region,
        fit_grade,
        fit_grade || engagement_grade as grade,
        case
            when person_id is null then null
            when hand_raised_at <= entered_at or is_hot_by_engagement then 'hot'
            when lead_at <= entered_at then 'warm'
        end as temperature,
        definition_version,
        system,
        evidence_kind,
        evidence_id,
        cycle_number,
        cast(stage_order as integer) as stage_order,
        cast(fit_score as decimal(9, 3)) as fit_score,
        engagement_score,
        window_days,
        is_inferred,
        case
            when stage <> 'won'
                then coalesce(
                    {{ seconds_between('entered_at', 'next_entered_at') }} <= window_days * 86400,
                    false
                )
        end as is_converted_in_window,
        -- Whether the cohort of the entry's month can be judged: all of it has had the window.
        case
            when stage <> 'won'
                then {{ is_month_mature('entered_at', 'window_days') }}
        end as is_mature,
        {{ business_date('entered_at') }} as entered_date,
        entered_at,
        next_entered_at,
        left_at
    from described

)

select * from final
