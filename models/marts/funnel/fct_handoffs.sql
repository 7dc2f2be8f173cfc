{%- set agreed_fields = var('handoff_fields', ['account_id', 'persona', 'segment', 'region']) -%}

with stage_entries as (

    select * from {{ ref('fct_stage_entries') }}

),

handoffs as (

    select * from {{ ref('int_handoffs') }}

),

owner_spells as (

    select * from {{ ref('int_handoff_owner_spells') }}

),

responses as (

    select * from {{ ref('int_handoff_responses') }}

),

last_places as (

    select * from {{ ref('int_handoff_last_places') }}

),

rep_calendars as (

    select * from {{ ref('int_rep_calendars') }}

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

handoff_matrix as (

    select * from {{ ref('handoff_matrix') }}

),

versions as (

    select * from {{ ref('int_definition_versions') }}

),

activities as {{ read_in_place() }} (

    select * from {{ ref('int_activities') }}

),

routing_calendar as (

    select calendar
    from calendars
    where is_routing

),

mql_entries as (

    select
        entry_id,
        lead_cycle_id,
        person_id,
        account_id,
        campaign_id,
        motion,
        channel,
        persona,
        segment,
        region,
        fit_grade,
        grade,
        temperature,
        definition_version,
        entered_date as mql_date,
        entered_at as mql_at
    from stage_entries
    where
        stage = 'mql'
        and not is_inferred
        and person_id is not null

),

owners as (

    select
        lead_cycle_id,
        count(*) as owners,
        max(case when owner_number = 1 then rep_id end) as rep_id,
        min(owned_from) as assigned_at,
        max(owner_number) as last_owner_number
    from owner_spells
    group by lead_cycle_id

),

-- What a target names of a hand-off: few combinations, each of which is judged once.
kinds as (

    select
        mql_entries.lead_cycle_id,
        mql_entries.grade,
        mql_entries.temperature,
        handoffs.is_hand_raise,
        coalesce(mql_entries.grade, '') || '|' || coalesce(mql_entries.temperature, '')
        || case when handoffs.is_hand_raise then '|raised' else '' end as kind
    from mql_entries
    inner join handoffs on mql_entries.lead_cycle_id = handoffs.lead_cycle_id

),

distinct_kinds as (

    select distinct
        kind,
        grade,
        temperature,
        is_hand_raise
    from kinds

),

matching_targets as (

    select
        distinct_kinds.kind,
        sla_targets.promise,
        sla_targets.target_hours,
        row_number() over (
            partition by distinct_kinds.kind, sla_targets.promise
            order by
                case sla_targets.temperature
                    when 'hand_raise' then 0
                    when '*' then 2
                    else 1
                end,
                {{ pattern_rank('sla_targets.grade') }} desc,
                sla_targets.grade
        ) as preference
    from distinct_kinds
    inner join sla_targets
        on
            sla_targets.promise in ('response', 'routing')
            and sla_targets.target_hours is not null
            and {{ matches_pattern('distinct_kinds.grade', 'sla_targets.grade') }}
            and (
                sla_targets.temperature = '*'
                or distinct_kinds.temperature = sla_targets.temperature
                or (sla_targets.temperature = 'hand_raise' and distinct_kinds.is_hand_raise)
            )

),

targets_of_kinds as (

    select
        kind,
        max(case when promise = 'response' then target_hours end) as response_hours,
        max(case when promise = 'routing' then target_hours end) as routing_hours
    from matching_targets
    where preference = 1
    group by kind

),

targets as (

    select
        kinds.lead_cycle_id,
        targets_of_kinds.response_hours,
        targets_of_kinds.routing_hours
    from kinds
    inner join targets_of_kinds on kinds.kind = targets_of_kinds.kind

),

-- One clock for each hand-off: the first owner's from the assignment on; without an owner, that of
-- routing from the hand-over on.
clocked as (

    select
        handoffs.lead_cycle_id,
        handoffs.handed_over_at,
        owners.assigned_at,
        responses.first_response_at,
        (select routing_calendar.calendar from routing_calendar) as routing_calendar,
        case
            when owners.rep_id is not null then rep_calendars.calendar
            else (select routing_calendar.calendar from routing_calendar)
        end as calendar,
        coalesce(owners.assigned_at, handoffs.handed_over_at) as clock_starts_at,
        case
            when owners.rep_id is not null then targets.response_hours
            else targets.routing_hours
        end as target_hours
    from handoffs
    left join owners on handoffs.lead_cycle_id = owners.lead_cycle_id
    left join rep_calendars on owners.rep_id = rep_calendars.rep_id
    left join responses on handoffs.lead_cycle_id = responses.lead_cycle_id
    left join targets on handoffs.lead_cycle_id = targets.lead_cycle_id

),

read_at_handover as (

    select
        clocked.lead_cycle_id,
        clocked.routing_calendar,
        clocked.assigned_at,
        {{ business_clock_reading('intervals', 'clocked.handed_over_at') }} as reading
    from clocked
    {{ asof_join(
        'intervals', 'intervals', 'clocked.routing_calendar = intervals.calendar',
        'clocked.handed_over_at', 'starts_at', 'stands_until'
    ) }}

),

routed as (

    select
        read_at_handover.lead_cycle_id,
        {{ business_clock_reading('intervals', 'read_at_handover.assigned_at') }}
        - read_at_handover.reading as routing_microseconds
    from read_at_handover
    {{ asof_join(
        'intervals', 'intervals', 'read_at_handover.routing_calendar = intervals.calendar',
        'read_at_handover.assigned_at', 'starts_at', 'stands_until'
    ) }}
    where read_at_handover.assigned_at is not null

),

read_at_start as (

    select
        clocked.lead_cycle_id,
        clocked.calendar,
        clocked.clock_starts_at,
        clocked.first_response_at,
        cast(round(clocked.target_hours * 3600000000) as {{ dbt.type_bigint() }})
            as target_microseconds,
        {{ business_clock_reading('intervals', 'clocked.clock_starts_at') }} as reading
    from clocked
    {{ asof_join(
        'intervals', 'intervals', 'clocked.calendar = intervals.calendar',
        'clocked.clock_starts_at', 'starts_at', 'stands_until'
    ) }}
    where clocked.clock_starts_at is not null

),

-- The earliest instant at which the target has elapsed.
due as (

    select
        read_at_start.lead_cycle_id,
        read_at_start.calendar,
        read_at_start.clock_starts_at,
        read_at_start.first_response_at,
        read_at_start.target_microseconds,
        read_at_start.reading,
        case
            when read_at_start.target_microseconds = 0 then read_at_start.clock_starts_at
            else {{ add_microseconds(
                'intervals.starts_at',
                'read_at_start.reading + read_at_start.target_microseconds'
                ~ ' - intervals.business_microseconds_before'
            ) }}
        end as due_at
    from read_at_start
    {{ asof_join(
        'intervals', 'intervals', 'read_at_start.calendar = intervals.calendar',
        'read_at_start.reading + read_at_start.target_microseconds',
        'business_microseconds_before', 'business_microseconds_after', is_strict=true
    ) }}

),

-- What came before the clock started took no time; what came outside working hours counts as at
-- closing time.
answered as (

    select
        due.lead_cycle_id,
        due.due_at,
        due.target_microseconds,
        case
            when due.first_response_at is null then null
            else greatest(
                {{ business_clock_reading('intervals', 'due.first_response_at') }} - due.reading, 0
            )
        end as response_microseconds
    from due
    {{ asof_join(
        'intervals', 'intervals', 'due.calendar = intervals.calendar',
        'due.first_response_at', 'starts_at', 'stands_until'
    ) }}

),

histories as (

    select
        handoffs.lead_cycle_id,
        count(*) as history_touches
    from handoffs
    inner join activities
        on
            handoffs.person_id = activities.person_id
            and coalesce(handoffs.handed_over_at, handoffs.mql_at) >= activities.occurred_at
            and activities.is_touch
            and activities.team = 'marketing'
    group by handoffs.lead_cycle_id

),

-- Mail that went out counts here: nurturing is what marketing does, not what the person answers.
nurtured as (

    select
        handoffs.lead_cycle_id,
        min(activities.occurred_at) as nurtured_at
    from handoffs
    inner join activities
        on
            handoffs.person_id = activities.person_id
            and handoffs.exited_at < activities.occurred_at
            and activities.is_activity
            and activities.team = 'marketing'
    where handoffs.exit_type = 'recycled'
    group by handoffs.lead_cycle_id

),

nurture_target as (

    select max(target_hours) as target_hours
    from sla_targets
    where promise = 'nurture'

),

judged as (

    select
        mql_entries.entry_id,
        mql_entries.lead_cycle_id,
        mql_entries.person_id,
        mql_entries.account_id,
        mql_entries.campaign_id,
        owners.rep_id,
        last_owners.rep_id as last_owner_rep_id,
        responses.first_touch_rep_id,
        responses.first_touch_id,
        mql_entries.motion,
        mql_entries.channel,
        mql_entries.persona,
        mql_entries.segment,
        mql_entries.region,
        mql_entries.fit_grade,
        mql_entries.grade,
        mql_entries.temperature,
        mql_entries.definition_version,
        clocked.calendar,
        handoffs.handed_over_by,
        handoffs.handed_over_record_key,
        coalesce(last_owners.record_key, handoffs.crm_record_key) as crm_record_key,
        coalesce(histories.history_touches, 0) as history_touches,
        nurtured.nurtured_at,
        (select nurture_target.target_hours from nurture_target) as nurture_hours,
        last_places.last_place,
        last_places.last_seen_record_key,
        last_places.last_seen_at,
        handoffs.exit_type,
        handoffs.exit_reason,
        handoffs.exit_side,
        handoff_matrix.priority,
        coalesce(owners.owners, 0) as owners,
        clocked.target_hours,
        routed.routing_microseconds,
        answered.response_microseconds,
        handoffs.is_hand_raise,
        handoffs.is_accepted,
        answered.response_microseconds <= answered.target_microseconds as is_in_time,
        routed.routing_microseconds <= targets.routing_hours * 3600000000 as is_routed_in_time,
        mql_entries.mql_date,
        mql_entries.mql_at,
        handoffs.handed_over_at,
        handoffs.crm_arrived_at,
        owners.assigned_at,
        responses.first_touch_at,
        responses.disposed_at,
        responses.first_response_at,
        answered.due_at,
        handoffs.exited_at,
        handoffs.ended_at,
        handoffs.data_cut_at,
        case
            when handoffs.handed_over_at is null then 'not_handed_over'
            when
                handoffs.crm_arrived_at is null
                and responses.first_touch_at is null
                and {{ dbt.dateadd(
                    'hour', var('lost_between_systems_hours', 24), 'handoffs.handed_over_at'
                ) }} <= handoffs.data_cut_at
                then 'lost_between_systems'
            when handoffs.exit_type = 'rejected' and not handoffs.is_accepted then 'rejected'
            when handoffs.exit_type = 'recycled' and not handoffs.is_accepted then 'recycled'
            when answered.response_microseconds <= answered.target_microseconds
                then 'worked_in_sla'
            when responses.first_response_at is not null then 'worked_late'
            when answered.due_at <= handoffs.data_cut_at then 'untouched_overdue'
            else 'pending'
        end as fate
    from mql_entries
    inner join handoffs on mql_entries.lead_cycle_id = handoffs.lead_cycle_id
    inner join clocked on mql_entries.lead_cycle_id = clocked.lead_cycle_id
    left join owners on mql_entries.lead_cycle_id = owners.lead_cycle_id
    left join owner_spells as last_owners
        on
            owners.lead_cycle_id = last_owners.lead_cycle_id
            and owners.last_owner_number = last_owners.owner_number
    left join responses on mql_entries.lead_cycle_id = responses.lead_cycle_id
    left join routed on mql_entries.lead_cycle_id = routed.lead_cycle_id
    left join answered on mql_entries.lead_cycle_id = answered.lead_cycle_id
    left join targets on mql_entries.lead_cycle_id = targets.lead_cycle_id
    left join last_places on mql_entries.lead_cycle_id = last_places.lead_cycle_id
    left join histories on mql_entries.lead_cycle_id = histories.lead_cycle_id
    left join nurtured on mql_entries.lead_cycle_id = nurtured.lead_cycle_id
    left join versions on mql_entries.definition_version = versions.version
    left join handoff_matrix
        on
            versions.handoff_matrix_version = handoff_matrix.version
            and mql_entries.grade = handoff_matrix.grade

),

promised as (

    select
        judged.*,
        coalesce(
            {{ seconds_between('judged.exited_at', 'judged.nurtured_at') }}
            <= judged.nurture_hours * 3600,
            false
        ) as is_nurtured,
        coalesce(
            {{ seconds_between('judged.exited_at', as_of()) }} >= judged.nurture_hours * 3600
            or {{ seconds_between('judged.exited_at', 'judged.nurtured_at') }}
            <= judged.nurture_hours * 3600,
            false
        ) as is_nurture_due
    from judged

),

final as (

    select
        lead_cycle_id,
        entry_id,
        person_id,
        account_id,
        campaign_id,
        rep_id,
        last_owner_rep_id,
        first_touch_rep_id,
        first_touch_id,
        motion,
        channel,
        persona,
        segment,
        region,
        fit_grade,
        grade,
        temperature,
        definition_version,
        fate,
        case
            when fate in ('rejected', 'recycled') then coalesce(exit_reason, 'No reason given')
            when fate = 'not_handed_over' then 'Not passed on by marketing'
            when fate = 'lost_between_systems' then last_place
            when fate not in ('worked_late', 'untouched_overdue') then null
            when assigned_at is null then 'Nobody owned it'
            else 'No answer in time'
        end as reason,
        case
            when fate in ('rejected', 'recycled') then exit_side
            when fate = 'not_handed_over' then 'marketing'
            when fate = 'lost_between_systems' then 'routing'
            when fate not in ('worked_late', 'untouched_overdue') then null
            when assigned_at is null then 'routing'
            else 'sales'
        end as charged_to,
        calendar,
        handed_over_by,
        handed_over_record_key,
        crm_record_key,
        nullif(
            substring(
                {% for field in agreed_fields %}
                    case when {{ field }} is null then ', {{ field }}' else '' end
                    {% if not loop.last %}|| {% endif %}
                {% endfor %},
                3
            ),
            ''
        ) as missing_fields,
        case when fate = 'lost_between_systems' then last_place end as last_place,
        case when fate = 'lost_between_systems' then last_seen_record_key end
            as last_seen_record_key,
        cast(history_touches as {{ dbt.type_bigint() }}) as history_touches,
        cast(priority as integer) as priority,
        cast(owners as {{ dbt.type_bigint() }}) as owners,
        cast(target_hours as double) as target_hours,
        cast(routing_microseconds / 3600000000.0 as double) as routing_hours,
        cast(
            case when assigned_at is not null then response_microseconds / 3600000000.0 end
            as double
        ) as rep_hours,
        is_hand_raise,
        handed_over_at is not null as is_handed_over,
        is_accepted,
        handed_over_at is not null and disposed_at is not null as is_disposed,
        {% for field in agreed_fields -%}
            {{ field }} is not null{{ ' and ' if not loop.last }}
        {%- endfor %} as is_complete,
        case when exit_type = 'recycled' then is_nurture_due end as is_nurture_due,
        case when exit_type = 'recycled' and is_nurture_due then is_nurtured end as is_nurtured,
        case when assigned_at is not null then is_routed_in_time end as is_routed_in_time,
        handed_over_at is not null
        and (first_response_at is not null or coalesce(due_at <= data_cut_at, false)) as is_due,
        case
            when
                handed_over_at is not null
                and (first_response_at is not null or coalesce(due_at <= data_cut_at, false))
                then coalesce(is_in_time, false)
        end as is_met,
        mql_date,
        mql_at,
        handed_over_at,
        crm_arrived_at,
        assigned_at,
        first_touch_at,
        case when handed_over_at is not null then disposed_at end as disposed_at,
        case when handed_over_at is not null then first_response_at end as first_response_at,
        due_at,
        exited_at,
        ended_at,
        nurtured_at,
        case when fate = 'lost_between_systems' then last_seen_at end as last_seen_at,
        data_cut_at
    from promised

)

select * from final
