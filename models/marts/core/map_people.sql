with people_records as (

    select * from {{ ref('int_people_records') }}

),

final as (

    select
        md5(people_records.record_key) as retired_person_id,
        people_records.person_id
    from people_records
    where not people_records.is_earliest

)

select * from final
