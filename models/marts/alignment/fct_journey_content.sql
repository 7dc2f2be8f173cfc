with journey_touches as (

    select * from {{ ref('int_journey_touches') }}

),

touches as (

    select * from {{ ref('fct_touches') }}

),

final as (

    select
        journey_touches.conversion_id || '|' || touches.content_id as journey_content_id,
        journey_touches.conversion_id,
        touches.content_id,
        count(*) as uses,
        count(distinct touches.person_id) as people,
        min(touches.touched_at) as first_used_at
    from journey_touches
    inner join touches on journey_touches.touch_id = touches.touch_id
    where touches.content_id is not null
    group by journey_touches.conversion_id, touches.content_id

)

select * from final
