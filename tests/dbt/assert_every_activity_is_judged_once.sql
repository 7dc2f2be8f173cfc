-- Fails if an object delivers more or fewer activities than int_activities holds of it: a join to
-- people, visitors, channels or kinds lost or multiplied rows. It does not claim that each was
-- judged rightly.
{{ config(meta={'owner': 'marketing_operations'}) }}

with activity_records as (

    select * from {{ ref('int_activity_records_unioned') }}

),

activities as (

    select * from {{ ref('int_activities') }}

),

counted as (

    select
        activity_records.system,
        activity_records.object,
        1 as delivered,
        0 as judged
    from activity_records

    union all

    select
        activities.system,
        activities.object,
        0 as delivered,
        1 as judged
    from activities

),

final as (

    select
        counted.system,
        counted.object,
        sum(counted.delivered) as delivered,
        sum(counted.judged) as judged
    from counted
    group by counted.system, counted.object
    having sum(counted.delivered) <> sum(counted.judged)

)

select * from final
