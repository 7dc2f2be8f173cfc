with identifications as (

    select * from {{ ref('int_identifications_unioned') }}

),

activity_records as (

    select * from {{ ref('int_activity_records_unioned') }}

),

people_records as (

    select * from {{ ref('int_people_records') }}

),

-- An activity that names both the visitor and the record identifies the visitor too.
named as (

    select
        identifications.visitor_id,
        identifications.person_system,
        identifications.person_object,
        identifications.person_record_id,
        identifications.identified_at,
        identifications.system || ':' || identifications.object || ':' || identifications.record_id
            as evidence_record_key
    from identifications
    where
        not identifications.is_deleted
        and identifications.visitor_id is not null
        and identifications.identified_at <= {{ as_of() }}

    union all

    select
        activity_records.visitor_id,
        activity_records.system as person_system,
        activity_records.person_object,
        activity_records.person_record_id,
        activity_records.occurred_at as identified_at,
        activity_records.system || ':' || activity_records.object || ':'
        || activity_records.record_id as evidence_record_key
    from activity_records
    where
        not activity_records.is_deleted
        and activity_records.visitor_id is not null
        and activity_records.person_record_id is not null
        and activity_records.occurred_at <= {{ as_of() }}

),

resolved as (

    select
        named.visitor_id,
        people_records.person_id,
        named.identified_at,
        -- Of several at one instant the last one counts, by its own key.
        row_number() over (
            partition by named.visitor_id, named.identified_at
            order by named.evidence_record_key desc, people_records.record_key desc
        ) as recency
    from named
    inner join people_records
        on
            named.person_system = people_records.system
            and named.person_object = people_records.object
            and named.person_record_id = people_records.record_id

),

compared as (

    select
        resolved.visitor_id,
        resolved.person_id,
        resolved.identified_at,
        lag(resolved.person_id) over (
            partition by resolved.visitor_id order by resolved.identified_at
        ) as previous_person_id
    from resolved
    where resolved.recency = 1

),

changes as (

    select
        compared.visitor_id,
        compared.person_id,
        compared.identified_at,
        row_number() over (
            partition by compared.visitor_id order by compared.identified_at
        ) as change_number,
        lead(compared.identified_at) over (
            partition by compared.visitor_id order by compared.identified_at
        ) as valid_to
    from compared
    where
        compared.previous_person_id is null
        or compared.previous_person_id <> compared.person_id

),

final as (

    select
        changes.visitor_id,
        changes.person_id,
        -- What came before the first identification is that person's too.
        case when changes.change_number > 1 then changes.identified_at end as valid_from,
        changes.valid_to
    from changes

)

select * from final
