with handoffs as (

    select * from {{ ref('int_handoffs') }}

),

activities as (

    select * from {{ ref('int_activities') }}

),

stage_evidence as (

    select * from {{ ref('int_stage_evidence') }}

),

exits as (

    select * from {{ ref('int_exits') }}

),

crm_systems as (

    select * from {{ ref('int_crm_systems_in_use') }}

),

touches as (

    select
        handoffs.lead_cycle_id,
        activities.activity_id,
        activities.rep_id,
        activities.occurred_at,
        row_number() over (
            partition by handoffs.lead_cycle_id
            order by activities.occurred_at, activities.activity_id
        ) as place
    from handoffs
    inner join activities
        on
            handoffs.person_id = activities.person_id
            and handoffs.answers_from <= activities.occurred_at
            and handoffs.next_mql_at > activities.occurred_at
            and coalesce(handoffs.ended_at, {{ end_of_time() }}) >= activities.occurred_at
            and activities.is_human_touch

),

-- A status that both teams have given a meaning, from acceptance on, or with which somebody leaves.
dispositions as (

    select
        handoffs.lead_cycle_id,
        stage_evidence.occurred_at
    from handoffs
    inner join stage_evidence
        on
            handoffs.person_id = stage_evidence.person_id
            and handoffs.answers_from <= stage_evidence.occurred_at
            and handoffs.next_mql_at > stage_evidence.occurred_at
            and coalesce(handoffs.ended_at, {{ end_of_time() }}) >= stage_evidence.occurred_at
            and stage_evidence.evidence_kind = 'status'
            and stage_evidence.stage_order >= 4
    inner join crm_systems on stage_evidence.system = crm_systems.system

    union all

    select
        handoffs.lead_cycle_id,
        exits.exited_at as occurred_at
    from handoffs
    inner join exits
        on
            handoffs.person_id = exits.person_id
            and handoffs.answers_from <= exits.exited_at
            and handoffs.next_mql_at > exits.exited_at
            and coalesce(handoffs.ended_at, {{ end_of_time() }}) >= exits.exited_at
    inner join crm_systems on exits.system = crm_systems.system

    union all

    -- An opportunity that was accepted is an answer too.
    select
        lead_cycle_id,
        sqo_at as occurred_at
    from handoffs
    where sqo_at is not null

),

first_dispositions as (

    select
        lead_cycle_id,
        min(occurred_at) as disposed_at
    from dispositions
    group by lead_cycle_id

),

final as (

    select
        handoffs.lead_cycle_id,
        touches.activity_id as first_touch_id,
        touches.rep_id as first_touch_rep_id,
        touches.occurred_at as first_touch_at,
        first_dispositions.disposed_at,
        least(
            coalesce(touches.occurred_at, first_dispositions.disposed_at),
            coalesce(first_dispositions.disposed_at, touches.occurred_at)
        ) as first_response_at
    from handoffs
    left join touches
        on
            handoffs.lead_cycle_id = touches.lead_cycle_id
            and touches.place = 1
    left join first_dispositions on handoffs.lead_cycle_id = first_dispositions.lead_cycle_id

)

select * from final
