{#-
    Who stood in a rep's queue at each choice, without comparing every choice with every lead: the choices of a rep are
    numbered in time; a lead stands in the queue over a run of those numbers; each run is cut into whole blocks of 1, 2, 4,
    8 … numbers, at most two of a size; and a choice lies in exactly one block of each size. So a choice meets the leads that
    waited at it in a few dozen blocks, and in each of them those that stood earlier are counted by one running sum.
-#}
with handoffs as (

    select * from {{ ref('fct_handoffs') }}

),

handoff_owners as (

    select * from {{ ref('fct_handoff_owners') }}

),

lead_cycles as (

    select * from {{ ref('fct_lead_cycles') }}

),

intervals as (

    select * from {{ ref('int_business_intervals') }}

),

-- The work queue of all reps in one order; whoever is due first stands first.
placed as (

    select
        lead_cycle_id,
        grade,
        priority,
        first_touch_at,
        first_touch_id,
        first_touch_rep_id,
        first_response_at,
        ended_at,
        due_at,
        mql_at,
        row_number() over (
            order by
                due_at,
                coalesce(priority, 2147483647),
                mql_at,
                lead_cycle_id
        ) as queue_place
    from handoffs
    where is_handed_over

),

owned as (

    select
        handoff_owners.lead_cycle_id,
        handoff_owners.owner_number,
        handoff_owners.rep_id,
        handoff_owners.calendar,
        handoff_owners.owned_from,
        coalesce(handoff_owners.owned_until, {{ end_of_time() }}) as owned_until,
        placed.queue_place,
        placed.grade,
        placed.first_touch_at,
        placed.first_touch_id,
        placed.first_touch_rep_id,
        least(
            coalesce(handoff_owners.owned_until, {{ end_of_time() }}),
            coalesce(placed.first_response_at, {{ end_of_time() }}),
            coalesce(placed.ended_at, {{ end_of_time() }})
        ) as waits_until
    from handoff_owners
    inner join placed on handoff_owners.lead_cycle_id = placed.lead_cycle_id

),

-- A choice: the first touch of a lead in the toucher's own queue. What a colleague touched, the
-- owner did not choose; who is no user of the CRM is taken to be the owner.
choices as (

    select
        lead_cycle_id,
        rep_id,
        queue_place,
        grade,
        first_touch_id,
        first_touch_at as chosen_at,
        row_number() over (
            partition by rep_id order by first_touch_at, queue_place
        ) - 1 as choice_number,
        count(*) over (partition by rep_id) as choices_of_rep
    from owned
    where
        first_touch_at >= owned_from
        and first_touch_at < owned_until
        and (
            first_touch_rep_id is null
            or first_touch_rep_id = rep_id
            or {{ dbt.split_part('first_touch_rep_id', "':'", 1) }}
            <> {{ dbt.split_part('rep_id', "':'", 1) }}
        )

),

read_at_start as (

    select
        owned.lead_cycle_id,
        owned.rep_id,
        owned.calendar,
        owned.queue_place,
        owned.owned_from,
        owned.waits_until,
        {{ business_clock_reading('intervals', 'owned.owned_from') }}
        + cast({{ var('queue_wait_hours', 1) }} * 3600000000 as {{ dbt.type_bigint() }})
            as reading
    from owned
    {{ asof_join(
        'intervals', 'intervals', 'owned.calendar = intervals.calendar',
        'owned.owned_from', 'starts_at', 'stands_until'
    ) }}
    where owned.waits_until > owned.owned_from

),

-- From when on a lead has waited long enough to count.
waits as (

    select
        read_at_start.lead_cycle_id,
        read_at_start.rep_id,
        read_at_start.queue_place,
        {{ add_microseconds(
            'intervals.starts_at',
            'read_at_start.reading - intervals.business_microseconds_before'
        ) }} as waits_from,
        read_at_start.waits_until
    from read_at_start
    {{ asof_join(
        'intervals', 'intervals', 'read_at_start.calendar = intervals.calendar',
        'read_at_start.reading',
        'business_microseconds_before', 'business_microseconds_after', is_strict=true
    ) }}

),

-- All moments of a rep in one order; at one instant a lead comes and goes before a choice is made.
moments as (

    select
        rep_id,
        queue_place,
        'begin' as kind,
        waits_from as moment_at
    from waits
    where waits_from < waits_until

    union all

    select
        rep_id,
        queue_place,
        'end' as kind,
        waits_until as moment_at
    from waits
    where waits_from < waits_until

    union all

    select
        rep_id,
        queue_place,
        'choice' as kind,
        chosen_at as moment_at
    from choices

),

counted as (

    select
        rep_id,
        queue_place,
        kind,
        sum(case when kind = 'choice' then 1 else 0 end) over (
            partition by rep_id
            order by
                moment_at,
                case when kind = 'choice' then 1 else 0 end,
                queue_place,
                kind
            rows between unbounded preceding and current row
        ) as choices_so_far
    from moments

),

-- The run of a rep's choices at which a lead stood in the queue: from the first, up to but without
-- the second. A lead that came to the same rep twice has two.
numbered as (

    select
        rep_id,
        queue_place,
        kind,
        choices_so_far,
        row_number() over (
            partition by rep_id, queue_place, kind order by choices_so_far
        ) as spell_number
    from counted
    where kind <> 'choice'

),

runs as (

    select
        rep_id,
        queue_place,
        min(case when kind = 'begin' then choices_so_far end) as first_choice,
        min(case when kind = 'end' then choices_so_far end) as end_choice
    from numbered
    group by rep_id, queue_place, spell_number
    having
        min(case when kind = 'begin' then choices_so_far end)
        < min(case when kind = 'end' then choices_so_far end)

),

block_sizes as (

    {% for level in range(24) %}
        select
            {{ level }} as level,
            {{ 2 ** level }} as block_size
        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

bounded_runs as (

    select
        runs.rep_id,
        runs.queue_place,
        block_sizes.level,
        cast(
            ceil(runs.first_choice / cast(block_sizes.block_size as double))
            as {{ dbt.type_bigint() }}
        ) as first_block,
        cast(
            floor(runs.end_choice / cast(block_sizes.block_size as double))
            as {{ dbt.type_bigint() }}
        ) as end_block
    from runs
    inner join block_sizes on runs.end_choice - runs.first_choice >= block_sizes.block_size

),

blocks as (

    select
        rep_id,
        level,
        first_block as block,
        queue_place
    from bounded_runs
    where
        first_block < end_block
        and first_block % 2 = 1

    union all

    select
        rep_id,
        level,
        end_block - 1 as block,
        queue_place
    from bounded_runs
    where
        first_block < end_block
        and end_block % 2 = 1

),

used_blocks as (

    select
        rep_id,
        level,
        block,
        min(queue_place) as best_place
    from blocks
    group by rep_id, level, block

),

-- Only blocks in which somebody stands before the lead that was chosen say anything of a choice.
choices_in_blocks as (

    select
        choices.rep_id,
        choices.lead_cycle_id,
        choices.queue_place,
        used_blocks.level,
        used_blocks.block,
        used_blocks.best_place
    from choices
    inner join block_sizes on choices.choices_of_rep >= block_sizes.block_size
    inner join used_blocks
        on
            choices.rep_id = used_blocks.rep_id
            and block_sizes.level = used_blocks.level
            and cast(
                floor(choices.choice_number / cast(block_sizes.block_size as double))
                as {{ dbt.type_bigint() }}
            ) = used_blocks.block
            and choices.queue_place > used_blocks.best_place

),

in_queue_order as (

    select
        rep_id,
        level,
        block,
        queue_place,
        1 as leads,
        cast(null as {{ dbt.type_string() }}) as lead_cycle_id,
        cast(null as {{ dbt.type_bigint() }}) as best_place
    from blocks

    union all

    select
        rep_id,
        level,
        block,
        queue_place,
        0 as leads,
        lead_cycle_id,
        best_place
    from choices_in_blocks

),

standing_earlier as (

    select
        lead_cycle_id,
        best_place,
        sum(leads) over (
            partition by rep_id, level, block
            order by queue_place, leads
            rows between unbounded preceding and current row
        ) as leads_before
    from in_queue_order

),

found as (

    select
        lead_cycle_id,
        sum(leads_before) as better_waiting,
        min(best_place) as best_place
    from standing_earlier
    where lead_cycle_id is not null
    group by lead_cycle_id

),

final as (

    select
        choices.lead_cycle_id,
        choices.first_touch_id,
        choices.rep_id,
        best_leads.lead_cycle_id as best_waiting_lead_cycle_id,
        choices.grade,
        best_leads.grade as best_waiting_grade,
        cast(coalesce(found.better_waiting, 0) as {{ dbt.type_bigint() }}) as better_waiting,
        coalesce(found.better_waiting, 0) > 0 as skipped_better,
        case when best_leads.lead_cycle_id is not null then coalesce(lead_cycles.is_won, false) end
            as is_best_waiting_won,
        {{ business_date('choices.chosen_at') }} as chosen_date,
        choices.chosen_at
    from choices
    left join found on choices.lead_cycle_id = found.lead_cycle_id
    left join placed as best_leads on found.best_place = best_leads.queue_place
    left join lead_cycles on best_leads.lead_cycle_id = lead_cycles.lead_cycle_id

)

select * from final
