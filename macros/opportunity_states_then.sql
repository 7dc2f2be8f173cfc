{#-
    The last state of an opportunity at as_of, closed or won where the stage that it stood in is; which
    stages these are, the opportunities themselves say.
-#}
{% macro opportunity_states_then(opportunities, histories, stage_column) -%}
ranked_states as (

    select
        {{ histories }}.record_id,
        {{ histories }}.stage,
        {{ histories }}.amount,
        {{ histories }}.currency,
        {{ histories }}.close_date,
        {{ histories }}.owner_record_id,
        row_number() over (
            partition by {{ histories }}.record_id
            order by
                {{ histories }}.changed_at desc,
                {{ histories }}.amount desc nulls last,
                {{ histories }}.change_id desc
        ) as states_back
    from {{ histories }}
    where {{ histories }}.changed_at <= {{ as_of() }}

),

stage_kinds as (

    select
        {{ opportunities }}.{{ stage_column }} as stage,
        max(case when {{ opportunities }}.is_closed then 1 else 0 end) = 1 as is_closed,
        max(case when {{ opportunities }}.is_won then 1 else 0 end) = 1 as is_won
    from {{ opportunities }}
    group by {{ opportunities }}.{{ stage_column }}

),

states_then as (

    select
        ranked_states.record_id,
        ranked_states.stage,
        ranked_states.amount,
        ranked_states.currency,
        ranked_states.close_date,
        ranked_states.owner_record_id,
        coalesce(stage_kinds.is_closed, false) as is_closed,
        coalesce(stage_kinds.is_won, false) as is_won
    from ranked_states
    left join stage_kinds
        on ranked_states.stage = stage_kinds.stage
    where ranked_states.states_back = 1

)
{%- endmacro %}
