-- Fails if a person has more records than `identity_max_component_records`, unless a join by hand
-- is among them. Does not claim that smaller ones are right: int_identity_reviews is for that.
with people_records as (

    select * from {{ ref('int_people_records') }}

),

final as (

    select
        people_records.person_id,
        count(*) as records
    from people_records
    where people_records.is_delivered
    group by people_records.person_id
    having
        count(*) > {{ var('identity_max_component_records') }}
        and max(case when people_records.evidence = 'override' then 1 else 0 end) = 0

)

select * from final
