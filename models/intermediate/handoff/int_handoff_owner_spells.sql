with handoffs as (

    select * from {{ ref('int_handoffs') }}

),

record_states as (

    select * from {{ ref('int_person_record_states') }}

),

person_records as (

    select * from {{ ref('int_person_records_unioned') }}

),

users as (

    select * from {{ ref('int_user_records_unioned') }}

),

crm_systems as (

    select * from {{ ref('int_crm_systems_in_use') }}

),

calendars as (

    select * from {{ ref('int_business_calendars') }}

),

intervals as (

    select * from {{ ref('int_business_intervals') }}

),

sla_targets as (

    select * from {{ ref('sla_targets') }}

),

routing_target as (

    select
        cast(coalesce(max(target_hours), 0) * 3600000000 as {{ dbt.type_bigint() }})
            as target_microseconds
    from sla_targets
    where promise = 'routing'

),

routing_calendar as (

    select calendar
    from calendars
    where is_routing

),

-- A queue, and an id that no user has, own nothing.
humans as (

    select distinct
        system,
        record_id
    from users
    where not coalesce(is_queue, false)

),

owner_states as (

    select
        record_states.person_id,
        record_states.record_key,
        record_states.state_number,
        case
            when humans.record_id is not null then record_states.system || ':' || humans.record_id
        end as rep_id,
        -- The first owner that is known has owned the record since it was created.
        case
            when record_states.state_number = 1
                then least(
                    record_states.valid_from,
                    coalesce(person_records.created_at, record_states.valid_from)
                )
            else record_states.valid_from
        end as valid_from,
        record_states.valid_to
    from record_states
    inner join crm_systems on record_states.system = crm_systems.system
    inner join person_records
        on
            record_states.system = person_records.system
            and record_states.object = person_records.object
            and record_states.record_id = person_records.record_id
    left join humans
        on
            record_states.system = humans.system
            and record_states.value = humans.record_id
    where record_states.field = 'owner_record_id'

),

spells as (

    select
        handoffs.lead_cycle_id,
        handoffs.handed_over_at,
        owner_states.record_key,
        owner_states.state_number,
        owner_states.rep_id,
        owner_states.valid_from,
        least(owner_states.valid_to, handoffs.next_mql_at) as valid_to,
        owner_states.valid_from < handoffs.handed_over_at as is_from_before,
        (select routing_calendar.calendar from routing_calendar) as routing_calendar
    from handoffs
    inner join owner_states
        on
            handoffs.person_id = owner_states.person_id
            and handoffs.handed_over_at < owner_states.valid_to
            and handoffs.next_mql_at > owner_states.valid_from

),

from_before as (

    select
        lead_cycle_id,
        record_key,
        routing_calendar,
        handed_over_at,
        valid_to
    from spells
    where is_from_before

),

read_at_handover as (

    select
        from_before.lead_cycle_id,
        from_before.record_key,
        from_before.routing_calendar,
        from_before.valid_to,
        {{ business_clock_reading('intervals', 'from_before.handed_over_at') }} as reading
    from from_before
    {{ asof_join(
        'intervals', 'intervals', 'from_before.routing_calendar = intervals.calendar',
        'from_before.handed_over_at', 'starts_at', 'stands_until'
    ) }}

),

-- Whom routing relieves of a record within the time that it has for routing was not given it.
kept_owners as (

    select
        read_at_handover.lead_cycle_id,
        read_at_handover.record_key,
        {{ business_clock_reading('intervals', 'read_at_handover.valid_to') }}
        - read_at_handover.reading
        > (select routing_target.target_microseconds from routing_target) as is_kept
    from read_at_handover
    {{ asof_join(
        'intervals', 'intervals', 'read_at_handover.routing_calendar = intervals.calendar',
        'read_at_handover.valid_to', 'starts_at', 'stands_until'
    ) }}

),

owned as (

    select
        spells.lead_cycle_id,
        spells.record_key,
        spells.state_number,
        spells.rep_id,
        greatest(spells.valid_from, spells.handed_over_at) as owned_from,
        spells.valid_to as owned_until,
        spells.rep_id is not null
        and (not spells.is_from_before or coalesce(kept_owners.is_kept, false)) as is_assigned,
        spells.valid_from between spells.handed_over_at and {{ dbt.dateadd(
            'hour', var('lost_between_systems_hours', 24), 'spells.handed_over_at'
        ) }} as is_moved
    from spells
    left join kept_owners
        on
            spells.lead_cycle_id = kept_owners.lead_cycle_id
            and spells.record_key = kept_owners.record_key
            and spells.is_from_before

),

records as (

    select
        lead_cycle_id,
        record_key,
        max(case when is_moved then 1 else 0 end) as is_moved,
        min(case when is_assigned then owned_from end) as assigned_at
    from owned
    group by lead_cycle_id, record_key

),

-- Of several records of a person the one counts that the hand-off created or moved.
ranked_records as (

    select
        lead_cycle_id,
        record_key,
        assigned_at,
        row_number() over (
            partition by lead_cycle_id
            order by
                is_moved desc,
                coalesce(assigned_at, {{ end_of_time() }}),
                record_key
        ) as preference
    from records

),

final as (

    select
        owned.lead_cycle_id,
        row_number() over (
            partition by owned.lead_cycle_id
            order by owned.owned_from, owned.state_number
        ) as owner_number,
        owned.record_key,
        owned.rep_id,
        owned.owned_from,
        owned.owned_until
    from owned
    inner join ranked_records
        on
            owned.lead_cycle_id = ranked_records.lead_cycle_id
            and owned.record_key = ranked_records.record_key
            and ranked_records.preference = 1
    where owned.is_assigned

)

select * from final
