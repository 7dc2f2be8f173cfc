{%- set delivering_models = [
    'stg_salesforce__leads',
    'stg_salesforce__contacts',
    'stg_crm__people',
    'stg_hubspot__contacts',
    'stg_marketing__contacts',
] -%}
{%- set conformed_columns = [
    'system',
    'object',
    'record_id',
    'record_type',
    'email',
    'phone',
    'first_name',
    'last_name',
    'title',
    'company',
    'website',
    'industry',
    'employees',
    'country',
    'account_record_id',
    'owner_record_id',
    'source',
    'self_reported_source',
    'status',
    'status_reason',
    'lifecycle_stage',
    'rating',
    'crm_record_id',
    'converted_record_id',
    'converted_opportunity_record_id',
    'merged_into_record_id',
    'converted_at',
    'handed_over_at',
    'opted_out_at',
    'created_at',
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
        record_type,
        email,
        phone,
        first_name,
        last_name,
        title,
        company,
        website,
        industry,
        employees,
        country,
        account_record_id,
        owner_record_id,
        source,
        self_reported_source,
        status,
        status_reason,
        lifecycle_stage,
        rating,
        crm_record_id,
        converted_record_id,
        converted_opportunity_record_id,
        merged_into_record_id,
        converted_at,
        handed_over_at,
        opted_out_at,
        created_at,
        modified_at,
        is_deleted
    from unioned

)

select * from final
