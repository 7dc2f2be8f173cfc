with journey_touches as (

    select * from {{ ref('int_journey_touches') }}

),

final as (

    select
        conversion_id || '|' || content_id as journey_content_id,
        conversion_id,
        content_id,
        count(*) as uses,
        count(distinct person_id) as people,
        min(touched_at) as first_used_at
    from journey_touches
    where content_id is not null
    group by conversion_id, content_id

)

select * from final
