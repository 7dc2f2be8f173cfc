with stage_entries as {{ read_in_place() }} (

    select * from {{ ref('fct_stage_entries') }}

),

lead_cycles as (

    select * from {{ ref('fct_lead_cycles') }}

),

handoffs as (

    select * from {{ ref('fct_handoffs') }}

),

records as (

    select * from {{ ref('bridge_person_records') }}

),

reps as (

    select * from {{ ref('dim_reps') }}

),

stays as (

    select
        stage,
        left_at is not null as has_left,
        {{ seconds_between('entered_at', 'coalesce(left_at, ' ~ as_of() ~ ')') }} / 86400 as days
    from stage_entries
    where
        not is_inferred
        and stage <> 'won'

),

-- Kaplan and Meier over all entrants of a stage: who is still in it counts while they are seen.
durations as (

    select
        stage,
        days,
        count(*) as stays,
        sum(case when has_left then 1 else 0 end) as departures
    from stays
    where days >= 0
    group by stage, days

),

at_risk as (

    select
        stage,
        days,
        departures,
        sum(stays) over (
            partition by stage
            order by days desc
            rows between unbounded preceding and current row
        ) as still_there
    from durations

),

survival as (

    select
        stage,
        days,
        min(case when departures = still_there then 0 else 1 end)
            over (
                partition by stage
                order by days
                rows between unbounded preceding and current row
            )
        * exp(
            sum(
                case
                    when departures = still_there then 0
                    else ln(1 - departures / cast(still_there as double))
                end
            ) over (
                partition by stage
                order by days
                rows between unbounded preceding and current row
            )
        ) as share_still_there
    from at_risk

),

reached as (

    select
        stage,
        min(days) as p90_days
    from survival
    where round(share_still_there, 9) <= 0.1
    group by stage

),

of_departed as (

    select
        stage,
        {{ percentile('days', 0.9) }} as p90_days
    from stays
    where has_left
    group by stage

),

-- Where more than a tenth never leave, the curve does not reach its P90: then nine tenths of those
-- who did leave were quicker.
limits as (

    select
        of_departed.stage,
        coalesce(reached.p90_days, of_departed.p90_days) as p90_days,
        case when reached.p90_days is not null then 'all entrants' else 'those who left' end
            as p90_of
    from of_departed
    left join reached on of_departed.stage = reached.stage

),

standing as (

    select
        *,
        {{ seconds_between('entered_at', as_of()) }} / 86400 as days
    from stage_entries
    where
        not is_inferred
        and stage <> 'won'
        and left_at is null

),

final as (

    select
        standing.entry_id,
        standing.lead_cycle_id,
        standing.person_id,
        standing.account_id,
        standing.opportunity_id,
        lead_cycles.rep_id,
        reps.rep_group,
        records.system,
        records.object,
        records.record_id,
        standing.stage,
        case when standing.stage_order <= 2 then 'marketing' else 'sales' end as owner_team,
        standing.motion,
        standing.channel,
        standing.persona,
        standing.segment,
        standing.region,
        standing.grade,
        limits.p90_of,
        standing.days as days_in_stage,
        limits.p90_days,
        standing.days - limits.p90_days as days_over,
        standing.entered_date,
        standing.entered_at
    from standing
    inner join limits on standing.stage = limits.stage
    inner join lead_cycles on standing.lead_cycle_id = lead_cycles.lead_cycle_id
    left join handoffs on standing.lead_cycle_id = handoffs.lead_cycle_id
    left join records on handoffs.crm_record_key = records.record_key
    left join reps on lead_cycles.rep_id = reps.rep_id
    where
        lead_cycles.ended_at is null
        and standing.days > limits.p90_days

)

select * from final
