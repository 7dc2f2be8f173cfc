-- Fails if a number of employees lies in two segments: a company would be counted in both.
with segments as (

    select * from {{ ref('segments') }}

),

ordered as (

    select
        segments.segment,
        coalesce(segments.min_employees, 0) as min_employees,
        lag(segments.segment) over (
            order by coalesce(segments.min_employees, 0), segments.segment
        ) as segment_below,
        lag(coalesce(segments.max_employees, 9223372036854775807)) over (
            order by coalesce(segments.min_employees, 0), segments.segment
        ) as max_employees_below
    from segments

),

final as (

    select
        ordered.segment_below,
        ordered.segment
    from ordered
    where ordered.min_employees <= ordered.max_employees_below

)

select * from final
