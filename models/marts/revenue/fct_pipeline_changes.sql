with pipeline_states as (

    select * from {{ ref('int_pipeline_states') }}

),

opportunities as (

    select * from {{ ref('int_opportunities') }}

),

lead_cycles as (

    select * from {{ ref('fct_lead_cycles') }}

),

motions as (

    select
        opportunity_id,
        min(motion) as motion
    from lead_cycles
    where opportunity_id is not null
    group by opportunity_id

),

placed as (

    select
        pipeline_states.pipeline_state_id,
        pipeline_states.opportunity_id,
        pipeline_states.row_number_in_deal,
        pipeline_states.rep_id,
        pipeline_states.exit_kind,
        coalesce(pipeline_states.owner_team, '(unknown)') as owner_team,
        coalesce(pipeline_states.owner_region, '(unknown)') as owner_region,
        coalesce(pipeline_states.region, '(unknown)') as region,
        pipeline_states.original_currency,
        pipeline_states.original_amount,
        pipeline_states.open_amount,
        coalesce(pipeline_states.exit_amount, pipeline_states.open_amount) as standing_amount,
        pipeline_states.created_day_rate,
        pipeline_states.is_open,
        {{ fiscal_quarter_start('pipeline_states.close_date') }} as close_quarter_start_date,
        pipeline_states.occurred_date,
        pipeline_states.occurred_at
    from pipeline_states

),

beside_previous as (

    select
        *,
        lag(is_open) over deal_rows as was_open,
        lag(rep_id) over deal_rows as previous_rep_id,
        lag(owner_team) over deal_rows as previous_owner_team,
        lag(owner_region) over deal_rows as previous_owner_region,
        lag(region) over deal_rows as previous_region,
        lag(open_amount) over deal_rows as previous_amount,
        lag(created_day_rate) over deal_rows as previous_rate,
        lag(close_quarter_start_date) over deal_rows as previous_quarter_start_date
    from placed
    window deal_rows as (partition by opportunity_id order by row_number_in_deal asc)

),

-- What the row's amount would be worth in the currency before: the step between amount and
-- currency. A deal that comes in has no amount before, it comes in with what it then has.
judged as (

    select
        *,
        coalesce(was_open, false) as is_standing,
        -- A lost deal comes in again when it is open or won, not when it is lost again or deleted.
        not coalesce(was_open, false)
        and (is_open or row_number_in_deal = 1 or exit_kind = 'won') as is_entering,
        case
            when coalesce(was_open, false)
                then coalesce({{ convert_money('original_amount', 'previous_rate') }}, 0)
            else open_amount
        end as amount_before_currency
    from beside_previous

),

steps as (

    -- The order within a history row: moved, close date, amount, currency, closing.
    select
        *,
        'moved' as step,
        1 as step_order,
        -1 as direction,
        previous_rep_id as step_rep_id,
        previous_owner_team as step_owner_team,
        previous_owner_region as step_owner_region,
        previous_region as step_region,
        previous_quarter_start_date as step_quarter_start_date,
        -1 * previous_amount as amount,
        -1 as opportunity_count
    from judged
    where
        is_standing
        and (
            rep_id is distinct from previous_rep_id
            or owner_team <> previous_owner_team
            or owner_region <> previous_owner_region
            or region <> previous_region
        )

    union all

    select
        *,
        'moved' as step,
        2 as step_order,
        1 as direction,
        rep_id as step_rep_id,
        owner_team as step_owner_team,
        owner_region as step_owner_region,
        region as step_region,
        previous_quarter_start_date as step_quarter_start_date,
        previous_amount as amount,
        1 as opportunity_count
    from judged
    where
        is_standing
        and (
            rep_id is distinct from previous_rep_id
            or owner_team <> previous_owner_team
            or owner_region <> previous_owner_region
            or region <> previous_region
        )

    union all

    select
        *,
        'pushed_out' as step,
        3 as step_order,
        -1 as direction,
        rep_id as step_rep_id,
        owner_team as step_owner_team,
        owner_region as step_owner_region,
        region as step_region,
        previous_quarter_start_date as step_quarter_start_date,
        -1 * previous_amount as amount,
        -1 as opportunity_count
    from judged
    where
        is_standing
        and close_quarter_start_date is distinct from previous_quarter_start_date

    union all

    select
        *,
        'pulled_in' as step,
        4 as step_order,
        1 as direction,
        rep_id as step_rep_id,
        owner_team as step_owner_team,
        owner_region as step_owner_region,
        region as step_region,
        close_quarter_start_date as step_quarter_start_date,
        previous_amount as amount,
        1 as opportunity_count
    from judged
    where
        is_standing
        and close_quarter_start_date is distinct from previous_quarter_start_date

    union all

    select
        *,
        case when row_number_in_deal = 1 then 'created' else 'reopened' end as step,
        5 as step_order,
        1 as direction,
        rep_id as step_rep_id,
        owner_team as step_owner_team,
        owner_region as step_owner_region,
        region as step_region,
        close_quarter_start_date as step_quarter_start_date,
        open_amount as amount,
        1 as opportunity_count
    from judged
    where is_entering

    union all

    select
        *,
        'amount' as step,
        6 as step_order,
        0 as direction,
        rep_id as step_rep_id,
        owner_team as step_owner_team,
        owner_region as step_owner_region,
        region as step_region,
        close_quarter_start_date as step_quarter_start_date,
        amount_before_currency - previous_amount as amount,
        0 as opportunity_count
    from judged
    where is_standing and amount_before_currency <> previous_amount

    union all

    select
        *,
        'currency' as step,
        7 as step_order,
        0 as direction,
        rep_id as step_rep_id,
        owner_team as step_owner_team,
        owner_region as step_owner_region,
        region as step_region,
        close_quarter_start_date as step_quarter_start_date,
        standing_amount - amount_before_currency as amount,
        0 as opportunity_count
    from judged
    where (is_standing or is_entering) and standing_amount <> amount_before_currency

    union all

    select
        *,
        exit_kind as step,
        8 as step_order,
        -1 as direction,
        rep_id as step_rep_id,
        owner_team as step_owner_team,
        owner_region as step_owner_region,
        region as step_region,
        close_quarter_start_date as step_quarter_start_date,
        -1 * standing_amount as amount,
        -1 as opportunity_count
    from judged
    where (is_standing or is_entering) and not is_open

),

final as (

    select
        steps.pipeline_state_id || ':' || cast(steps.step_order as {{ dbt.type_string() }})
            as pipeline_change_id,
        steps.opportunity_id,
        opportunities.account_id,
        steps.step_rep_id as rep_id,
        steps.step,
        opportunities.opportunity_type,
        coalesce(motions.motion, '(unknown)') as motion,
        coalesce(opportunities.segment, '(unknown)') as segment,
        steps.step_owner_team as owner_team,
        steps.step_owner_region as owner_region,
        steps.step_region as region,
        steps.original_currency,
        cast(steps.step_order as integer) as step_order,
        cast(steps.opportunity_count as integer) as opportunity_count,
        cast(steps.amount as decimal(18, 2)) as amount,
        steps.step_quarter_start_date as close_quarter_start_date,
        case
            when steps.step = 'pushed_out' then steps.close_quarter_start_date
            when steps.step = 'pulled_in' then steps.previous_quarter_start_date
        end as other_quarter_start_date,
        steps.occurred_date as changed_date,
        {{ month_start('steps.occurred_date') }} as changed_month,
        steps.occurred_at as changed_at
    from steps
    inner join opportunities
        on steps.opportunity_id = opportunities.opportunity_id
    left join motions
        on steps.opportunity_id = motions.opportunity_id

)

select * from final
