with cycles as (

    select * from {{ ref('int_cycles') }}

),

cycle_evidence as (

    select * from {{ ref('int_cycle_evidence') }}

),

person_changes as (

    select * from {{ ref('int_person_changes_unioned') }}

),

person_records as (

    select * from {{ ref('int_person_records_unioned') }}

),

person_merges as (

    select * from {{ ref('int_person_merges_unioned') }}

),

people_records as (

    select * from {{ ref('int_people_records') }}

),

crm_systems as (

    select * from {{ ref('int_crm_systems_in_use') }}

),

crm_data_cuts as (

    select * from {{ ref('int_crm_data_cuts') }}

),

-- An entry that only evidence of a later stage tells of was handed to nobody.
entries as (

    select
        lead_cycle_id,
        min(case when stage = 'mql' then occurred_at end) as mql_at,
        min(case when stage_order > 3 then occurred_at end) as accepted_at,
        min(case when stage = 'mql' then hand_raised_at end) as hand_raised_at
    from cycle_evidence
    group by lead_cycle_id
    having
        min(case when stage = 'mql' then occurred_at end)
        <= coalesce(min(case when stage_order > 3 then occurred_at end), {{ end_of_time() }})

),

mqls as (

    select
        cycles.lead_cycle_id,
        cycles.person_id,
        cycles.exit_type,
        cycles.exit_reason,
        cycles.exit_side,
        cycles.opened_at,
        cycles.exited_at,
        cycles.ended_at,
        cycles.sqo_at,
        entries.mql_at,
        entries.accepted_at,
        coalesce(entries.hand_raised_at <= entries.mql_at, false) as is_hand_raise,
        coalesce(
            lead(cycles.opened_at) over (
                partition by cycles.person_id
                order by entries.mql_at, cycles.lead_cycle_id
            ),
            {{ end_of_time() }}
        ) as next_opened_at,
        coalesce(
            lead(entries.mql_at) over (
                partition by cycles.person_id
                order by entries.mql_at, cycles.lead_cycle_id
            ),
            {{ end_of_time() }}
        ) as next_mql_at
    from entries
    inner join cycles on entries.lead_cycle_id = cycles.lead_cycle_id
    where cycles.person_id is not null

),

-- Every moment at which a system says that marketing passed a record on: in its history, and as
-- the record stands.
stamps as (

    select
        person_changes.system,
        person_changes.object,
        person_changes.record_id,
        {{ text_to_timestamp('person_changes.new_value') }} as handed_over_at
    from person_changes
    where
        person_changes.field = 'handed_over_at'
        and not person_changes.is_deleted

    union

    select
        system,
        object,
        record_id,
        handed_over_at
    from person_records
    where handed_over_at is not null

),

stamping_systems as (

    select distinct system
    from stamps
    where handed_over_at is not null

),

people_stamps as (

    select
        people_records.person_id,
        people_records.record_key,
        stamps.handed_over_at
    from stamps
    inner join people_records
        on
            stamps.system = people_records.system
            and stamps.object = people_records.object
            and stamps.record_id = people_records.record_id
    where stamps.handed_over_at <= {{ as_of() }}

),

-- Who stands in a system that keeps such stamps was passed on only if it says so.
stamped_people as (

    select distinct people_records.person_id
    from people_records
    inner join stamping_systems on people_records.system = stamping_systems.system

),

merged_away as (

    select distinct
        system,
        object,
        record_id
    from person_merges

),

crm_records as (

    select
        people_records.person_id,
        people_records.record_key,
        people_records.system,
        coalesce(person_records.created_at, person_records.modified_at) as created_at,
        not person_records.is_deleted
        and person_records.merged_into_record_id is null
        and merged_away.record_id is null as is_living
    from person_records
    inner join crm_systems on person_records.system = crm_systems.system
    inner join people_records
        on
            person_records.system = people_records.system
            and person_records.object = people_records.object
            and person_records.record_id = people_records.record_id
    left join merged_away
        on
            person_records.system = merged_away.system
            and person_records.object = merged_away.object
            and person_records.record_id = merged_away.record_id

),

