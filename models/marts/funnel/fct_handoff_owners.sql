with handoffs as (

    select * from {{ ref('fct_handoffs') }}

),

owner_spells as (

    select * from {{ ref('int_handoff_owner_spells') }}

),

rep_calendars as (

    select * from {{ ref('int_rep_calendars') }}

),

intervals as (

    select * from {{ ref('int_business_intervals') }}

),

charged as (

    select
        owner_spells.lead_cycle_id,
        owner_spells.owner_number,
        owner_spells.rep_id,
        owner_spells.record_key,
        rep_calendars.calendar,
        handoffs.target_hours,
        handoffs.data_cut_at,
        handoffs.first_response_at,
        owner_spells.owned_from,
        case when owner_spells.owned_until < {{ end_of_time() }} then owner_spells.owned_until end
            as owned_until,
        -- Nobody is charged for the time after the answer, after their own, or that is not known.
        greatest(
            least(
                owner_spells.owned_until,
                coalesce(handoffs.first_response_at, handoffs.data_cut_at),
                coalesce(handoffs.ended_at, handoffs.data_cut_at)
            ),
            owner_spells.owned_from
        ) as charged_until
    from owner_spells
    inner join handoffs on owner_spells.lead_cycle_id = handoffs.lead_cycle_id
    left join rep_calendars on owner_spells.rep_id = rep_calendars.rep_id

),

read_at_start as (

    select
        charged.*,
        {{ business_clock_reading('intervals', 'charged.owned_from') }} as reading
    from charged
    {{ asof_join(
        'intervals', 'intervals', 'charged.calendar = intervals.calendar',
        'charged.owned_from', 'starts_at', 'stands_until'
    ) }}

),

measured as (

    select
        read_at_start.*,
        {{ business_clock_reading('intervals', 'read_at_start.charged_until') }}
        - read_at_start.reading as held_microseconds
    from read_at_start
    {{ asof_join(
        'intervals', 'intervals', 'read_at_start.calendar = intervals.calendar',
        'read_at_start.charged_until', 'starts_at', 'stands_until'
    ) }}

),

final as (

    select
        lead_cycle_id,
        cast(owner_number as integer) as owner_number,
        rep_id,
        record_key,
        calendar,
        target_hours,
        cast(held_microseconds / 3600000000.0 as double) as held_hours,
        owner_number = 1 as is_first_owner,
        coalesce(
            first_response_at <= coalesce(owned_until, first_response_at)
            and (first_response_at >= owned_from or owner_number = 1),
            false
        ) as is_answered,
        coalesce(held_microseconds > target_hours * 3600000000, false) as is_over_target,
        owned_from,
        owned_until,
        charged_until
    from measured

)

select * from final
