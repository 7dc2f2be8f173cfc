{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ clear_people(ref('int_people_changed')) }}",
) }}

{#-
    The sum over all earlier activity is a running one: each activity weighs 2^(its age in half-lives),
    seen from the start of a block of 512 half-lives, and the sum is scaled back to the moment. Blocks
    keep the powers inside a double however long the history is; of what came before, the block
    before is all that is left in the first six decimals.
-#}
{%- set block = 512 -%}

with weighed as (

    select *
    from {{ ref('int_activities_weighed') }}
    where {{ only_changed_people() }}

),

resets as (

    select *
    from {{ ref('int_person_resets') }}
    where {{ only_changed_people() }}

),

versions as (

    select * from {{ ref('int_definition_versions') }}

),

fit_scores as (

    select *
    from {{ ref('int_person_fit_scores') }}
    where {{ only_changed_people() }}

),

-- After an exit only newer activity scores: one series for each moment from which it may start.
series as (

    select
        weighed.person_id,
        resets.reset_number,
        weighed.version,
        weighed.activity_id,
        weighed.occurred_at,
        weighed.is_hand_raise,
        weighed.is_judged,
        cast(weighed.weight as double) as weight,
        {{ seconds_between(start_of_time(), 'weighed.occurred_at') }}
        / (86400 * versions.half_life_days) as half_lives
    from weighed
    inner join versions on weighed.version = versions.version
    inner join resets
        on
            weighed.person_id = resets.person_id
            and weighed.occurred_at > resets.reset_at

),

in_blocks as (

    select
        person_id,
        reset_number,
        version,
        activity_id,
        occurred_at,
        is_hand_raise,
        is_judged,
        floor(half_lives / {{ block }}) as block_number,
        half_lives - {{ block }} * floor(half_lives / {{ block }}) as place,
        weight * power(2, half_lives - {{ block }} * floor(half_lives / {{ block }})) as term
    from series

),

summed as (

    select
        person_id,
        reset_number,
        version,
        activity_id,
        occurred_at,
        is_hand_raise,
        is_judged,
        place,
        -- All of one instant count together, so their order has no say.
        sum(term) over (
            partition by person_id, reset_number, version, block_number
            order by occurred_at
            range between unbounded preceding and current row
        ) as block_sum,
        sum(term) over (
            partition by person_id, reset_number, version
            order by block_number
            range between 1 preceding and 1 preceding
        ) as sum_before
    from in_blocks

),

engaged as (

    select
        person_id,
        reset_number,
        version,
        activity_id,
        occurred_at,
        is_hand_raise,
        -- Rounded, so that the order in which threads add up cannot matter.
        round(
            block_sum * power(2, -place)
            + coalesce(sum_before, 0) * power(2, -place - {{ block }}),
            6
        ) as engagement_score
    from summed
    where is_judged

),

judged as (

    select
        engaged.person_id,
        engaged.reset_number,
        engaged.version,
        engaged.activity_id,
        engaged.occurred_at,
        engaged.is_hand_raise,
        engaged.engagement_score,
        coalesce(fit_scores.fit_score, 0) as fit_score,
        coalesce(fit_scores.fit_grade, 'D') as fit_grade,
        coalesce(fit_scores.admits_hand_raise, false) as admits_hand_raise,
        case
            when engaged.engagement_score >= versions.engagement_1_min then '1'
            when engaged.engagement_score >= versions.engagement_2_min then '2'
            when engaged.engagement_score >= versions.engagement_3_min then '3'
            else '4'
        end as engagement_grade,
        versions.lead_min_fit,
        versions.lead_min_engagement,
        versions.hot_min_engagement
    from engaged
    inner join versions on engaged.version = versions.version
    left join fit_scores
        on
            engaged.person_id = fit_scores.person_id
            and engaged.version = fit_scores.version
            and engaged.occurred_at >= fit_scores.valid_from
            and engaged.occurred_at < fit_scores.valid_to

),

final as (

    select
        person_id,
        reset_number,
        activity_id,
        version as definition_version,
        fit_grade,
        engagement_grade,
        fit_grade || engagement_grade as grade,
        fit_score,
        engagement_score,
        is_hand_raise,
        is_hand_raise and admits_hand_raise as is_lead_by_hand_raise,
        fit_score >= lead_min_fit and engagement_score >= lead_min_engagement
            as is_lead_by_engagement,
        engagement_score >= hot_min_engagement as is_hot_by_engagement,
        occurred_at,
        coalesce(
            lead(occurred_at) over (
                partition by person_id, reset_number order by occurred_at, activity_id
            ),
            {{ end_of_time() }}
        ) as stands_until
    from judged

)

select * from final
