with opportunities as (

    select * from {{ ref('int_opportunities') }}

),

opportunity_states as (

    select * from {{ ref('int_opportunity_states') }}

),

people as (

    select * from {{ ref('int_people') }}

),

versions as (

    select * from {{ ref('int_definition_versions') }}

),

stage_rules as (

    select * from {{ ref('stage_rules') }}

),

exit_reasons as (

    select * from {{ ref('exit_reasons') }}

),

-- A renewal is no new decision for the funnel; a deal of someone excluded is excluded with them.
in_funnel as (

    select
        opportunities.opportunity_id,
        opportunities.person_id,
        opportunities.account_id,
        opportunities.system,
        opportunities.object,
        opportunities.stage,
        opportunities.loss_reason,
        opportunities.is_closed,
        opportunities.is_won,
        opportunities.won_at,
        opportunities.lost_at
    from opportunities
    left join people on opportunities.person_id = people.person_id
    where
        opportunities.opportunity_type in ('new', 'expansion')
        and not opportunities.is_deleted
        and not coalesce(people.is_excluded, false)

),

states as (

    select
        in_funnel.opportunity_id,
        in_funnel.system,
        in_funnel.object,
        opportunity_states.state_number,
        opportunity_states.stage,
        opportunity_states.amount,
        opportunity_states.close_date,
        opportunity_states.is_lost,
        opportunity_states.valid_from
    from opportunity_states
    inner join in_funnel on opportunity_states.opportunity_id = in_funnel.opportunity_id

),

-- Accepted: amount, close date and a stage at or past the accepted one, by the rules of that time.
acceptances as (

    select
        states.opportunity_id,
        min(states.valid_from) as sqo_at
    from states
    inner join versions
        on
            states.valid_from >= versions.valid_from
            and states.valid_from < versions.valid_to
    inner join stage_rules
        on
            versions.stage_rules_version = stage_rules.version
            and stage_rules.field = 'stage'
            and stage_rules.stage in ('sqo', 'won')
    where
        states.amount is not null
        and states.close_date is not null
        and {{ rule_covers('stage_rules.value', 'states.stage') }}
        and {{ rule_covers('stage_rules.system', 'states.system') }}
        and {{ rule_covers('stage_rules.object', 'states.object') }}
    group by states.opportunity_id

),

-- Reopened and lost again, a deal left once: with its last loss. Reopened, it has not left.
last_living_states as (

    select
        opportunity_id,
        max(case when is_lost then 0 else state_number end) as state_number
    from states
    group by opportunity_id

),

last_losses as (

    select
        states.opportunity_id,
        min(states.valid_from) as lost_at
    from states
    inner join last_living_states on states.opportunity_id = last_living_states.opportunity_id
    where states.is_lost and states.state_number > last_living_states.state_number
    group by states.opportunity_id

),

losses as (

    select
        in_funnel.opportunity_id,
        in_funnel.system,
        in_funnel.object,
        in_funnel.stage,
        in_funnel.loss_reason,
        -- A closing day that lies before the acceptance would turn the cycle round.
        greatest(
            coalesce(in_funnel.lost_at, last_losses.lost_at),
            coalesce(acceptances.sqo_at, in_funnel.lost_at, last_losses.lost_at)
        ) as exited_at
    from in_funnel
    left join acceptances on in_funnel.opportunity_id = acceptances.opportunity_id
    left join last_losses on in_funnel.opportunity_id = last_losses.opportunity_id
    where
        not in_funnel.is_won
        and coalesce(in_funnel.lost_at, last_losses.lost_at) is not null

),

matching_exits as (

    select
        losses.opportunity_id,
        exit_reasons.exit_type,
        exit_reasons.reason,
        exit_reasons.side,
        exit_reasons.cool_down_days,
        exit_reasons.reopened_by,
        row_number() over (
            partition by losses.opportunity_id
            order by
                case when exit_reasons.value = '*' then 1 else 0 end,
                case when exit_reasons.object = '*' then 1 else 0 end,
                case when exit_reasons.system = '*' then 1 else 0 end,
                exit_reasons.value,
                exit_reasons.object,
                exit_reasons.system,
                exit_reasons.exit_type
        ) as preference
    from losses
    inner join exit_reasons on exit_reasons.field = 'stage'
    where
        {{ rule_covers('exit_reasons.value', 'losses.stage') }}
        and {{ rule_covers('exit_reasons.system', 'losses.system') }}
        and {{ rule_covers('exit_reasons.object', 'losses.object') }}

),

