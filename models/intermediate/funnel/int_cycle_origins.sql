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

cycle_evidence as (

    select *
    from {{ ref('int_cycle_evidence') }}
    where {{ only_changed_people() }}

),

activities as (

    select *
    from {{ ref('int_activities') }}
    where {{ only_changed('person_id', 'int_people_changed') }}

),

person_records as (

    select * from {{ ref('int_person_records_unioned') }}

),

people_records as (

    select * from {{ ref('int_people_records') }}

),

people as (

    select * from {{ ref('int_people') }}

),

opportunities as (

    select * from {{ ref('int_opportunities') }}

),

contracts as (

    select * from {{ ref('int_contracts') }}

),

motion_rules as (

    select * from {{ ref('motion_rules') }}

),

source_mappings as (

    select * from {{ ref('source_mappings') }}

),

ordered as (

    select
        lead_cycle_id,
        evidence_kind,
        evidence_id,
        system,
        record_key,
        row_number() over (
            partition by lead_cycle_id
            order by occurred_at, stage_order, evidence_kind, evidence_id
        ) as place
    from cycle_evidence

),

sources as (

    select
        people_records.record_key,
        person_records.source
    from person_records
    inner join people_records
        on
            person_records.system = people_records.system
            and person_records.object = people_records.object
            and person_records.record_id = people_records.record_id

),

first_evidence as (

    select
        cycles.lead_cycle_id,
        cycles.person_id,
        cycles.opportunity_id,
        coalesce(people.account_id, opportunities.account_id) as account_id,
        cycles.opened_at,
        ordered.evidence_kind,
        ordered.evidence_id,
        ordered.system,
        activities.activity_type,
        activities.campaign_id as activity_campaign_id,
        activities.channel as activity_channel,
        opportunities.campaign_id as opportunity_campaign_id,
        sources.source as record_source,
        case
            when ordered.evidence_kind = 'opportunity' then opportunities.lead_source
            when activities.activity_id is null then sources.source
        end as source
    from cycles
    inner join ordered
        on
            cycles.lead_cycle_id = ordered.lead_cycle_id
            and ordered.place = 1
    left join people on cycles.person_id = people.person_id
    left join activities on ordered.evidence_id = activities.activity_id
    left join sources on ordered.record_key = sources.record_key
    left join opportunities on cycles.opportunity_id = opportunities.opportunity_id

),

-- An open deal of the account, or its running contract, other than the deal of the cycle itself.
engagements as (

    select
        opportunities.opportunity_id,
        opportunities.account_id,
        opportunities.created_at as engaged_from,
        coalesce(opportunities.won_at, opportunities.lost_at, {{ end_of_time() }})
            as engaged_until
    from opportunities
    where opportunities.account_id is not null and not opportunities.is_deleted

    union all

    -- With its gap bridged, where it was renewed in time: a customer between two contracts is one.
    select
        contracts.opportunity_id,
        contracts.account_id,
        cast(contracts.start_date as {{ dbt.type_timestamp() }}) as engaged_from,
        coalesce(
            cast(contracts.end_date as {{ dbt.type_timestamp() }}), {{ end_of_time() }}
        ) as engaged_until
    from contracts
    where contracts.account_id is not null

),

customers as (

    select distinct first_evidence.lead_cycle_id
    from first_evidence
    inner join engagements
        on
            first_evidence.account_id = engagements.account_id
            and first_evidence.opened_at >= engagements.engaged_from
            and first_evidence.opened_at < engagements.engaged_until
    where
        first_evidence.opportunity_id is null
        or first_evidence.opportunity_id <> engagements.opportunity_id

),

matching_rules as (

    select
        first_evidence.lead_cycle_id,
        motion_rules.motion,
        row_number() over (
            partition by first_evidence.lead_cycle_id
            order by motion_rules.priority, motion_rules.motion
        ) as preference
    from first_evidence
    inner join motion_rules on {{ rule_covers('motion_rules.system', 'first_evidence.system') }}
    where
        motion_rules.field = '*'
        or {{ rule_covers(
            'motion_rules.value',
            "case motion_rules.field
                when 'source' then first_evidence.source
                when 'record_source' then first_evidence.record_source
                when 'channel' then first_evidence.activity_channel
                when 'activity_type' then first_evidence.activity_type
                when 'evidence_kind' then first_evidence.evidence_kind
            end"
        ) }}

),

mapped_sources as (

    select
        first_evidence.lead_cycle_id,
        source_mappings.channel,
        row_number() over (
            partition by first_evidence.lead_cycle_id
            order by
                {{ pattern_rank('source_mappings.value') }} desc,
                {{ pattern_rank('source_mappings.system') }} desc,
                source_mappings.value,
                source_mappings.channel asc
        ) as preference
    from first_evidence
    inner join source_mappings
        on {{ matches_pattern('first_evidence.system', 'source_mappings.system') }}
    where
        first_evidence.source is not null
        and {{ matches_pattern('first_evidence.source', 'source_mappings.value') }}

),

final as (

    select
        first_evidence.lead_cycle_id,
        first_evidence.person_id,
        first_evidence.account_id,
        case
            when customers.lead_cycle_id is not null then 'customer'
            else coalesce(matching_rules.motion, 'inbound')
        end as motion,
        coalesce(
            first_evidence.activity_channel, mapped_sources.channel, '(unmapped)'
        ) as channel,
        case
            when first_evidence.evidence_kind = 'opportunity'
                then first_evidence.opportunity_campaign_id
            else first_evidence.activity_campaign_id
        end as campaign_id,
        first_evidence.evidence_kind,
        first_evidence.evidence_id,
        first_evidence.system
    from first_evidence
    left join customers on first_evidence.lead_cycle_id = customers.lead_cycle_id
    left join matching_rules
        on
            first_evidence.lead_cycle_id = matching_rules.lead_cycle_id
            and matching_rules.preference = 1
    left join mapped_sources
        on
            first_evidence.lead_cycle_id = mapped_sources.lead_cycle_id
            and mapped_sources.preference = 1

)

select * from final
