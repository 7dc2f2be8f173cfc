with sla_targets as (

    select * from {{ ref('sla_targets') }}

),

final as (

    select
        promise || ':' || team || ':' || temperature || ':' || grade as promise_id,
        promise,
        team,
        temperature,
        grade,
        target_hours,
        target_value
    from sla_targets

)

select * from final
