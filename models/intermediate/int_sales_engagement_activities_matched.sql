{{ config(materialized='view') }}

{#- What a CRM holds of its reps' work; the first row of an engagement has the engagement's id. -#}
{%- set crm_activities = [
    'stg_salesforce__tasks',
    'stg_salesforce__events',
    'stg_crm__activities',
    'int_engagements_expanded_to_contacts',
] -%}

with activities as (

    select * from {{ ref('stg_sales_engagement__activities') }}

),

crm_systems as (

    select * from {{ ref('int_crm_systems_in_use') }}

),

person_records as (

    select * from {{ ref('int_person_records_unioned') }}

),

{% for model in crm_activities %}
    {{ model }} as (

        select * from {{ ref(model) }}

    ),
{% endfor %}

-- Which CRM is meant goes without saying only where a single one delivers people.
only_crm as (

    select min(person_records.system) as system
    from person_records
    inner join crm_systems on person_records.system = crm_systems.system
    having count(distinct person_records.system) = 1

),

referring as (

    select
        activities.*,
        coalesce(activities.crm_system, (select only_crm.system from only_crm)) as reference_system
    from activities

),

-- No CRM has one id in two of its objects.
objects_named as (

    select
        referring.record_id,
        min(person_records.object) as person_object
    from referring
    inner join person_records
        on
            referring.reference_system = person_records.system
            and referring.person_record_id = person_records.record_id
    group by referring.record_id

),

-- What the CRM holds as done, and of somebody wherever the platform knows of whom.
in_crm as (

    {% for model in crm_activities %}
        select
            referring.record_id,
            crm_records.system || ':' || crm_records.object || ':' || crm_records.record_id
                as logged_as
        from referring
        inner join {{ model }} as crm_records
            on
                referring.reference_system = crm_records.system
                and referring.crm_activity_record_id = crm_records.record_id
        where
            not crm_records.is_deleted
            and not coalesce(crm_records.is_planned, false)
            and crm_records.occurred_at <= {{ as_of() }}
            and (
                crm_records.person_record_id is not null
                or referring.person_record_id is null
            )
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

same_activities as (

    select
        record_id,
        min(logged_as) as logged_as
    from in_crm
    group by record_id

),

final as (

    select
        referring.system,
        referring.object,
        referring.record_id,
        -- A record that was not delivered has the usual object, so that it is found once it comes.
        case
            when referring.person_record_id is null then null
            when referring.reference_system = 'crm' then 'people'
            else coalesce(objects_named.person_object, 'contact')
        end as person_object,
        referring.person_record_id,
        cast(null as {{ dbt.type_string() }}) as visitor_id,
        referring.opportunity_record_id,
        cast(null as {{ dbt.type_string() }}) as account_record_id,
        referring.owner_record_id,
        referring.source_value,
        referring.direction,
        referring.outcome,
        cast(null as {{ dbt.type_string() }}) as source,
        cast(null as {{ dbt.type_string() }}) as medium,
        cast(null as {{ dbt.type_string() }}) as campaign,
        cast(null as {{ dbt.type_string() }}) as campaign_record_id,
        referring.content_id,
        cast(null as {{ dbt.type_string() }}) as url,
        cast(null as {{ dbt.type_string() }}) as user_agent,
        cast(null as {{ dbt.type_string() }}) as message_id,
        referring.reference_system,
        same_activities.logged_as,
        referring.is_planned,
        referring.duration_minutes,
        referring.occurred_at,
        referring.modified_at,
        referring.is_deleted
    from referring
    left join objects_named on referring.record_id = objects_named.record_id
    left join same_activities on referring.record_id = same_activities.record_id

)

select * from final
