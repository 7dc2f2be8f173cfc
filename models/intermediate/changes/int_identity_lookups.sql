{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['lookup_kind', 'lookup_key'],
    on_schema_change='fail',
) }}

with people_records as {{ read_in_place(always=true) }} (

    select * from {{ ref('int_people_records') }}

),

person_records as (

    select * from {{ ref('int_person_records_unioned') }}

),

person_changes as {{ read_in_place(always=true) }} (

    select * from {{ ref('int_person_changes_unioned') }}

),

person_merges as (

    select * from {{ ref('int_person_merges_unioned') }}

),

people_accounts as (

    select * from {{ ref('int_people_accounts') }}

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

visitors_identified as (

    select * from {{ ref('int_visitors_identified') }}

),

activity_records as {{ read_in_place(always=true) }} (

    select * from {{ ref('int_activity_records_unioned') }}

),

lead_rules as (

    select * from {{ ref('lead_rules') }}

),

definition_versions as (

    select * from {{ ref('definition_versions') }}

),

user_agents as (

    select activity_records.user_agent
    from activity_records
    where activity_records.user_agent is not null
    group by activity_records.user_agent

),

-- Only a browser that a rule of any version hits can say that somebody is a bot.
suspected_agents as (

    select distinct user_agents.user_agent
    from user_agents
    inner join lead_rules
        on
            lead_rules.kind = 'exclusion'
            and lead_rules.field = 'user_agent'
            and {{ rule_holds(
                'lead_rules.operator', 'user_agents.user_agent', 'lead_rules.value'
            ) }}

),

suspected_visitors as (

    select distinct activity_records.visitor_id
    from activity_records
    where
        activity_records.visitor_id is not null
        and activity_records.user_agent in (
            select suspected_agents.user_agent from suspected_agents
        )

),

suspected_people as (

    select distinct visitors_identified.person_id
    from visitors_identified
    where
        visitors_identified.visitor_id in (
            select suspected_visitors.visitor_id from suspected_visitors
        )

),

browsers as (

    select distinct
        suspects.person_id,
        activity_records.user_agent
    from activity_records
    inner join visitors_identified as suspects
        on activity_records.visitor_id = suspects.visitor_id
    where
        activity_records.user_agent is not null
        and suspects.person_id in (select suspected_people.person_id from suspected_people)

),

-- What says no time at all is as old as the build.
described_records as (

    select
        people_records.person_id,
        {{ row_hash('people_records') }} as record_hash,
        {{ row_hash('person_records') }} as delivered_hash,
        case
            when
                people_records.is_delivered
                and person_records.created_at is null
                and person_records.modified_at is null
                then {{ as_of() }}
        end as dated
    from people_records
    left join person_records on people_records.record_key = person_records.record_key

),

-- What a history tells of days to come holds once they have come.
dated_changes as (

    select
        person_changes.*,
        coalesce(person_changes.changed_at > {{ as_of() }}, false) as is_of_days_to_come
    from person_changes

),

placed_people as (

    select
        people_accounts.*,
        accounts.industry,
        accounts.employees,
        accounts.country
    from people_accounts
    left join accounts on people_accounts.account_id = accounts.account_id

),

rows_of_people as (

    select
        described_records.person_id,
        {{ row_hash('described_records') }} as row_hash
    from described_records

    union all

    select
        people_records.person_id,
        {{ row_hash('dated_changes') }} as row_hash
    from people_records
    inner join dated_changes
        on
            people_records.system = dated_changes.system
            and people_records.object = dated_changes.object
            and people_records.record_id = dated_changes.record_id

    union all

    select
        people_records.person_id,
        {{ row_hash('person_merges') }} as row_hash
    from people_records
    inner join person_merges
        on
            people_records.system = person_merges.system
            and people_records.object = person_merges.object
            and people_records.record_id = person_merges.record_id

    union all

    select
        placed_people.person_id,
        {{ row_hash('placed_people') }} as row_hash
    from placed_people

    union all

    select
        browsers.person_id,
        {{ row_hash('browsers') }} as row_hash
    from browsers

),

people_digests as (

    select
        person_id,
        {{ rows_digest('row_hash') }} as digest
    from rows_of_people
    group by person_id

),

-- Whether a system keeps a history of a field at all says how its present values are dated.
kept_histories as (

    select
        person_changes.system || '|' || person_changes.object
        || '|' || person_changes.field as kept
    from person_changes
    where not person_changes.is_deleted
    group by person_changes.system, person_changes.object, person_changes.field

),

values_now as (

    select
        'person' as lookup_kind,
        people_digests.person_id as lookup_key,
        people_digests.person_id as subject_id,
        people_digests.digest as found_value
    from people_digests

    union all

    select
        'everybody' as lookup_kind,
        'history of ' || kept_histories.kept as lookup_key,
        'everybody' as subject_id,
        'kept' as found_value
    from kept_histories

    union all

    -- A version comes into force when its day has come.
    select
        'everybody' as lookup_kind,
        'version ' || definition_versions.version as lookup_key,
        'everybody' as subject_id,
        'in force' as found_value
    from definition_versions
    where definition_versions.effective_from <= {{ as_of() }}

),

final as (

    {{ remembered_values('values_now') }}

)

select * from final
