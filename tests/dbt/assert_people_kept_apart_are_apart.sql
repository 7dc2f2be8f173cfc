-- Fails if two records that an override keeps apart are one person after all.
with keep_apart as (

    select * from {{ ref('int_identity_keep_apart') }}

),

identifiers as (

    select * from {{ ref('int_person_identifiers') }}

),

people_records as (

    select * from {{ ref('int_people_records') }}

),

final as (

    select
        people.record_key,
        other_people.record_key as other_record_key,
        people.person_id
    from keep_apart
    inner join identifiers as records
        on keep_apart.record_number = records.record_number
    inner join identifiers as other_records
        on keep_apart.other_record_number = other_records.record_number
    inner join people_records as people
        on records.record_key = people.record_key
    inner join people_records as other_people
        on other_records.record_key = other_people.record_key
    where people.person_id = other_people.person_id

)

select * from final
