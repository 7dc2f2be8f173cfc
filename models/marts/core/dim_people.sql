with people as (

    select * from {{ ref('int_people') }}

),

final as (

    select
        people.person_id,
        people.account_id,
        people.account_evidence,
        people.persona,
        people.department,
        people.seniority,
        people.segment,
        people.region,
        people.industry,
        people.country,
        people.exclusion_reason,
        people.employees,
        people.records,
        people.is_excluded,
        people.is_deleted,
        people.first_seen_at
    from people

)

select * from final
