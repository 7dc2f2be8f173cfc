with people as (

    select * from {{ ref('int_people') }}

),

fit_scores as (

    select * from {{ ref('int_person_fit_scores') }}

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
        fit_scores.fit_grade,
        fit_scores.fit_score,
        people.employees,
        people.records,
        people.is_excluded,
        people.is_deleted,
        people.first_seen_at
    from people
    left join fit_scores
        on
            people.person_id = fit_scores.person_id
            and fit_scores.valid_from <= {{ as_of() }}
            and fit_scores.valid_to > {{ as_of() }}

)

select * from final
