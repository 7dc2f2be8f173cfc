with handoffs as (

    select * from {{ ref('fct_handoffs') }}

),

promises as (

    select * from {{ ref('dim_promises') }}

),

-- What a promise names of a hand-off: few combinations, each of which is judged once.
kinds as (

    select
        lead_cycle_id,
        grade,
        temperature,
        is_hand_raise,
        coalesce(grade, '') || '|' || coalesce(temperature, '')
        || case when is_hand_raise then '|raised' else '' end as kind
    from handoffs

),

distinct_kinds as (

    select distinct
        kind,
        grade,
        temperature,
        is_hand_raise
    from kinds

),

-- The row of a promise that names the hand-off's temperature, then its grade, most closely.
matching as (

    select
        distinct_kinds.kind,
        promises.promise_id,
        promises.promise,
        promises.team,
        row_number() over (
            partition by distinct_kinds.kind, promises.promise, promises.team
            order by
                case promises.temperature
                    when 'hand_raise' then 0
                    when '*' then 2
                    else 1
                end,
                {{ pattern_rank('promises.grade') }} desc,
                promises.grade
        ) as preference
    from distinct_kinds
    inner join promises
        on
            {{ matches_pattern('distinct_kinds.grade', 'promises.grade') }}
            and (
                promises.temperature = '*'
                or distinct_kinds.temperature = promises.temperature
                or (promises.temperature = 'hand_raise' and distinct_kinds.is_hand_raise)
            )

),

judged as (

    select
        handoffs.lead_cycle_id,
        matching.promise_id,
        matching.promise,
        matching.team,
        handoffs.fate,
        handoffs.mql_date,
        case matching.promise
            when 'volume' then true
            when 'completeness' then handoffs.is_handed_over
            when 'history' then handoffs.is_handed_over
            when 'nurture' then coalesce(handoffs.is_nurture_due, false)
            when 'routing'
                then
                    handoffs.is_handed_over
                    and (handoffs.assigned_at is not null or handoffs.is_due)
            when 'response' then handoffs.is_due
            when 'disposition' then handoffs.is_due
            else false
        end as is_due,
        case matching.promise
            when 'volume' then true
            when 'completeness' then handoffs.is_complete
            when 'history' then handoffs.history_touches > 0
            when 'nurture' then handoffs.is_nurtured
            when 'routing' then handoffs.is_routed_in_time
            when 'response' then handoffs.is_met
            when 'disposition' then handoffs.is_disposed
        end as is_kept
    from matching
    inner join kinds on matching.kind = kinds.kind
    inner join handoffs on kinds.lead_cycle_id = handoffs.lead_cycle_id
    where matching.preference = 1

),

final as (

    select
        lead_cycle_id,
        promise_id,
        promise,
        team,
        is_due,
        case when is_due then coalesce(is_kept, false) end as is_kept,
        mql_date
    from judged

)

select * from final
