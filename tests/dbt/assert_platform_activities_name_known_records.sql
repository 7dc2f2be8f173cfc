{{ config(severity='warn') }}
-- Fails if an activity of a sales engagement platform names no CRM while it is open which one is
-- meant, or a person, deal or user that its CRM did not deliver: it then belongs to nobody, and its
-- touch counts for no lead and no rep. A warning: such rows are kept as they came, and sales
-- operations completes the ids that the platform exports.
with activities as (

    select *
    from {{ ref('int_sales_engagement_activities_matched') }}
    where not is_deleted

),

people as (

    select * from {{ ref('int_person_records_unioned') }}

),

users as (

    select * from {{ ref('int_user_records_unioned') }}

),

opportunities as (

    select * from {{ ref('int_opportunity_records_unioned') }}

)

select
    activities.record_id,
    activities.reference_system,
    case when people.record_id is null then activities.person_record_id end as unknown_person,
    case when users.record_id is null then activities.owner_record_id end as unknown_owner,
    case when opportunities.record_id is null then activities.opportunity_record_id end
        as unknown_opportunity
from activities
left join people
    on
        activities.reference_system = people.system
        and activities.person_object = people.object
        and activities.person_record_id = people.record_id
left join users
    on
        activities.reference_system = users.system
        and activities.owner_record_id = users.record_id
left join opportunities
    on
        activities.reference_system = opportunities.system
        and activities.opportunity_record_id = opportunities.record_id
where
    activities.reference_system is null
    or (activities.person_record_id is not null and people.record_id is null)
    or (activities.owner_record_id is not null and users.record_id is null)
    or (activities.opportunity_record_id is not null and opportunities.record_id is null)
