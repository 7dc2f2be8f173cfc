{%- set delivering_models = [
    'stg_salesforce__users',
    'stg_crm__users',
    'stg_hubspot__owners',
] -%}
{%- set conformed_columns = [
    'system',
    'object',
    'record_id',
    'user_name',
    'email',
    'role',
    'team',
    'region',
    'time_zone',
    'is_queue',
    'is_active',
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
        unioned.user_name,
        unioned.email,
        unioned.role,
        unioned.team,
        unioned.region,
        unioned.time_zone,
        unioned.is_queue,
        unioned.is_active,
        unioned.modified_at,
        unioned.is_deleted
    from unioned

)

select * from final
