with opportunity_outcomes as (

    select * from {{ ref('int_opportunity_outcomes') }}

),

deals as (

    select
        person_id,
        opportunity_id,
        opened_at,
        ended_at,
        max(ended_at) over (
            partition by person_id
            order by opened_at, opportunity_id
            rows between unbounded preceding and 1 preceding
        ) as ended_before
    from opportunity_outcomes
    where is_in_funnel and person_id is not null

),

-- Deals of one person that are open at the same time are one run: in between nothing else can open.
numbered as (

    select
        person_id,
        opportunity_id,
        opened_at,
        ended_at,
        sum(case when ended_before >= opened_at then 0 else 1 end) over (
            partition by person_id
            order by opened_at, opportunity_id
            rows between unbounded preceding and current row
        ) as run_number
    from deals

),

final as (

    select
        opportunity_id,
        person_id,
        cast(run_number as {{ dbt.type_bigint() }}) as run_number,
        row_number() over (
            partition by person_id, run_number order by opened_at, opportunity_id
        ) as place_in_run,
        opened_at,
        ended_at,
        min(opened_at) over (partition by person_id, run_number) as run_opened_at,
        max(ended_at) over (partition by person_id, run_number) as run_ended_at
    from numbered

)

select * from final
