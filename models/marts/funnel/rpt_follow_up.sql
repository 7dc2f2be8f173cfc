with handoffs as (

    select * from {{ ref('fct_handoffs') }}

),

reps as (

    select * from {{ ref('dim_reps') }}

),

lead_cycles as (

    select * from {{ ref('fct_lead_cycles') }}

),

touches as (

    select * from {{ ref('fct_touches') }}

),

-- Conversations in the cycle after the hand-over: calls and held meetings that are logged.
conversations as (

    select
        handoffs.lead_cycle_id,
        max(case when touches.touch_type in ('call', 'meeting') then 1 else 0 end) as connects,
        max(case when touches.touch_type = 'meeting' then 1 else 0 end) as meetings
    from handoffs
    inner join touches
        on
            handoffs.person_id = touches.person_id
            and handoffs.mql_at <= touches.touched_at
            and coalesce(handoffs.ended_at, {{ end_of_time() }}) >= touches.touched_at
            and touches.is_human_touch
    group by handoffs.lead_cycle_id

),

grouped as (

    select
        cast({{ dbt.date_trunc('month', 'handoffs.mql_date') }} as date) as period_month,
        case
            when handoffs.rep_id is null then '(nobody)'
            else coalesce(reps.rep_group, '(not named)')
        end as rep_group,
        count(*) as handoffs,
        sum(case when handoffs.is_handed_over then 1 else 0 end) as handed_over,
        sum(case when handoffs.assigned_at is not null then 1 else 0 end) as assigned,
        sum(case when handoffs.is_due then 1 else 0 end) as due,
        sum(case when handoffs.is_met then 1 else 0 end) as met,
        sum(case when handoffs.is_due and handoffs.fate = 'untouched_overdue' then 1 else 0 end)
            as untouched_overdue,
        sum(case when handoffs.is_disposed then 1 else 0 end) as disposed,
        sum(case when handoffs.is_accepted then 1 else 0 end) as accepted,
        sum(
            case when handoffs.is_accepted and handoffs.first_touch_at is not null then 1 else 0 end
        ) as accepted_with_touch,
        sum(coalesce(conversations.connects, 0)) as connected,
        sum(coalesce(conversations.meetings, 0)) as met_in_person,
        sum(case when lead_cycles.sql_at is not null then 1 else 0 end) as qualified,
        {{ percentile('handoffs.routing_hours', 0.5) }} as median_routing_hours,
        {{ percentile('handoffs.rep_hours', 0.5) }} as median_rep_hours,
        {{ percentile('handoffs.rep_hours', 0.9) }} as p90_rep_hours
    from handoffs
    left join reps on handoffs.rep_id = reps.rep_id
    left join conversations on handoffs.lead_cycle_id = conversations.lead_cycle_id
    left join lead_cycles on handoffs.lead_cycle_id = lead_cycles.lead_cycle_id
    group by
        cast({{ dbt.date_trunc('month', 'handoffs.mql_date') }} as date),
        case
            when handoffs.rep_id is null then '(nobody)'
            else coalesce(reps.rep_group, '(not named)')
        end

),

final as (

    select
        rep_group,
        handoffs,
        cast(handed_over as {{ dbt.type_bigint() }}) as handed_over,
        cast(assigned as {{ dbt.type_bigint() }}) as assigned,
        cast(due as {{ dbt.type_bigint() }}) as due,
        cast(met as {{ dbt.type_bigint() }}) as met,
        case when due > 0 then met / cast(due as double) end as compliance_rate,
        cast(untouched_overdue as {{ dbt.type_bigint() }}) as untouched_overdue,
        case when due > 0 then untouched_overdue / cast(due as double) end as ignored_rate,
        cast(disposed as {{ dbt.type_bigint() }}) as disposed,
        case when handed_over > 0 then disposed / cast(handed_over as double) end as feedback_rate,
        cast(accepted as {{ dbt.type_bigint() }}) as accepted,
        cast(accepted_with_touch as {{ dbt.type_bigint() }}) as accepted_with_touch,
        case when accepted > 0 then accepted_with_touch / cast(accepted as double) end
            as logging_coverage,
        cast(connected as {{ dbt.type_bigint() }}) as connected,
        cast(met_in_person as {{ dbt.type_bigint() }}) as met_in_person,
        cast(qualified as {{ dbt.type_bigint() }}) as qualified,
        median_routing_hours,
        median_rep_hours,
        p90_rep_hours,
        period_month
    from grouped

)

select * from final
