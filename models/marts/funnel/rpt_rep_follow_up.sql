with handoffs as (

    select * from {{ ref('fct_handoffs') }}

),

handoff_owners as (

    select * from {{ ref('fct_handoff_owners') }}

),

queue_choices as (

    select * from {{ ref('fct_queue_choices') }}

),

of_first_owners as (

    select
        rep_id,
        count(*) as handoffs,
        sum(case when is_due then 1 else 0 end) as due,
        sum(case when is_met then 1 else 0 end) as met,
        sum(case when fate = 'untouched_overdue' then 1 else 0 end) as untouched_overdue,
        sum(case when is_disposed then 1 else 0 end) as disposed,
        sum(case when is_accepted then 1 else 0 end) as accepted,
        sum(case when is_accepted and first_touch_at is not null then 1 else 0 end)
            as accepted_with_touch,
        {{ percentile('rep_hours', 0.5) }} as median_rep_hours
    from handoffs
    where rep_id is not null
    group by rep_id

),

of_owners as (

    select
        rep_id,
        count(*) as owned,
        {{ exact_sum('held_hours') }} as held_hours,
        sum(case when is_over_target then 1 else 0 end) as held_over_target
    from handoff_owners
    group by rep_id

),

of_choices as (

    select
        rep_id,
        count(*) as choices,
        sum(case when skipped_better then 1 else 0 end) as skips,
        count(distinct case when is_best_waiting_won then best_waiting_lead_cycle_id end)
            as skipped_leads_won
    from queue_choices
    group by rep_id

),

all_choices as (

    select
        sum(choices) as choices,
        sum(skips) as skips,
        sum(case when choices >= {{ var('queue_choices_minimum', 20) }} then 1 else 0 end)
            as judged_reps
    from of_choices

),

compared as (

    select
        of_choices.rep_id,
        of_choices.choices,
        of_choices.skips,
        of_choices.skipped_leads_won,
        all_choices.judged_reps,
        all_choices.choices - of_choices.choices as others_choices,
        all_choices.skips - of_choices.skips as others_skips,
        case
            when all_choices.choices > of_choices.choices
                then
                    (all_choices.skips - of_choices.skips)
                    / cast(all_choices.choices - of_choices.choices as double)
        end as others_rate,
        -- Both sides of the interval share the error, as is usual.
        1 - {{ var('queue_choices_error', 0.05) }} / (
            2.0 * greatest(all_choices.judged_reps, 1)
        ) as probability
    from of_choices
    inner join all_choices on of_choices.choices <= all_choices.choices

),

quantiles as (

    select
        rep_id,
        choices,
        skips,
        skipped_leads_won,
        others_choices,
        others_skips,
        others_rate,
        {{ normal_quantile('probability') }} as quantile
    from compared

),

bounded as (

    select
        rep_id,
        choices,
        skips,
        skipped_leads_won,
        others_rate,
        -- The others' rate is an estimate too: taken as known, it would flag by chance.
        {{ wilson_bound('others_skips', 'others_choices', 'quantile', 'upper') }}
            as others_rate_high,
        {{ wilson_bound('skips', 'choices', 'quantile', 'lower') }} as skip_rate_low,
        {{ wilson_bound('skips', 'choices', 'quantile', 'upper') }} as skip_rate_high
    from quantiles

),

reps as (

    select rep_id from of_owners

    union

    select rep_id from of_first_owners

),

gathered as (

    select
        reps.rep_id,
        coalesce(of_first_owners.handoffs, 0) as handoffs,
        coalesce(of_first_owners.due, 0) as due,
        of_first_owners.met,
        of_first_owners.untouched_overdue,
        of_first_owners.disposed,
        coalesce(of_first_owners.accepted, 0) as accepted,
        case
            when of_first_owners.accepted > 0
                then of_first_owners.accepted_with_touch / cast(of_first_owners.accepted as double)
        end as logging_coverage,
        of_first_owners.median_rep_hours,
        of_owners.held_hours,
        of_owners.held_over_target,
        bounded.choices,
        bounded.skips,
        bounded.others_rate,
        bounded.others_rate_high,
        bounded.skip_rate_low,
        bounded.skip_rate_high,
        bounded.skipped_leads_won
    from reps
    left join of_first_owners on reps.rep_id = of_first_owners.rep_id
    left join of_owners on reps.rep_id = of_owners.rep_id
    left join bounded on reps.rep_id = bounded.rep_id

),

-- What is hardly logged cannot be held against anybody.
shown as (

    select
        gathered.*,
        coalesce(gathered.logging_coverage >= {{ var('logging_coverage_minimum', 0.6) }}, true)
            as is_shown
    from gathered

),

final as (

    select
        rep_id,
        handoffs,
        cast(due as {{ dbt.type_bigint() }}) as due,
        cast(case when is_shown then met end as {{ dbt.type_bigint() }}) as met,
        case when is_shown and due > 0 then met / cast(due as double) end as compliance_rate,
        cast(case when is_shown then untouched_overdue end as {{ dbt.type_bigint() }})
            as untouched_overdue,
        cast(case when is_shown then disposed end as {{ dbt.type_bigint() }}) as disposed,
        cast(accepted as {{ dbt.type_bigint() }}) as accepted,
        logging_coverage,
        case when is_shown then median_rep_hours end as median_rep_hours,
        case when is_shown then held_hours end as held_hours,
        cast(case when is_shown then held_over_target end as {{ dbt.type_bigint() }})
            as held_over_target,
        case when is_shown then choices end as choices,
        cast(case when is_shown then skips end as {{ dbt.type_bigint() }}) as skips,
        case when is_shown and choices > 0 then skips / cast(choices as double) end as skip_rate,
        case when is_shown then skip_rate_low end as skip_rate_low,
        case when is_shown then skip_rate_high end as skip_rate_high,
        case when is_shown then others_rate end as others_skip_rate,
        case when is_shown then others_rate_high end as others_skip_rate_high,
        case when is_shown then skipped_leads_won end as skipped_leads_won,
        is_shown,
        coalesce(
            is_shown
            and choices >= {{ var('queue_choices_minimum', 20) }}
            and skip_rate_low > others_rate_high,
            false
        ) as is_flagged
    from shown

)

select * from final
