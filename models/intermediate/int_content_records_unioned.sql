{{ config(materialized='view') }}

{%- set delivering_models = [
    'stg_marketing__content',
] -%}
{%- set conformed_columns = [
    'system',
    'object',
    'record_id',
    'content_id',
    'title',
    'job',
    'team',
    'published_at',
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
        content_id,
        title,
        job,
        team,
        published_at,
        modified_at,
        is_deleted
    from unioned

)

select * from final
