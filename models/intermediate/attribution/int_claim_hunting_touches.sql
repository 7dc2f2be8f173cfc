{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ clear_people(ref('int_people_changed')) }}",
) }}

with activities as (

    select *
    from {{ ref('int_activities') }}
    where {{ only_changed_people() }}

),

touches as (

    select
        activity_id as touch_id,
        person_id,
        team,
        direction,
        is_response,
        is_human_touch,
        occurred_at as touched_at
    from activities
    where is_touch and person_id is not null

),

-- What each team had done with the person before.
preceded as (

    select
        touch_id,
        person_id,
        team,
        direction,
        is_response,
        touched_at,
        {{ dbt.dateadd(
            'day', '-' ~ attribution_parameter('claim_hunting_days', dbt.type_int()), 'touched_at'
        ) }} as engaged_since,
        max(case when team = 'marketing' then touched_at end) over before as marketing_at,
        max(case when team = 'marketing' and is_response then touched_at end) over before
            as response_at,
        max(case when team = 'sales' then touched_at end) over before as sales_at,
        max(case when team = 'sales' and is_human_touch then touched_at end) over before
            as human_touch_at
    from touches
    window before as (
        partition by person_id
        order by touched_at, touch_id
        rows between unbounded preceding and 1 preceding
    )

),

final as (

    select
        touch_id,
        person_id,
        team,
        case
            when team = 'sales' then 'cold sales touch on someone engaged with marketing'
            else 'marketing touch on someone engaged with sales'
        end as finding,
        case when team = 'sales' then response_at else human_touch_at end as engaged_at,
        touched_at
    from preceded
    where
        (
            team = 'sales'
            and coalesce(direction, 'outbound') <> 'inbound'
            and not is_response
            and response_at >= engaged_since
            and coalesce(sales_at < engaged_since, true)
        )
        or (
            team = 'marketing'
            and not is_response
            and human_touch_at >= engaged_since
            and coalesce(marketing_at < engaged_since, true)
        )

)

select * from final
