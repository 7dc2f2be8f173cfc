{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ clear_people(ref('int_people_changed')) }}",
) }}

{#- The order in which exits of one instant are looked at; the first is the one that counts. -#}
{%- set exit_order -%}
    case exit_type
        when 'disqualified' then 1
        when 'rejected' then 2
        when 'recycled' then 3
        else 4
    end
{%- endset -%}

with record_states as (

    select *
    from {{ ref('int_person_record_states') }}
    where {{ only_changed_people() }}

),

people as (

    select *
    from {{ ref('int_people') }}
    where {{ only_changed_people() }}

),

opportunity_outcomes as (

    select *
    from {{ ref('int_opportunity_outcomes') }}
    where {{ only_changed_people() }}

),

exit_reasons as (

    select * from {{ ref('exit_reasons') }}

),

matching_exits as (

    select
        record_states.person_id,
        record_states.record_key,
        record_states.system,
        record_states.object,
        record_states.field,
        record_states.state_number,
        record_states.valid_from as exited_at,
        record_states.valid_to as left_at,
        exit_reasons.exit_type,
        exit_reasons.reason,
        exit_reasons.side,
        exit_reasons.cool_down_days,
        exit_reasons.reopened_by,
        row_number() over (
            partition by
                record_states.record_key, record_states.field, record_states.state_number
            order by
                case when exit_reasons.value = '*' then 1 else 0 end,
                case when exit_reasons.object = '*' then 1 else 0 end,
                case when exit_reasons.system = '*' then 1 else 0 end,
                exit_reasons.value,
                exit_reasons.object,
                exit_reasons.system,
                exit_reasons.exit_type
        ) as preference
    from record_states
    inner join people
        on
            record_states.person_id = people.person_id
            and not people.is_excluded
    inner join exit_reasons
        on
            record_states.field = exit_reasons.field
            and exit_reasons.field in ('status', 'lifecycle_stage', 'rating')
    where
        record_states.value is not null
        and {{ rule_covers('exit_reasons.value', 'record_states.value') }}
        and {{ rule_covers('exit_reasons.system', 'record_states.system') }}
        and {{ rule_covers('exit_reasons.object', 'record_states.object') }}

),

record_exits as (

    select * from matching_exits
    where preference = 1

),

-- The reason is the one that stood on the record when it left the status again, or stands there
-- now: it is often written after the status.
given_reasons as (

    select
        record_exits.record_key,
        record_exits.field,
        record_exits.state_number,
        record_exits.system,
        record_exits.object,
        record_exits.exit_type,
        record_states.value as given_reason,
        row_number() over (
            partition by record_exits.record_key, record_exits.field, record_exits.state_number
            order by record_states.state_number desc
        ) as recency
    from record_exits
    inner join record_states
        on
            record_exits.record_key = record_states.record_key
            and record_states.field = 'status_reason'
            and (
                record_exits.exited_at >= record_states.valid_from
                or record_exits.left_at > record_states.valid_from
            )

),

matching_reasons as (

    select
        given_reasons.record_key,
        given_reasons.field,
        given_reasons.state_number,
        given_reasons.given_reason,
        exit_reasons.reason,
        exit_reasons.side,
        exit_reasons.cool_down_days,
        exit_reasons.reopened_by,
        row_number() over (
            partition by given_reasons.record_key, given_reasons.field, given_reasons.state_number
            order by
                case when exit_reasons.value = '*' then 1 else 0 end,
                case when exit_reasons.object = '*' then 1 else 0 end,
                case when exit_reasons.system = '*' then 1 else 0 end,
                case when exit_reasons.exit_type = '*' then 1 else 0 end,
                exit_reasons.value,
                exit_reasons.object,
                exit_reasons.system
        ) as preference
    from given_reasons
    inner join exit_reasons on exit_reasons.field = 'status_reason'
    where
        given_reasons.recency = 1
        and given_reasons.given_reason is not null
        and {{ rule_covers('exit_reasons.value', 'given_reasons.given_reason') }}
        and {{ rule_covers('exit_reasons.system', 'given_reasons.system') }}
        and {{ rule_covers('exit_reasons.object', 'given_reasons.object') }}
        and {{ rule_covers('exit_reasons.exit_type', 'given_reasons.exit_type') }}

),

explained_exits as (

    select
        record_exits.record_key || ':' || record_exits.field
        || ':' || cast(record_exits.state_number as {{ dbt.type_string() }}) as exit_id,
        record_exits.person_id,
        cast(null as {{ dbt.type_string() }}) as opportunity_id,
        record_exits.system,
        record_exits.exit_type,
        case
            when coalesce(matching_reasons.reason, record_exits.reason, '*') = '*'
                then matching_reasons.given_reason
            else coalesce(matching_reasons.reason, record_exits.reason)
        end as exit_reason,
        coalesce(matching_reasons.side, record_exits.side) as exit_side,
        coalesce(matching_reasons.reopened_by, record_exits.reopened_by, 'none') as reopened_by,
        coalesce(matching_reasons.cool_down_days, record_exits.cool_down_days, 0)
            as cool_down_days,
        record_exits.exited_at
    from record_exits
    left join matching_reasons
        on
            record_exits.record_key = matching_reasons.record_key
            and record_exits.field = matching_reasons.field
            and record_exits.state_number = matching_reasons.state_number
            and matching_reasons.preference = 1

),

unioned as (

    select * from explained_exits

    union all

    select
        opportunity_id as exit_id,
        person_id,
        opportunity_id,
        system,
        exit_type,
        exit_reason,
        exit_side,
        reopened_by,
        cool_down_days,
        exited_at
    from opportunity_outcomes
    where exited_at is not null

),

final as (

    select
        exit_id,
        person_id,
        opportunity_id,
        system,
        exit_type,
        exit_reason,
        exit_side,
        reopened_by,
        cool_down_days,
        {{ exit_order }} as exit_order,
        exited_at
    from unioned

)

select * from final
