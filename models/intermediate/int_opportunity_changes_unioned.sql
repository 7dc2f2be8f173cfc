{%- set delivering_models = [
    'stg_salesforce__opportunity_histories',
    'stg_crm__opportunity_histories',
    'stg_hubspot__deal_states',
] -%}
{%- set conformed_columns = [
    'system',
    'object',
    'record_id',
    'change_id',
    'stage',
    'amount',
    'currency',
    'close_date',
    'owner_record_id',
    'changed_at',
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
        unioned.system,
        unioned.object,
        unioned.record_id,
        unioned.system || ':' || unioned.object || ':' || unioned.change_id as change_id,
        unioned.stage,
        unioned.amount,
        unioned.currency,
        unioned.close_date,
        unioned.owner_record_id,
        unioned.changed_at,
        unioned.modified_at,
        unioned.is_deleted
    from unioned
    inner join crm_systems_in_use
        on unioned.system = crm_systems_in_use.system

)

select * from final
