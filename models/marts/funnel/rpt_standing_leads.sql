with stage_entries as (

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
        entry_id,
        lead_cycle_id,
        stage,
        stage_order,
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

final as (

    select
        stays.entry_id,
        stays.lead_cycle_id,
        stage_entries.person_id,
        stage_entries.account_id,
        stage_entries.opportunity_id,
        lead_cycles.rep_id,
        reps.rep_group,
        records.system,
        records.object,
        records.record_id,
        stays.stage,
        case when stays.stage_order <= 2 then 'marketing' else 'sales' end as owner_team,
        stage_entries.motion,
        stage_entries.channel,
        stage_entries.persona,
        stage_entries.segment,
        stage_entries.region,
        stage_entries.grade,
        limits.p90_of,
        stays.days as days_in_stage,
        limits.p90_days,
        stays.days - limits.p90_days as days_over,
        stage_entries.entered_date,
        stage_entries.entered_at
    from stays
    inner join limits on stays.stage = limits.stage
    inner join stage_entries on stays.entry_id = stage_entries.entry_id
    inner join lead_cycles on stays.lead_cycle_id = lead_cycles.lead_cycle_id
    left join handoffs on stays.lead_cycle_id = handoffs.lead_cycle_id
    left join records on handoffs.crm_record_key = records.record_key
    left join reps on lead_cycles.rep_id = reps.rep_id
    where
        not stays.has_left
        and lead_cycles.ended_at is null
        and stays.days > limits.p90_days

)

select * from final
