with people_records as (

    select * from {{ ref('int_people_records') }}

),

identifiers as (

    select * from {{ ref('int_person_identifiers') }}

),

components as (

    select * from {{ ref('int_identity_components') }}

),

edges as (

    select * from {{ ref('int_identity_edges') }}

),

person_records as (

    select * from {{ ref('int_person_records_unioned') }}

),

crm_systems as (

    select * from {{ ref('int_crm_systems_in_use') }}

),

identity_overrides as (

    select * from {{ ref('identity_overrides') }}

),

component_sizes as (

    select
        components.evidence_component_number,
        count(*) as records
    from components
    inner join identifiers
        on components.record_number = identifiers.record_number
    where identifiers.is_delivered
    group by components.evidence_component_number

),

guarded as (

    select
        case
            when components.is_oversized then 'oversized_component' else 'kept_apart'
        end as reason,
        identifiers.record_key,
        earliest.record_key as group_key,
        component_sizes.records
    from components
    inner join identifiers
        on components.record_number = identifiers.record_number
    inner join identifiers as earliest
        on components.evidence_component_number = earliest.record_number
    inner join component_sizes
        on components.evidence_component_number = component_sizes.evidence_component_number
    where
        components.is_oversized
        or components.is_split

),

crm_id_matches as (

    select
        contacts.system || ':' || contacts.object || ':' || contacts.record_id as record_key,
        contacts.crm_record_id,
        count(*) as matches
    from person_records as contacts
    inner join identifiers as crm_records
        on
            contacts.crm_record_id = crm_records.record_id
            and contacts.system <> crm_records.system
    inner join crm_systems
        on crm_records.system = crm_systems.system
    where crm_records.is_delivered
    group by contacts.system, contacts.object, contacts.record_id, contacts.crm_record_id

),

ambiguous_crm_ids as (

    select
        'ambiguous_crm_id' as reason,
        crm_id_matches.record_key,
        crm_id_matches.crm_record_id as group_key,
        crm_id_matches.matches as records
    from crm_id_matches
    where crm_id_matches.matches > 1

),

override_ends as (

    select
        identity_overrides.system || ':' || identity_overrides.object || ':'
        || identity_overrides.record_id as record_key,
        identity_overrides.reason as override_reason
    from identity_overrides

    union

    select
        identity_overrides.other_system || ':' || identity_overrides.other_object || ':'
        || identity_overrides.other_record_id as record_key,
        identity_overrides.reason as override_reason
    from identity_overrides

),

unknown_overrides as (

    select
        'override_of_unknown_record' as reason,
        override_ends.record_key,
        min(override_ends.override_reason) as group_key,
        count(*) as records
    from override_ends
    left join identifiers
        on override_ends.record_key = identifiers.record_key
    where identifiers.record_key is null
    group by override_ends.record_key

),

-- A join by hand that keeping apart by hand made impossible.
contradicted_joins as (

    select
        'override_contradicted' as reason,
        edges.record_key,
        edges.other_record_key as group_key,
        cast(2 as {{ dbt.type_bigint() }}) as records
    from edges
    inner join components
        on edges.record_number = components.record_number
    inner join components as other_components
        on edges.other_record_number = other_components.record_number
    where
        edges.evidence = 'override'
        and components.component_number <> other_components.component_number

),

reviews as (

    select
        guarded.reason,
        guarded.record_key,
        guarded.group_key,
        guarded.records
    from guarded

    union all

    select
        ambiguous_crm_ids.reason,
        ambiguous_crm_ids.record_key,
        ambiguous_crm_ids.group_key,
        ambiguous_crm_ids.records
    from ambiguous_crm_ids

    union all

    select
        unknown_overrides.reason,
        unknown_overrides.record_key,
        unknown_overrides.group_key,
        unknown_overrides.records
    from unknown_overrides

    union all

    select
        contradicted_joins.reason,
        contradicted_joins.record_key,
        contradicted_joins.group_key,
        contradicted_joins.records
    from contradicted_joins

),

final as (

    select
        md5(
            reviews.reason || ' ' || reviews.record_key || ' ' || coalesce(reviews.group_key, '')
        ) as review_id,
        reviews.reason,
        reviews.record_key,
        people_records.person_id,
        reviews.group_key,
        reviews.records
    from reviews
    left join people_records
        on reviews.record_key = people_records.record_key

)

select * from final
