{{ config(materialized='view') }}

with engagements as (

    select * from {{ ref('stg_hubspot__engagements') }}

),

engagement_contacts as (

    select * from {{ ref('stg_hubspot__engagement_contacts') }}

),

engagement_deals as (

    select * from {{ ref('stg_hubspot__engagement_deals') }}

),

engagement_companies as (

    select * from {{ ref('stg_hubspot__engagement_companies') }}

),

numbered_contacts as (

    select
        engagement_record_id,
        person_record_id,
        row_number() over (
            partition by engagement_record_id
            order by person_record_id asc
        ) as contact_number
    from engagement_contacts
    where not is_deleted

),

first_deals as (

    select
        engagement_record_id,
        min(deal_record_id) as deal_record_id
    from engagement_deals
    where not is_deleted
    group by engagement_record_id

),

first_companies as (

    select
        engagement_record_id,
        min(account_record_id) as account_record_id
    from engagement_companies
    where not is_deleted
    group by engagement_record_id

),

final as (

    select
        engagements.system,
        engagements.object,
        -- The first contact keeps the engagement's own id, so that it is found in its system.
        case
            when coalesce(numbered_contacts.contact_number, 1) = 1 then engagements.record_id
            else engagements.record_id || '#' || numbered_contacts.person_record_id
        end as record_id,
        'contact' as person_object,
        numbered_contacts.person_record_id,
        cast(null as {{ dbt.type_string() }}) as visitor_id,
        first_deals.deal_record_id as opportunity_record_id,
        first_companies.account_record_id,
        engagements.owner_record_id,
        engagements.engagement_type as source_value,
        engagements.direction,
        engagements.outcome,
        cast(null as {{ dbt.type_string() }}) as source,
        cast(null as {{ dbt.type_string() }}) as medium,
        cast(null as {{ dbt.type_string() }}) as campaign,
        cast(null as {{ dbt.type_string() }}) as campaign_record_id,
        cast(null as {{ dbt.type_string() }}) as content_id,
        cast(null as {{ dbt.type_string() }}) as url,
        cast(null as {{ dbt.type_string() }}) as user_agent,
        cast(null as {{ dbt.type_string() }}) as message_id,
        cast(null as {{ dbt.type_string() }}) as reference_system,
        cast(null as {{ dbt.type_string() }}) as logged_as,
        engagements.is_planned,
        engagements.duration_minutes,
        engagements.occurred_at,
        engagements.modified_at,
        engagements.is_deleted
    from engagements
    left join numbered_contacts on engagements.record_id = numbered_contacts.engagement_record_id
    left join first_deals on engagements.record_id = first_deals.engagement_record_id
    left join first_companies on engagements.record_id = first_companies.engagement_record_id

)

select * from final
