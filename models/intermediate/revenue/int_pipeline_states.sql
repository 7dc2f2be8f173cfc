with opportunities as (

    select * from {{ ref('int_opportunities') }}

),

opportunity_states as (

    select * from {{ ref('int_opportunity_states') }}

),

rep_groups as (

    select * from {{ ref('int_rep_groups') }}

),

region_states as (

    select * from {{ ref('int_account_region_states') }}

),

fx_rates as (

    select * from {{ ref('int_fx_rates') }}

),

-- A deal leaves the pipeline at the moment at which it counts as won or lost everywhere else. A
-- deleted one is no booking and no loss, so it leaves as removed, when it was deleted or closed.
deals as (

    select
        opportunity_id,
        account_id,
        {{ business_date('created_at') }} as created_date,
        original_currency,
        is_deleted,
        case
            when is_deleted then 'removed'
            when is_won then 'won'
            when is_closed then 'lost'
        end as exit_kind,
        case
            when is_won then original_amount
            else original_last_open_amount
        end as exit_original_amount,
        coalesce(case when is_won then amount else last_open_amount end, 0) as exit_amount,
        case
            when is_deleted
                then
                    least(
                        coalesce(won_at, lost_at, modified_at, last_changed_at),
                        coalesce(modified_at, last_changed_at)
                    )
            else coalesce(won_at, lost_at)
        end as exit_at
    from opportunities

),

numbered_states as (

    select
        opportunity_states.opportunity_id,
        opportunity_states.state_number,
        opportunity_states.rep_id,
        opportunity_states.stage,
        opportunity_states.currency,
        opportunity_states.amount,
        opportunity_states.is_won,
        opportunity_states.is_lost,
        opportunity_states.close_date,
        opportunity_states.valid_from,
        deals.account_id,
        deals.exit_kind,
        deals.exit_at,
        max(opportunity_states.state_number) over (
            partition by opportunity_states.opportunity_id
        ) as last_state_number
    from opportunity_states
    inner join deals
        on opportunity_states.opportunity_id = deals.opportunity_id

),

-- A win that was taken back is none: the deal was open all the while, because no booking of that
-- moment exists. A loss that was taken back did happen: the deal comes in again, as reopened.
standing_states as (

    select
        opportunity_id,
        state_number,
        rep_id,
        stage,
        currency,
        amount,
        close_date,
        account_id,
        -- The first state of a deal that was entered as closed is only its way in.
        (
            is_lost
            and not (exit_kind is null and state_number = last_state_number)
            and coalesce(valid_from < exit_at, true)
        ) as is_out,
        least(valid_from, coalesce(exit_at, valid_from)) as occurred_at,
        coalesce(
            lead(valid_from) over (
                partition by opportunity_id order by state_number asc
            ),
            {{ end_of_time() }}
        ) as next_state_at,
        coalesce(exit_at, {{ end_of_time() }}) as exit_at
    from numbered_states
    where state_number = 1 or exit_at is null or valid_from < exit_at

),

-- The state that closes says who had the deal then and for when it stood; a deletion changes
-- nothing but that the deal is gone.
closing_states as (

    select
        opportunity_id,
        min(
            case
                when
                    valid_from >= exit_at
                    and (
                        (exit_kind = 'won' and is_won)
                        or (exit_kind = 'lost' and is_lost)
                    )
                    then state_number
            end
        ) as closing_state_number,
        max(
            case when state_number = 1 or valid_from < exit_at then state_number end
        ) as last_standing_number,
        max(state_number) as last_state_number
    from numbered_states
    where exit_kind is not null
    group by opportunity_id

),

exits as (

    select
        deals.opportunity_id,
        opportunity_states.state_number,
        opportunity_states.rep_id,
        opportunity_states.stage,
        opportunity_states.close_date,
        deals.account_id,
        deals.original_currency,
        deals.exit_kind,
        deals.exit_original_amount,
        deals.exit_amount,
        deals.exit_at
    from deals
    inner join closing_states
        on deals.opportunity_id = closing_states.opportunity_id
    inner join opportunity_states
        on
            deals.opportunity_id = opportunity_states.opportunity_id
            and opportunity_states.state_number
            = case
                when deals.exit_kind = 'removed' then closing_states.last_standing_number
                else coalesce(
                    closing_states.closing_state_number, closing_states.last_state_number
                )
            end

),

-- An account that moves to another region takes its open deals along, without a row of theirs.
region_moves as (

    select
        standing_states.opportunity_id,
        standing_states.state_number,
        standing_states.rep_id,
        standing_states.stage,
        standing_states.currency,
        standing_states.amount,
        standing_states.close_date,
        standing_states.account_id,
        standing_states.is_out,
        region_states.valid_from as occurred_at
    from standing_states
    inner join region_states
        on
            standing_states.account_id = region_states.account_id
            and standing_states.occurred_at < region_states.valid_from
            and region_states.valid_from
            < least(standing_states.next_state_at, standing_states.exit_at)

),

