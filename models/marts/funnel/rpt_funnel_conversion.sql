with stage_entries as (

    select * from {{ ref('fct_stage_entries') }}

),

-- Inferred entries are conversions of those before them, and entrants of nothing.
entrants as (

    select
        entry_id,
        person_id,
        motion,
        stage,
        stage_order,
        window_days,
        is_converted_in_window,
        cast({{ dbt.date_trunc('month', 'entered_date') }} as date) as period_month,
        left_at is not null as has_left,
        {{ seconds_between('entered_at', 'coalesce(left_at, ' ~ as_of() ~ ')') }} / 86400 as days
    from stage_entries
    where not is_inferred

),

entrant_counts as (

    select
        period_month,
        motion,
        stage,
        stage_order,
        count(*) as entrants,
        count(distinct person_id) as people,
        sum(case when is_converted_in_window then 1 else 0 end) as converted_in_window,
        max(window_days) as window_days
    from entrants
    group by period_month, motion, stage, stage_order

),

next_entries as (

    select
        entrants.period_month,
        entrants.motion,
        entrants.stage_order - 1 as stage_order,
        count(*) as period_entries
    from entrants
    where entrants.stage_order > 1
    group by entrants.period_month, entrants.motion, entrants.stage_order - 1

),

stages as (

    select
        stage,
        stage_order,
        max(window_days) as window_days
    from stage_entries
    group by stage, stage_order

),

-- Kaplan and Meier: who is still in the stage counts for as long as they have been seen there.
durations as (

    select
        period_month,
        motion,
        stage,
        days,
        count(*) as stays,
        sum(case when has_left then 1 else 0 end) as departures
    from entrants
    where stage <> 'won' and days >= 0
    group by period_month, motion, stage, days

),

at_risk as (

    select
        period_month,
        motion,
        stage,
        days,
        departures,
        sum(stays) over (
            partition by period_month, motion, stage
            order by days desc
            rows between unbounded preceding and current row
        ) as still_there
    from durations

),

survival as (

    select
        period_month,
        motion,
        stage,
        days,
        -- Where everybody leaves nobody remains, and the logarithm of nothing is not asked for.
        min(case when departures = still_there then 0 else 1 end)
            over (
                partition by period_month, motion, stage
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
                partition by period_month, motion, stage
                order by days
                rows between unbounded preceding and current row
            )
        ) as share_still_there
    from at_risk

),

-- A product of shares may be wrong in its last digits; half is half all the same.
stay_lengths as (

    select
        period_month,
        motion,
        stage,
        min(case when round(share_still_there, 9) <= 0.5 then days end) as median_days,
        min(case when round(share_still_there, 9) <= 0.1 then days end) as p90_days
    from survival
    group by period_month, motion, stage

),

periods as (

    select
        period_month,
        motion,
        stage_order
    from entrant_counts

    union

    select
        period_month,
        motion,
        stage_order
    from next_entries

),

counted as (

    select
        periods.period_month,
        periods.motion,
        stages.stage,
        stages.stage_order,
        coalesce(entrant_counts.entrants, 0) as entrants,
        coalesce(entrant_counts.people, 0) as people,
        coalesce(entrant_counts.window_days, stages.window_days) as window_days,
        case
            when stages.stage <> 'won' then coalesce(entrant_counts.converted_in_window, 0)
        end as converted_in_window,
        case
            when stages.stage <> 'won' then coalesce(next_entries.period_entries, 0)
        end as period_entries
    from periods
    inner join stages on periods.stage_order = stages.stage_order
    left join entrant_counts
        on
            periods.period_month = entrant_counts.period_month
            and periods.motion = entrant_counts.motion
            and periods.stage_order = entrant_counts.stage_order
    left join next_entries
        on
            periods.period_month = next_entries.period_month
            and periods.motion = next_entries.motion
            and periods.stage_order = next_entries.stage_order

),

final as (

    select
        md5(
            cast(counted.period_month as {{ dbt.type_string() }})
            || '|' || counted.motion || '|' || counted.stage
        ) as funnel_conversion_id,
        counted.motion,
        counted.stage,
        cast(counted.stage_order as integer) as stage_order,
        cast(counted.entrants as {{ dbt.type_bigint() }}) as entrants,
        cast(counted.people as {{ dbt.type_bigint() }}) as people,
        cast(counted.converted_in_window as {{ dbt.type_bigint() }}) as converted_in_window,
        counted.window_days,
        counted.converted_in_window / nullif(cast(counted.entrants as double), 0) as cohort_rate,
        cast(counted.period_entries as {{ dbt.type_bigint() }}) as period_entries,
        counted.period_entries / nullif(cast(counted.entrants as double), 0) as period_rate,
        stay_lengths.median_days,
        stay_lengths.p90_days,
        {{ dbt.dateadd(
            'day', 'counted.window_days', business_day_end(
                dbt.last_day('counted.period_month', 'month')
            )
        ) }} <= {{ as_of() }} as is_mature,
        counted.period_month
    from counted
    left join stay_lengths
        on
            counted.period_month = stay_lengths.period_month
            and counted.motion = stay_lengths.motion
            and counted.stage = stay_lengths.stage

)

select * from final
