{{ config(materialized='view') }}

{%- set delivering_models = [
    'stg_web_analytics__identifications',
    'stg_marketing__identifications',
] -%}
{%- set conformed_columns = [
    'system',
    'object',
    'record_id',
    'visitor_id',
    'person_system',
    'person_object',
    'person_record_id',
    'identified_at',
    'modified_at',
    'is_deleted',
] %}

with unioned as (

    {{ union_conformed(delivering_models, conformed_columns) }}

),

final as (

    select
        system || ':' || object || ':' || record_id as record_key,
        system,
        object,
        record_id,
        visitor_id,
        person_system,
        person_object,
        person_record_id,
        identified_at,
        modified_at,
        is_deleted
    from unioned

)

select * from final