-- A deal that its own record calls lost has left, whether or not a reason was agreed for it.
typed_losses as (

    select
        losses.opportunity_id,
        losses.system,
        losses.object,
        losses.loss_reason,
        coalesce(matching_exits.exit_type, 'lost') as exit_type,
        matching_exits.reason,
        matching_exits.side,
        matching_exits.cool_down_days,
        matching_exits.reopened_by,
        losses.exited_at
    from losses
    left join matching_exits
        on
            losses.opportunity_id = matching_exits.opportunity_id
            and matching_exits.preference = 1

),

matching_reasons as (

    select
        typed_losses.opportunity_id,
        exit_reasons.reason,
        exit_reasons.side,
        exit_reasons.cool_down_days,
        exit_reasons.reopened_by,
        row_number() over (
            partition by typed_losses.opportunity_id
            order by
                case when exit_reasons.value = '*' then 1 else 0 end,
                case when exit_reasons.object = '*' then 1 else 0 end,
                case when exit_reasons.system = '*' then 1 else 0 end,
                case when exit_reasons.exit_type = '*' then 1 else 0 end,
                exit_reasons.value,
                exit_reasons.object,
                exit_reasons.system
        ) as preference
    from typed_losses
    inner join exit_reasons on exit_reasons.field = 'loss_reason'
    where
        typed_losses.loss_reason is not null
        and {{ rule_covers('exit_reasons.value', 'typed_losses.loss_reason') }}
        and {{ rule_covers('exit_reasons.system', 'typed_losses.system') }}
        and {{ rule_covers('exit_reasons.object', 'typed_losses.object') }}
        and {{ rule_covers('exit_reasons.exit_type', 'typed_losses.exit_type') }}

),

explained_losses as (

    select
        typed_losses.opportunity_id,
        typed_losses.exit_type,
        nullif(
            case
                when coalesce(matching_reasons.reason, typed_losses.reason, '*') = '*'
                    then typed_losses.loss_reason
                else coalesce(matching_reasons.reason, typed_losses.reason)
            end,
            ''
        ) as exit_reason,
        coalesce(matching_reasons.side, typed_losses.side) as exit_side,
        coalesce(matching_reasons.cool_down_days, typed_losses.cool_down_days, 0) as cool_down_days,
        coalesce(matching_reasons.reopened_by, typed_losses.reopened_by, 'none') as reopened_by,
        typed_losses.exited_at
    from typed_losses
    left join matching_reasons
        on
            typed_losses.opportunity_id = matching_reasons.opportunity_id
            and matching_reasons.preference = 1

),

final as (

    select
        in_funnel.opportunity_id,
        in_funnel.person_id,
        in_funnel.account_id,
        in_funnel.system,
        explained_losses.exit_type,
        explained_losses.exit_reason,
        explained_losses.exit_side,
        explained_losses.reopened_by,
        explained_losses.cool_down_days,
        coalesce(acceptances.sqo_at is not null or in_funnel.is_won, false) as is_in_funnel,
        acceptances.sqo_at,
        case when in_funnel.is_won then in_funnel.won_at end as won_at,
        explained_losses.exited_at,
        case
            when not in_funnel.is_won then acceptances.sqo_at
            else least(coalesce(acceptances.sqo_at, in_funnel.won_at), in_funnel.won_at)
        end as opened_at,
        case
            when in_funnel.is_won then in_funnel.won_at
            else coalesce(explained_losses.exited_at, {{ end_of_time() }})
        end as ended_at
    from in_funnel
    left join acceptances on in_funnel.opportunity_id = acceptances.opportunity_id
    left join explained_losses on in_funnel.opportunity_id = explained_losses.opportunity_id

)

select * from final
