with opportunity_records as (

    select * from {{ ref('int_opportunity_records_unioned') }}

),

opportunity_states as (

    select * from {{ ref('int_opportunity_states') }}

),

opportunity_stage_durations as (

    select * from {{ ref('int_opportunity_stage_durations') }}

),

opportunity_people_linked as (

    select * from {{ ref('int_opportunity_people_linked') }}

),

people as (

    select * from {{ ref('int_people') }}

),

account_records as (

    select * from {{ ref('int_account_records') }}

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

fx_rates as (

    select * from {{ ref('int_fx_rates') }}

),

state_summaries as (

    select
        opportunity_id,
        max(state_number) as last_state_number,
        max(case when not is_lost then state_number else 0 end) as last_not_lost_number,
        max(case when not is_closed then state_number end) as last_open_number,
        min(case when is_won and not is_synthetic then valid_from end) as first_won_at,
        min(valid_from) as first_seen_at,
        max(valid_from) as last_changed_at
    from opportunity_states
    group by opportunity_id

),

losses as (

    select
        opportunity_states.opportunity_id,
        min(opportunity_states.valid_from) as lost_at
    from opportunity_states
    inner join state_summaries
        on opportunity_states.opportunity_id = state_summaries.opportunity_id
    where
        opportunity_states.is_lost
        and not opportunity_states.is_synthetic
        and opportunity_states.state_number > state_summaries.last_not_lost_number
    group by opportunity_states.opportunity_id

),

closings as (

    select
        opportunity_records.system || ':' || opportunity_records.record_id as opportunity_id,
        least(
            coalesce(
                {{ business_day_end('opportunity_records.close_date') }},
                opportunity_records.modified_at,
                state_summaries.last_changed_at
            ),
            {{ as_of() }}
        ) as close_date_end_at,
        coalesce(opportunity_records.is_won, false) as is_won,
        coalesce(opportunity_records.is_closed, false)
        or coalesce(opportunity_records.is_won, false) as is_closed,
        coalesce(opportunity_records.created_at, state_summaries.first_seen_at) as created_at
    from opportunity_records
    inner join state_summaries
        on
            opportunity_records.system || ':' || opportunity_records.record_id
            = state_summaries.opportunity_id

),

moments as (

    select
        closings.opportunity_id,
        closings.is_won,
        closings.is_closed,
        closings.created_at,
        state_summaries.last_changed_at,
        case
            when closings.is_won
                then coalesce(state_summaries.first_won_at, closings.close_date_end_at)
        end as won_at,
        case
            when closings.is_closed and not closings.is_won
                then coalesce(losses.lost_at, closings.close_date_end_at)
        end as lost_at
    from closings
    inner join state_summaries
        on closings.opportunity_id = state_summaries.opportunity_id
    left join losses
        on closings.opportunity_id = losses.opportunity_id

),

valued as (

    select
        moments.opportunity_id,
        moments.is_won,
        moments.is_closed,
        moments.created_at,
        moments.last_changed_at,
        moments.won_at,
        moments.lost_at,
        {{ business_date('coalesce(moments.won_at, moments.lost_at, moments.created_at)') }}
            as rate_date,
        last_states.amount as original_amount,
        last_states.currency as original_currency,
        coalesce(last_open_states.amount, last_states.amount) as original_last_open_amount
    from moments
    inner join state_summaries
        on moments.opportunity_id = state_summaries.opportunity_id
    inner join opportunity_states as last_states
        on
            moments.opportunity_id = last_states.opportunity_id
            and state_summaries.last_state_number = last_states.state_number
    left join opportunity_states as last_open_states
        on
            moments.opportunity_id = last_open_states.opportunity_id
            and state_summaries.last_open_number = last_open_states.state_number
            and last_states.currency = last_open_states.currency

),

final as (

    select
        valued.opportunity_id,
        {{ record_key(
            'opportunity_records.system',
            'opportunity_records.object',
            'opportunity_records.record_id'
        ) }} as record_key,
        opportunity_records.system,
        opportunity_records.object,
        opportunity_records.record_id,
        coalesce(account_records.account_id, people.account_id) as account_id,
        opportunity_people_linked.person_id,
        opportunity_records.system || ':' || opportunity_records.owner_record_id as rep_id,
        opportunity_records.system || ':' || opportunity_records.campaign_record_id
            as campaign_id,
        opportunity_records.system || ':' || opportunity_records.renews_record_id
            as renews_opportunity_id,
        coalesce(opportunity_people_linked.link_evidence, 'none') as link_evidence,
        opportunity_records.opportunity_name,
        opportunity_records.opportunity_type,
        opportunity_records.stage,
        opportunity_records.lead_source,
        opportunity_records.forecast_category,
        opportunity_records.loss_reason,
        opportunity_records.competitor,
        opportunity_records.owner_record_id,
        accounts.segment,
        accounts.region,
        valued.original_currency,
        opportunity_records.recurring_period,
        {{ convert_money('valued.original_amount', 'fx_rates.rate') }} as amount,
        valued.original_amount,
        {{ convert_money('valued.original_last_open_amount', 'fx_rates.rate') }}
            as last_open_amount,
        valued.original_last_open_amount,
        {{ convert_money('opportunity_records.recurring_amount', 'fx_rates.rate') }}
            as recurring_amount,
        opportunity_records.recurring_amount as original_recurring_amount,
        fx_rates.rate,
        opportunity_records.contract_months,
        valued.is_closed,
        valued.is_won,
        (
            not valued.is_closed
            and coalesce(
                {{ seconds_between('valued.last_changed_at', as_of()) }} / 86400
                > opportunity_stage_durations.p90_days,
                false
            )
        ) as is_stale,
        opportunity_records.is_deleted,
        valued.rate_date,
        cast(opportunity_records.close_date as date) as close_date,
        opportunity_records.contract_start_date,
        opportunity_records.cancelled_at,
        valued.created_at,
        valued.won_at,
        valued.lost_at,
        valued.last_changed_at,
        opportunity_records.modified_at
    from valued
    inner join opportunity_records
        on
            valued.opportunity_id
            = opportunity_records.system || ':' || opportunity_records.record_id
    left join opportunity_people_linked
        on valued.opportunity_id = opportunity_people_linked.opportunity_id
    left join people
        on opportunity_people_linked.person_id = people.person_id
    left join account_records
        on
            opportunity_records.system = account_records.system
            and opportunity_records.account_record_id = account_records.record_id
    left join accounts
        on coalesce(account_records.account_id, people.account_id) = accounts.account_id
    left join fx_rates
        on
            valued.original_currency = fx_rates.currency
            and valued.rate_date >= fx_rates.valid_from
            and (fx_rates.valid_to is null or valued.rate_date < fx_rates.valid_to)
    left join opportunity_stage_durations
        on
            opportunity_records.system = opportunity_stage_durations.system
            and lower(trim(opportunity_records.stage)) = opportunity_stage_durations.stage_key

)

select * from final
