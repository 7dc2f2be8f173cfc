{{ config(materialized='view') }}

with salesforce_opportunity_contact_roles as (

    select * from {{ ref('stg_salesforce__opportunity_contact_roles') }}

),

crm_opportunity_people as (

    select * from {{ ref('stg_crm__opportunity_people') }}

),

crm_systems_in_use as (

    select * from {{ ref('int_crm_systems_in_use') }}

),

unioned as (

    select
        salesforce_opportunity_contact_roles.system || ':' || salesforce_opportunity_contact_roles.object || ':' || salesforce_opportunity_contact_roles.record_id as record_key,
        salesforce_opportunity_contact_roles.system,
        'opportunity' as object,
        salesforce_opportunity_contact_roles.opportunity_record_id as record_id,
        salesforce_opportunity_contact_roles.person_system,
        salesforce_opportunity_contact_roles.person_object,
        salesforce_opportunity_contact_roles.person_record_id,
        salesforce_opportunity_contact_roles.role,
        salesforce_opportunity_contact_roles.is_primary,
        salesforce_opportunity_contact_roles.modified_at,
        salesforce_opportunity_contact_roles.is_deleted
    from salesforce_opportunity_contact_roles

    union all

    select
        crm_opportunity_people.system || ':' || crm_opportunity_people.object || ':' || crm_opportunity_people.record_id as record_key,
        crm_opportunity_people.system,
        'opportunities' as object,
        crm_opportunity_people.opportunity_record_id as record_id,
        crm_opportunity_people.person_system,
        crm_opportunity_people.person_object,
        crm_opportunity_people.person_record_id,
        crm_opportunity_people.role,
        crm_opportunity_people.is_primary,
        crm_opportunity_people.modified_at,
        crm_opportunity_people.is_deleted
    from crm_opportunity_people

),

final as (

    select
        unioned.record_key,
        unioned.system,
        unioned.object,
        unioned.record_id,
        unioned.person_system,
        unioned.person_object,
        unioned.person_record_id,
        unioned.role,
        unioned.is_primary,
        unioned.modified_at,
        unioned.is_deleted
    from unioned
    inner join crm_systems_in_use
        on unioned.system = crm_systems_in_use.system

)

select * from final
