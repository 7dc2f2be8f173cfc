with opportunity_records as (

    select * from {{ ref('int_opportunity_records_unioned') }}

),

opportunity_people as (

    select * from {{ ref('int_opportunity_people_unioned') }}

),

people_records as (

    select * from {{ ref('int_people_records') }}

),

person_records as (

    select * from {{ ref('int_person_records_unioned') }}

),

people as (

    select * from {{ ref('int_people') }}

),

account_records as (

    select * from {{ ref('int_account_records') }}

),

activities as (

    select * from {{ ref('int_activities') }}

),

opportunities as (

    select
        opportunity_records.system || ':' || opportunity_records.record_id as opportunity_id,
        opportunity_records.system,
        opportunity_records.primary_person_record_id,
        account_records.account_id,
        opportunity_records.created_at
    from opportunity_records
    left join account_records
        on
            opportunity_records.system = account_records.system
            and opportunity_records.account_record_id = account_records.record_id

),

-- Of several leads converted into one opportunity the first made it, the others joined in.
-- They and contact roles are joined by whole keys: told that all three are of one system, DuckDB
-- may join all opportunities of a system with all its people first.
converted_leads as (

    select
        opportunities.opportunity_id,
        people_records.person_id,
        'converted_lead' as link_evidence,
        1 as rung,
        person_records.converted_at as evidence_at,
        people_records.record_key as evidence_key
    from opportunities
    inner join person_records
        on
            opportunities.opportunity_id
            = person_records.system || ':' || person_records.converted_opportunity_record_id
    inner join people_records
        on
            {{ record_key(
                'person_records.system', 'person_records.object', 'person_records.record_id'
            ) }} = people_records.record_key

),

primary_contacts as (

    select
        opportunities.opportunity_id,
        people_records.person_id,
        'primary' as link_evidence,
        2 as rung,
        cast(null as {{ dbt.type_timestamp() }}) as evidence_at,
        case when people_records.record_type = 'contact' then '' else people_records.record_key end
            as evidence_key
    from opportunities
    inner join people_records
        on
            opportunities.system = people_records.system
            and opportunities.primary_person_record_id = people_records.record_id

),

contact_roles as (

    select
        opportunities.opportunity_id,
        people_records.person_id,
        case
            when opportunity_people.is_primary then 'primary' else 'any_role'
        end as link_evidence,
        case when opportunity_people.is_primary then 2 else 3 end as rung,
        people.first_seen_at as evidence_at,
        people_records.record_key as evidence_key
    from opportunities
    inner join opportunity_people
        on
            opportunities.opportunity_id
            = opportunity_people.system || ':' || opportunity_people.record_id
    inner join people_records
        on
            {{ record_key(
                'opportunity_people.person_system',
                'opportunity_people.person_object',
                'opportunity_people.person_record_id'
            ) }} = people_records.record_key
    inner join people
        on people_records.person_id = people.person_id
    where not opportunity_people.is_deleted

),

-- Of an account's people the one active last, by the touches that both teams count; test records,
-- staff and the like are nobody's buyer.
account_touches as (

    select
        activities.activity_id,
        activities.person_id,
        people.account_id,
        activities.occurred_at
    from activities
    inner join people
        on activities.person_id = people.person_id
    where
        activities.is_activity
        and (activities.is_touch or activities.is_response)
        and not people.is_excluded
        and people.account_id is not null

),

active_people as (

    select
        opportunities.opportunity_id,
        account_touches.person_id,
        'account_activity' as link_evidence,
        4 as rung,
        account_touches.occurred_at as evidence_at,
        account_touches.activity_id as evidence_key
    from opportunities
    inner join account_touches
        on
            opportunities.account_id = account_touches.account_id
            and opportunities.created_at >= account_touches.occurred_at
            and {{ dbt.dateadd(
                'day',
                '-' ~ var('account_activity_link_days'),
                'opportunities.created_at',
            ) }} <= account_touches.occurred_at

),

candidates as (

    select * from converted_leads

    union all

    select * from primary_contacts

    union all

    select * from contact_roles

    union all

    select * from active_people

),

ranked as (

    select
        candidates.opportunity_id,
        candidates.person_id,
        candidates.link_evidence,
        row_number() over (
            partition by candidates.opportunity_id
            order by
                candidates.rung asc,
                case when candidates.rung < 4 then candidates.evidence_at end asc nulls first,
                case when candidates.rung = 4 then candidates.evidence_at end desc,
                candidates.evidence_key asc,
                candidates.person_id asc
        ) as preference
    from candidates

),

final as (

    select
        opportunities.opportunity_id,
        ranked.person_id,
        coalesce(ranked.link_evidence, 'none') as link_evidence
    from opportunities
    left join ranked
        on
            opportunities.opportunity_id = ranked.opportunity_id
            and ranked.preference = 1

)

select * from final
