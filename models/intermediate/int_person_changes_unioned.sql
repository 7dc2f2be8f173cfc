{%- set delivering_models = [
    'stg_salesforce__lead_histories',
    'stg_salesforce__contact_histories',
    'stg_crm__people_histories',
    'stg_hubspot__contact_histories',
    'stg_marketing__contact_histories',
] -%}
{%- set conformed_columns = [
    'system',
    'object',
    'record_id',
    'change_id',
    'field',
    'old_value',
    'new_value',
    'changed_at',
    'modified_at',
    'is_deleted',
] %}

with unioned as (

    {{ union_conformed(delivering_models, conformed_columns) }}

),

final as (

    select
        system || ':' || object || ':' || change_id as change_id,
        system,
        object,
        record_id,
        field,
        old_value,
        new_value,
        changed_at,
        modified_at,
        is_deleted
    from unioned

)

select * from final