rows_unioned as (

    select
        opportunity_id,
        state_number,
        1 as part,
        rep_id,
        stage,
        currency,
        amount,
        close_date,
        account_id,
        case when is_out then 'lost' end as exit_kind,
        cast(null as decimal(18, 2)) as exit_amount,
        is_out,
        occurred_at
    from standing_states

    union all

    select
        opportunity_id,
        state_number,
        2 as part,
        rep_id,
        stage,
        currency,
        amount,
        close_date,
        account_id,
        case when is_out then 'lost' end as exit_kind,
        cast(null as decimal(18, 2)) as exit_amount,
        is_out,
        occurred_at
    from region_moves

    union all

    select
        opportunity_id,
        state_number,
        3 as part,
        rep_id,
        stage,
        original_currency as currency,
        exit_original_amount as amount,
        close_date,
        account_id,
        exit_kind,
        exit_amount,
        true as is_out,
        exit_at as occurred_at
    from exits

),

ordered as (

    select
        *,
        row_number() over (
            partition by opportunity_id
            order by
                case when part = 3 then 1 else 0 end asc,
                occurred_at asc,
                state_number asc,
                part asc
        ) as row_number_in_deal
    from rows_unioned

),

-- What a deal that is lost for now is worth: its last amount before, found by counting the rows
-- in which it was open.
open_runs as (

    select
        *,
        sum(case when is_out then 0 else 1 end) over (
            partition by opportunity_id
            order by row_number_in_deal asc
            rows between unbounded preceding and current row
        ) as open_rows
    from ordered

),

carried as (

    select
        *,
        first_value(case when not is_out then amount end) over (
            partition by opportunity_id, open_rows
            order by row_number_in_deal asc
            rows between unbounded preceding and current row
        ) as last_open_amount,
        first_value(case when not is_out then currency end) over (
            partition by opportunity_id, open_rows
            order by row_number_in_deal asc
            rows between unbounded preceding and current row
        ) as last_open_currency
    from open_runs

),

valued as (

    select
        carried.opportunity_id,
        carried.row_number_in_deal,
        carried.state_number,
        carried.part,
        carried.rep_id,
        carried.stage,
        carried.close_date,
        carried.account_id,
        carried.exit_kind,
        carried.exit_amount,
        carried.is_out,
        carried.occurred_at,
        deals.created_date,
        deals.exit_at,
        deals.is_deleted,
        case
            when
                carried.is_out
                and carried.open_rows > 0
                and (carried.part < 3 or carried.exit_kind = 'removed')
                then carried.last_open_currency
            else carried.currency
        end as currency,
        case
            when
                carried.is_out
                and carried.open_rows > 0
                and (carried.part < 3 or carried.exit_kind = 'removed')
                then carried.last_open_amount
            else carried.amount
        end as original_amount
    from carried
    inner join deals on carried.opportunity_id = deals.opportunity_id

),

final as (

    select
        valued.opportunity_id
        || ':'
        || cast(valued.row_number_in_deal as {{ dbt.type_string() }}) as pipeline_state_id,
        valued.opportunity_id,
        valued.rep_id,
        valued.stage,
        valued.exit_kind,
        rep_groups.rep_group as owner_team,
        rep_groups.rep_region as owner_region,
        region_states.region,
        valued.currency as original_currency,
        cast(valued.row_number_in_deal as integer) as row_number_in_deal,
        cast(valued.state_number as integer) as state_number,
        cast(valued.original_amount as decimal(18, 2)) as original_amount,
        created_rates.rate as created_day_rate,
        -- Worth at the rate of the day of creation, which an open deal keeps.
        coalesce({{ convert_money('valued.original_amount', 'created_rates.rate') }}, 0)
            as open_amount,
        case
            when valued.part = 3 and valued.exit_kind <> 'removed' then valued.exit_amount
            when valued.is_out and valued.exit_kind = 'lost'
                then
                    coalesce(
                        {{ convert_money('valued.original_amount', 'closing_rates.rate') }}, 0
                    )
            when valued.is_out
                then
                    coalesce(
                        {{ convert_money('valued.original_amount', 'created_rates.rate') }}, 0
                    )
        end as exit_amount,
        not valued.is_out as is_open,
        valued.is_deleted,
        valued.created_date,
        valued.close_date,
        {{ business_date('valued.occurred_at') }} as occurred_date,
        {{ business_date(
            'lead(valued.occurred_at) over ('
            'partition by valued.opportunity_id order by valued.row_number_in_deal asc)'
        ) }} as ended_date,
        valued.occurred_at
    from valued
    left join rep_groups on valued.rep_id = rep_groups.rep_id
    left join region_states
        on
            valued.account_id = region_states.account_id
            and valued.occurred_at >= region_states.valid_from
            and valued.occurred_at < region_states.valid_to
    left join fx_rates as created_rates
        on
            valued.currency = created_rates.currency
            and valued.created_date >= created_rates.valid_from
            and (
                created_rates.valid_to is null
                or valued.created_date < created_rates.valid_to
            )
    left join fx_rates as closing_rates
        on
            valued.currency = closing_rates.currency
            and {{ business_date('valued.occurred_at') }} >= closing_rates.valid_from
            and (
                closing_rates.valid_to is null
                or {{ business_date('valued.occurred_at') }} < closing_rates.valid_to
            )

)

select * from final
