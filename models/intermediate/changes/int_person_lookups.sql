{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['lookup_kind', 'lookup_key'],
    on_schema_change='fail',
) }}

with people as (

    select * from {{ ref('int_people') }}

),

people_records as (

    select * from {{ ref('int_people_records') }}

),

person_records as (

    select * from {{ ref('int_person_records_unioned') }}

),

person_changes as (

    select * from {{ ref('int_person_changes_unioned') }}

),

identity_lookups as (

    select * from {{ ref('int_identity_lookups') }}

),

held_back_records as (

    select * from {{ ref('int_held_back_records') }}

),

attribute_states as (

    select * from {{ ref('int_person_attribute_states') }}

),

opportunities as (

    select * from {{ ref('int_opportunities') }}

),

opportunity_states as (

    select * from {{ ref('int_opportunity_states') }}

),

contracts as (

    select * from {{ ref('int_contracts') }}

),

team_deals as (

    select * from {{ ref('int_team_deals') }}

),

invoiced_amounts as (

    select * from {{ ref('stg_finance__invoiced_amounts') }}

),

users as (

    select * from {{ ref('int_user_records_unioned') }}

),

crm_systems as (

    select * from {{ ref('int_crm_systems_in_use') }}

),

-- Whose record it is, and whose it would be where a contract holds back the only version of it.
records_of_people as (

    select
        people_records.record_key,
        people_records.person_id
    from people_records

    union all

    select
        held_back_records.record_key,
        held_back_records.person_id
    from held_back_records
    where
        held_back_records.kind = 'person'
        and held_back_records.person_id is not null

),

-- What a history tells of days to come holds once they have come.
dated_held_back_records as (

    select
        held_back_records.*,
        coalesce(held_back_records.changed_at > {{ as_of() }}, false) as is_of_days_to_come
    from held_back_records

),

rows_of_people as (

    select
        people.person_id,
        {{ row_hash('people') }} as row_hash
    from people

    union all

    -- The records of a person, their histories and merges.
    select
        identity_lookups.subject_id as person_id,
        {{ row_hash('identity_lookups', ['found_value']) }} as row_hash
    from identity_lookups
    where identity_lookups.lookup_kind = 'person' and identity_lookups.found_value is not null

    union all

    -- A record that another was converted into, perhaps of somebody else.
    select
        people_records.person_id,
        {{ row_hash('person_records') }} as row_hash
    from people_records
    inner join person_records
        on
            people_records.system = person_records.system
            and people_records.record_id = person_records.converted_record_id

    union all

    select
        records_of_people.person_id,
        {{ row_hash('dated_held_back_records') }} as row_hash
    from dated_held_back_records
    inner join records_of_people
        on dated_held_back_records.record_key = records_of_people.record_key
    where dated_held_back_records.kind in ('person', 'change')

    union all

    select
        attribute_states.person_id,
        {{ row_hash('attribute_states') }} as row_hash
    from attribute_states

),

people_digests as (

    select
        person_id,
        {{ rows_digest('row_hash') }} as digest
    from rows_of_people
    group by person_id

),

rows_of_opportunities as (

    select
        opportunities.opportunity_id,
        {{ row_hash('opportunities') }} as row_hash
    from opportunities

    union all

    select
        opportunity_states.opportunity_id,
        {{ row_hash('opportunity_states') }} as row_hash
    from opportunity_states

    union all

    select
        contracts.opportunity_id,
        {{ row_hash('contracts') }} as row_hash
    from contracts

),

opportunity_digests as (

    select
        opportunity_id,
        {{ rows_digest('row_hash') }} as digest
    from rows_of_opportunities
    group by opportunity_id

),

-- Whether a system keeps a history of a field at all says how its present values are dated.
kept_histories as (

    select
        person_changes.system || '|' || person_changes.object
        || '|' || person_changes.field as kept
    from person_changes
    where not person_changes.is_deleted

    union

    select
        held_back_records.system || '|' || held_back_records.object
        || '|' || held_back_records.field as kept
    from held_back_records
    where
        held_back_records.kind = 'change'
        and held_back_records.field is not null

),

-- What a team's systems deliver at all says which sides are compared.
objects_delivered as (

    select
        people_records.system,
        people_records.object
    from people_records
    where people_records.is_delivered

    union

    select
        team_deals.system,
        team_deals.object
    from team_deals

    union

    select
        invoiced_amounts.system,
        invoiced_amounts.object
    from invoiced_amounts

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
        'opportunity_of_person' as lookup_kind,
        opportunities.opportunity_id || '|' || opportunities.person_id as lookup_key,
        opportunities.person_id as subject_id,
        opportunity_digests.digest as found_value
    from opportunities
    inner join opportunity_digests
        on opportunities.opportunity_id = opportunity_digests.opportunity_id
    where opportunities.person_id is not null

    union all

    select
        'opportunity_of_account' as lookup_kind,
        opportunities.opportunity_id || '|' || opportunities.account_id as lookup_key,
        opportunities.account_id as subject_id,
        opportunity_digests.digest as found_value
    from opportunities
    inner join opportunity_digests
        on opportunities.opportunity_id = opportunity_digests.opportunity_id
    where opportunities.account_id is not null

    union all

    select
        'everybody' as lookup_kind,
        'history of ' || kept_histories.kept as lookup_key,
        'everybody' as subject_id,
        'kept' as found_value
    from kept_histories

    union all

    select
        'everybody' as lookup_kind,
        'object ' || objects_delivered.system || '|' || objects_delivered.object
            as lookup_key,
        'everybody' as subject_id,
        'delivered' as found_value
    from objects_delivered

    union all

    select
        'everybody' as lookup_kind,
        'user ' || users.system || '|' || users.record_id as lookup_key,
        'everybody' as subject_id,
        case when users.is_queue then 'queue' else 'rep' end as found_value
    from users

    union all

    select
        'everybody' as lookup_kind,
        'CRM ' || crm_systems.system as lookup_key,
        'everybody' as subject_id,
        'in use' as found_value
    from crm_systems

),

final as (

    {{ remembered_values('values_now') }}

)

select * from final
