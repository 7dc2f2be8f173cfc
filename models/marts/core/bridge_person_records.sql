with people_records as (

    select * from {{ ref('int_people_records') }}

),

final as (

    select
        people_records.record_key,
        people_records.person_id,
        people_records.system,
        people_records.object,
        people_records.record_id,
        people_records.evidence,
        people_records.is_deleted,
        people_records.is_merged_away
    from people_records
    where people_records.is_delivered

)

select * from final
