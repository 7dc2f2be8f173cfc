-- Fails if a delivered person record is missing from the bridge, is in it more than once, or if the
-- bridge has a record that was not delivered.
with person_records as (

    select * from {{ ref('int_person_records_unioned') }}

),

bridge as (

    select * from {{ ref('bridge_person_records') }}

),

both_sides as (

    select
        person_records.system || ':' || person_records.object || ':' || person_records.record_id
            as record_key,
        1 as delivered,
        0 as bridged
    from person_records

    union all

    select
        bridge.record_key,
        0 as delivered,
        1 as bridged
    from bridge

),

final as (

    select
        both_sides.record_key,
        sum(both_sides.delivered) as times_delivered,
        sum(both_sides.bridged) as times_bridged
    from both_sides
    group by both_sides.record_key
    having sum(both_sides.delivered) <> 1 or sum(both_sides.bridged) <> 1

)

select * from final
