-- Of a group that shares a value, each record is joined to the earliest one: as many edges as
-- records, where joining each to each would be their square. `evidence_key` names the whole group.
with identifiers as (

    select * from {{ ref('int_person_identifiers') }}

),

person_records as (

    select * from {{ ref('int_person_records_unioned') }}

),

person_merges as (

    select * from {{ ref('int_person_merges_unioned') }}

),

crm_systems as (

    select * from {{ ref('int_crm_systems_in_use') }}

),

identity_overrides as (

    select * from {{ ref('identity_overrides') }}

),

overrides as (

    select distinct
        identity_overrides.system || ':' || identity_overrides.object || ':'
        || identity_overrides.record_id as record_key,
        identity_overrides.other_system || ':' || identity_overrides.other_object || ':'
        || identity_overrides.other_record_id as other_record_key,
        'override' as evidence
    from identity_overrides
    where lower({{ trimmed_text('identity_overrides.action') }}) = 'join'

),

merged as (

    select distinct
        person_merges.system || ':' || person_merges.object || ':' || person_merges.record_id
            as record_key,
        person_merges.system || ':' || person_merges.object || ':' || person_merges.into_record_id
            as other_record_key,
        'merged' as evidence
    from person_merges

),

converted as (

    select
        leads.system || ':' || leads.object || ':' || leads.record_id as record_key,
        contacts.record_key as other_record_key,
        'cross_id' as evidence
    from person_records as leads
    inner join identifiers as contacts
        on
            leads.system = contacts.system
            and leads.converted_record_id = contacts.record_id
    where contacts.record_type = 'contact'

),

crm_id_matches as (

    select
        contacts.system || ':' || contacts.object || ':' || contacts.record_id as record_key,
        crm_records.record_key as other_record_key,
        count(*) over (partition by contacts.system, contacts.object, contacts.record_id)
            as matches
    from person_records as contacts
    inner join identifiers as crm_records
        on
            contacts.crm_record_id = crm_records.record_id
            and contacts.system <> crm_records.system
    inner join crm_systems
        on crm_records.system = crm_systems.system
    where crm_records.is_delivered

),

crm_ids as (

    select
        crm_id_matches.record_key,
        crm_id_matches.other_record_key,
        'cross_id' as evidence
    from crm_id_matches
    -- An id that two records bear does not say which one is meant: int_identity_reviews lists it.
    where crm_id_matches.matches = 1

),

explicit_pairs as (

    select
        overrides.record_key,
        overrides.other_record_key,
        overrides.evidence
    from overrides

    union

    select
        merged.record_key,
        merged.other_record_key,
        merged.evidence
    from merged

    union

    select
        converted.record_key,
        converted.other_record_key,
        converted.evidence
    from converted

    union

    select
        crm_ids.record_key,
        crm_ids.other_record_key,
        crm_ids.evidence
    from crm_ids

),

pair_edges as (

    select
        explicit_pairs.evidence,
        explicit_pairs.evidence || ':' || least(records.record_key, other_records.record_key) || ' '
        || greatest(records.record_key, other_records.record_key) as evidence_name,
        records.record_number,
        other_records.record_number as other_record_number
    from explicit_pairs
    inner join identifiers as records
        on explicit_pairs.record_key = records.record_key
    inner join identifiers as other_records
        on explicit_pairs.other_record_key = other_records.record_key
    where explicit_pairs.record_key <> explicit_pairs.other_record_key

),

shared_values as (

    select
        'email' as evidence,
        'email:' || identifiers.email_normalised as evidence_name,
        identifiers.record_number
    from identifiers
    where
        identifiers.email_normalised is not null
        and not identifiers.is_shared_mailbox
        and not identifiers.is_placeholder_email

    union all

    select
        'phone_and_last_name' as evidence,
        'phone:' || identifiers.phone_e164 || ' ' || identifiers.last_name_normalised
            as evidence_name,
        identifiers.record_number
    from identifiers
    where
        identifiers.phone_e164 is not null
        and identifiers.last_name_normalised is not null

),

values_shared as (

    select
        shared_values.evidence,
        shared_values.evidence_name,
        min(shared_values.record_number) as first_record_number
    from shared_values
    group by shared_values.evidence, shared_values.evidence_name
    having count(*) > 1

),

value_edges as (

    select
        shared_values.evidence,
        shared_values.evidence_name,
        shared_values.record_number,
        values_shared.first_record_number as other_record_number
    from shared_values
    inner join values_shared
        on
            shared_values.evidence = values_shared.evidence
            and shared_values.evidence_name = values_shared.evidence_name

),

edges as (

    select
        pair_edges.evidence,
        pair_edges.evidence_name,
        pair_edges.record_number,
        pair_edges.other_record_number
    from pair_edges

    union all

    select
        value_edges.evidence,
        value_edges.evidence_name,
        value_edges.record_number,
        value_edges.other_record_number
    from value_edges
    where value_edges.record_number <> value_edges.other_record_number

),

-- Two records that name each other (a contact and the lead it was) hold one another once.
distinct_edges as (

    select
        edges.evidence,
        edges.evidence_name,
        greatest(edges.record_number, edges.other_record_number) as record_number,
        least(edges.record_number, edges.other_record_number) as other_record_number
    from edges
    group by
        edges.evidence,
        edges.evidence_name,
        greatest(edges.record_number, edges.other_record_number),
        least(edges.record_number, edges.other_record_number)

),

final as (

    select
        records.record_key,
        other_records.record_key as other_record_key,
        distinct_edges.evidence,
        md5(distinct_edges.evidence_name) as evidence_key,
        case distinct_edges.evidence
            when 'override' then 1
            when 'merged' then 2
            when 'cross_id' then 3
            when 'email' then 4
            when 'phone_and_last_name' then 5
        end as evidence_rank,
        distinct_edges.record_number,
        distinct_edges.other_record_number
    from distinct_edges
    inner join identifiers as records
        on distinct_edges.record_number = records.record_number
    inner join identifiers as other_records
        on distinct_edges.other_record_number = other_records.record_number

)

select * from final
