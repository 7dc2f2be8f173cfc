with identifiers as (

    select * from {{ ref('int_person_identifiers') }}

),

components as (

    select * from {{ ref('int_identity_components') }}

),

edges as (

    select * from {{ ref('int_identity_edges') }}

),

person_merges as (

    select * from {{ ref('int_person_merges_unioned') }}

),

merged_away as (

    select distinct
        person_merges.system || ':' || person_merges.object || ':' || person_merges.record_id
            as record_key
    from person_merges
    where person_merges.record_id <> person_merges.into_record_id

),

placed as (

    select
        identifiers.record_key,
        identifiers.system,
        identifiers.object,
        identifiers.record_id,
        identifiers.record_type,
        identifiers.record_number,
        identifiers.is_delivered,
        identifiers.is_deleted,
        identifiers.created_at,
        merged_away.record_key is not null as is_merged_away,
        coalesce(components.component_number, identifiers.record_number) as component_number
    from identifiers
    left join components
        on identifiers.record_number = components.record_number
    left join merged_away
        on identifiers.record_key = merged_away.record_key

),

evidence_ends as (

    select
        edges.evidence_key,
        edges.evidence_rank,
        edges.evidence,
        edges.record_number
    from edges

    union

    select
        edges.evidence_key,
        edges.evidence_rank,
        edges.evidence,
        edges.other_record_number as record_number
    from edges

),

-- Evidence holds a record only to those that ended in the same component.
evidence_within as (

    select
        evidence_ends.evidence_rank,
        evidence_ends.evidence,
        evidence_ends.record_number,
        count(*) over (
            partition by evidence_ends.evidence_key, components.component_number
        ) as records_held
    from evidence_ends
    inner join components
        on evidence_ends.record_number = components.record_number

),

strongest_evidence as (

    select
        evidence_within.record_number,
        min(evidence_within.evidence_rank) as evidence_rank
    from evidence_within
    where evidence_within.records_held > 1
    group by evidence_within.record_number

),

evidence_names as (

    select distinct
        edges.evidence_rank,
        edges.evidence
    from edges

),

final as (

    select
        placed.record_key,
        md5(earliest.record_key) as person_id,
        placed.system,
        placed.object,
        placed.record_id,
        placed.record_type,
        coalesce(evidence_names.evidence, 'none') as evidence,
        placed.record_number = placed.component_number as is_earliest,
        placed.is_delivered,
        placed.is_deleted,
        placed.is_merged_away,
        placed.created_at
    from placed
    inner join placed as earliest
        on placed.component_number = earliest.record_number
    left join strongest_evidence
        on placed.record_number = strongest_evidence.record_number
    left join evidence_names
        on strongest_evidence.evidence_rank = evidence_names.evidence_rank
    -- Merges among ids of which none was ever delivered are no person.
    where earliest.is_delivered

)

select * from final
