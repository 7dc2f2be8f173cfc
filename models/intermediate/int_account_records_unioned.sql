{{ config(materialized='view') }}

{%- set delivering_models = [
    'stg_salesforce__accounts',
    'stg_crm__accounts',
    'stg_hubspot__companies',
] -%}
{%- set conformed_columns = [
    'system',
    'object',
    'record_id',
    'account_name',
    'website',
    'industry',
    'employees',
    'country',
    'owner_record_id',
    'parent_record_id',
    'merged_into_record_id',
    'created_at',
    'modified_at',
    'is_deleted',
] %}

with unioned as (

    {{ union_conformed(delivering_models, conformed_columns) }}

),

final as (

    select
        unioned.system || ':' || unioned.object || ':' || unioned.record_id as record_key,
        unioned.system,
        unioned.object,
        unioned.record_id,
        unioned.account_name,
        unioned.website,
        unioned.industry,
        unioned.employees,
        unioned.country,
        unioned.owner_record_id,
        unioned.parent_record_id,
        unioned.merged_into_record_id,
        unioned.created_at,
        unioned.modified_at,
        unioned.is_deleted
    from unioned

)

select * from final
