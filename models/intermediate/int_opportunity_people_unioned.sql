{{ config(materialized='view') }}

{%- set delivering_models = [
    'stg_salesforce__opportunity_contact_roles',
    'stg_crm__opportunity_people',
    'stg_hubspot__deal_contacts',
] -%}
{%- set conformed_columns = [
    'association_id',
    'system',
    'object',
    'record_id',
    'person_system',
    'person_object',
    'person_record_id',
    'role',
    'is_primary',
    'modified_at',
    'is_deleted',
] %}

with crm_systems_in_use as (

    select * from {{ ref('int_crm_systems_in_use') }}

),

unioned as (

    {{ union_conformed(delivering_models, conformed_columns) }}

),

final as (

    select
        unioned.system || ':' || unioned.object || ':' || unioned.association_id as association_key,
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
