with opportunity_records as (

    select * from {{ ref('int_opportunity_records_unioned') }}

),

opportunity_changes as (

    select * from {{ ref('int_opportunity_changes_unioned') }}

),

opportunity_stages as (

    select * from {{ ref('int_opportunity_stages') }}

),

opportunities as (

    select
        system,
        record_id,
        system || ':' || record_id as opportunity_id,
        stage,
        {{ counted_amount(
            'amount', 'contract_months', 'recurring_amount', 'recurring_period'
        ) }} as amount,
        contract_months,
        recurring_amount,
        recurring_period,
        upper(coalesce(currency, '{{ var("default_currency", var("reporting_currency")) }}'))
            as currency,
        cast(close_date as date) as close_date,
        owner_record_id,
        coalesce(is_won, false) as is_won,
        coalesce(is_closed, false) or coalesce(is_won, false) as is_closed,
        created_at,
        modified_at
    from opportunity_records
    where coalesce(created_at <= {{ as_of() }}, true)

),

history as (

    select
        opportunities.opportunity_id,
        opportunities.system,
        opportunity_changes.change_id,
        opportunity_changes.stage,
        {{ counted_amount(
            'opportunity_changes.amount',
            'opportunities.contract_months',
            'opportunities.recurring_amount',
            'opportunities.recurring_period'
        ) }} as amount,
        upper(coalesce(opportunity_changes.currency, opportunities.currency)) as currency,
        cast(opportunity_changes.close_date as date) as close_date,
        coalesce(
            opportunity_changes.owner_record_id, opportunities.owner_record_id
        ) as owner_record_id,
        opportunity_changes.changed_at,
        coalesce(opportunity_stages.is_won, false) as is_won,
        coalesce(opportunity_stages.is_lost, false) as is_lost,
        row_number() over (
            partition by opportunities.opportunity_id
            order by
                opportunity_changes.changed_at asc,
                case
                    when opportunity_stages.is_lost then 1
                    else 0
                end asc,
                coalesce(opportunity_stages.stage_order, 0) asc,
                opportunity_changes.amount asc nulls first,
                opportunity_changes.change_id asc
        ) as history_number
    from opportunity_changes
    inner join opportunities
        on
            opportunity_changes.system = opportunities.system
            and opportunity_changes.record_id = opportunities.record_id
    left join opportunity_stages
        on
            opportunity_changes.system = opportunity_stages.system
            and lower(trim(opportunity_changes.stage)) = opportunity_stages.stage_key
    where
        not opportunity_changes.is_deleted
        and opportunity_changes.changed_at <= {{ as_of() }}

),

history_lengths as (

    select
        opportunity_id,
        max(history_number) as history_length
    from history
    group by opportunity_id

),

-- The record as it is now beside the first and the last row of its history, where it has one.
compared as (

    select
        opportunities.opportunity_id,
        opportunities.system,
        opportunities.stage,
        opportunities.amount,
        opportunities.currency,
        opportunities.close_date,
        opportunities.owner_record_id,
        opportunities.is_won,
        opportunities.is_closed,
        first_rows.opportunity_id is not null as has_history,
        first_rows.stage as first_stage,
        first_rows.amount as first_amount,
        first_rows.currency as first_currency,
        first_rows.close_date as first_close_date,
        first_rows.owner_record_id as first_owner_record_id,
        coalesce(first_rows.is_won or first_rows.is_lost, false) as is_first_closed,
        first_rows.changed_at as first_changed_at,
        last_rows.changed_at as last_changed_at,
        coalesce(
            opportunities.created_at,
            first_rows.changed_at,
            opportunities.modified_at,
            {{ as_of() }}
        ) as created_at,
        opportunities.modified_at,
        (
            opportunities.stage is distinct from last_rows.stage
            or opportunities.amount is distinct from last_rows.amount
            or opportunities.currency is distinct from last_rows.currency
            or opportunities.close_date is distinct from last_rows.close_date
            or opportunities.owner_record_id is distinct from last_rows.owner_record_id
        ) as is_ahead_of_history,
        coalesce(
            {{ business_day_end('opportunities.close_date') }}, opportunities.modified_at
        ) as closed_at
    from opportunities
    left join history_lengths
        on opportunities.opportunity_id = history_lengths.opportunity_id
    left join history as first_rows
        on
            opportunities.opportunity_id = first_rows.opportunity_id
            and first_rows.history_number = 1
    left join history as last_rows
        on
            opportunities.opportunity_id = last_rows.opportunity_id
            and history_lengths.history_length = last_rows.history_number

),

-- What was before the first row is not known. Its open stage is taken to have held since the
-- creation; a closed one is not, for no deal is won by inference on the day it was created.
first_states as (

    select
        opportunity_id,
        system,
        cast(null as {{ dbt.type_string() }}) as change_id,
        case
            when has_history and not is_first_closed then first_stage
            when not has_history and not is_closed then stage
        end as stage,
        case when has_history then first_amount else amount end as amount,
        case when has_history then first_currency else currency end as currency,
        case when has_history then first_close_date else close_date end as close_date,
        case
            when has_history then first_owner_record_id
            else owner_record_id
        end as owner_record_id,
        false as is_won,
        false as is_lost,
        true as is_synthetic,
        1 as part,
        0 as part_number,
        created_at as valid_from
    from compared
    where not has_history or first_changed_at > created_at

),

history_states as (

    select
        opportunity_id,
        system,
        change_id,
        stage,
        amount,
        currency,
        close_date,
        owner_record_id,
        is_won,
        is_lost,
        false as is_synthetic,
        2 as part,
        history_number as part_number,
        changed_at as valid_from
    from history

),

last_states as (

    select
        opportunity_id,
        system,
        cast(null as {{ dbt.type_string() }}) as change_id,
        stage,
        amount,
        currency,
        close_date,
        owner_record_id,
        is_won,
        is_closed and not is_won as is_lost,
        true as is_synthetic,
        3 as part,
        0 as part_number,
        greatest(
            coalesce(last_changed_at, created_at),
            least(
                coalesce(
                    case when is_closed then closed_at else modified_at end,
                    last_changed_at,
                    created_at
                ),
                {{ as_of() }}
            )
        ) as valid_from
    from compared
    where
        (has_history and is_ahead_of_history)
        or (not has_history and is_closed)

),

states as (

    select * from first_states

    union all

    select * from history_states

    union all

    select * from last_states

),

numbered as (

    select
        opportunity_id,
        system,
        change_id,
        stage,
        amount,
        currency,
        close_date,
        owner_record_id,
        is_won,
        is_lost,
        is_synthetic,
        valid_from,
        row_number() over (
            partition by opportunity_id
            order by valid_from asc, part asc, part_number asc
        ) as state_number
    from states

),

final as (

    select
        opportunity_id || ':' || cast(state_number as {{ dbt.type_string() }}) as state_id,
        opportunity_id,
        system || ':' || owner_record_id as rep_id,
        system,
        change_id,
        stage,
        currency,
        state_number,
        amount,
        is_won,
        is_lost,
        is_won or is_lost as is_closed,
        is_synthetic,
        close_date,
        valid_from,
        lead(valid_from) over (
            partition by opportunity_id
            order by state_number asc
        ) as valid_to
    from numbered

)

select * from final