ordered_crm_records as (

    select
        person_id,
        record_key,
        system,
        created_at,
        is_living,
        row_number() over (
            partition by person_id
            order by
                case when is_living then 0 else 1 end,
                created_at,
                record_key
        ) as place
    from crm_records

),

arrivals as (

    select
        ordered_crm_records.person_id,
        max(
            case
                when ordered_crm_records.is_living and ordered_crm_records.place = 1
                    then ordered_crm_records.record_key
            end
        ) as crm_record_key,
        min(case when ordered_crm_records.is_living then ordered_crm_records.created_at end)
            as crm_arrived_at,
        min(crm_data_cuts.data_cut_at) as data_cut_at
    from ordered_crm_records
    left join crm_data_cuts on ordered_crm_records.system = crm_data_cuts.system
    group by ordered_crm_records.person_id

),

-- The stamp of an entry is the first one after it, else the last one before it in the same cycle.
ranked_stamps as (

    select
        mqls.lead_cycle_id,
        people_stamps.record_key,
        people_stamps.handed_over_at,
        row_number() over (
            partition by mqls.lead_cycle_id
            order by
                case when people_stamps.handed_over_at >= mqls.mql_at then 0 else 1 end,
                case
                    when people_stamps.handed_over_at >= mqls.mql_at
                        then {{ seconds_between('mqls.mql_at', 'people_stamps.handed_over_at') }}
                    else {{ seconds_between('people_stamps.handed_over_at', 'mqls.mql_at') }}
                end,
                people_stamps.record_key
        ) as preference
    from mqls
    inner join people_stamps
        on
            mqls.person_id = people_stamps.person_id
            and mqls.opened_at <= people_stamps.handed_over_at
            and mqls.next_opened_at > people_stamps.handed_over_at

),

earliest_cut as (

    select min(data_cut_at) as data_cut_at
    from crm_data_cuts

),

passed as (

    select
        mqls.lead_cycle_id,
        mqls.person_id,
        ranked_stamps.record_key as handed_over_record_key,
        arrivals.crm_record_key,
        mqls.exit_type,
        mqls.exit_reason,
        mqls.exit_side,
        mqls.is_hand_raise,
        case
            when stamped_people.person_id is not null then 'stamp'
            when arrivals.crm_arrived_at is not null then 'crm_record'
        end as handed_over_by,
        mqls.opened_at,
        mqls.mql_at,
        case
            when stamped_people.person_id is not null then ranked_stamps.handed_over_at
            when
                arrivals.crm_arrived_at < mqls.next_mql_at
                then greatest(mqls.mql_at, arrivals.crm_arrived_at)
        end as handed_over_at,
        arrivals.crm_arrived_at,
        mqls.accepted_at,
        mqls.exited_at,
        mqls.ended_at,
        mqls.sqo_at,
        mqls.next_mql_at,
        coalesce(
            arrivals.data_cut_at,
            (select earliest_cut.data_cut_at from earliest_cut),
            {{ as_of() }}
        ) as data_cut_at
    from mqls
    left join ranked_stamps
        on
            mqls.lead_cycle_id = ranked_stamps.lead_cycle_id
            and ranked_stamps.preference = 1
    left join stamped_people on mqls.person_id = stamped_people.person_id
    left join arrivals on mqls.person_id = arrivals.person_id

),

final as (

    select
        lead_cycle_id,
        person_id,
        handed_over_record_key,
        crm_record_key,
        case when handed_over_at is not null then handed_over_by end as handed_over_by,
        exit_type,
        exit_reason,
        exit_side,
        is_hand_raise,
        coalesce(accepted_at <= coalesce(exited_at, {{ end_of_time() }}), false) as is_accepted,
        opened_at,
        mql_at,
        handed_over_at,
        crm_arrived_at,
        accepted_at,
        exited_at,
        ended_at,
        sqo_at,
        -- Answers to the hand-off are looked for from here on.
        least(mql_at, coalesce(handed_over_at, mql_at)) as answers_from,
        next_mql_at,
        data_cut_at
    from passed

)

select * from final
