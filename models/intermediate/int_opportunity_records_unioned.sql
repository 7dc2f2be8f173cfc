{%- set delivering_models = [
    'stg_salesforce__opportunities',
    'stg_crm__opportunities',
    'stg_hubspot__deals',
] -%}
{%- set conformed_columns = [
    'system',
    'object',
    'record_id',
    'account_record_id',
    'primary_person_record_id',
    'opportunity_name',
    'opportunity_type',
    'stage',
    'amount',
    'currency',
    'close_date',
    'lead_source',
    'forecast_category',
    'loss_reason',
    'competitor',
    'owner_record_id',
    'campaign_record_id',
    'contract_start_date',
    'contract_months',
    'recurring_amount',
    'recurring_period',
    'renews_record_id',
    'cancelled_at',
    'is_closed',
    'is_won',
    'created_at',
    'modified_at',
    'is_deleted',
] %}

with crm_systems_in_use as (

    select * from {{ ref('int_crm_systems_in_use') }}

),

opportunity_types as (

    select * from {{ ref('opportunity_types') }}

),

unioned as (

    {{ union_conformed(delivering_models, conformed_columns) }}

),

type_mappings as (

    select
        lower(opportunity_types.system) as system,
        lower(trim(opportunity_types.value)) as value,
        opportunity_types.opportunity_type
    from opportunity_types

),

final as (

    select
        unioned.system || ':' || unioned.object || ':' || unioned.record_id as record_key,
        unioned.system,
        unioned.object,
        unioned.record_id,
        unioned.account_record_id,
        unioned.primary_person_record_id,
        unioned.opportunity_name,
        -- A value of the system itself comes before one of any system, and that before the default.
        coalesce(
            own_values.opportunity_type,
            any_systems_values.opportunity_type,
            own_default.opportunity_type,
            default_type.opportunity_type
        ) as opportunity_type,
        unioned.opportunity_type as original_type,
        coalesce(
            own_values.opportunity_type,
            any_systems_values.opportunity_type
        ) is not null as is_type_mapped,
        unioned.stage,
        unioned.amount,
        unioned.currency,
        unioned.close_date,
        unioned.lead_source,
        unioned.forecast_category,
        unioned.loss_reason,
        unioned.competitor,
        unioned.owner_record_id,
        unioned.campaign_record_id,
        unioned.contract_start_date,
        unioned.contract_months,
        unioned.recurring_amount,
        unioned.recurring_period,
        unioned.renews_record_id,
        unioned.cancelled_at,
        unioned.is_closed,
        unioned.is_won,
        unioned.created_at,
        unioned.modified_at,
        unioned.is_deleted
    from unioned
    inner join crm_systems_in_use
        on unioned.system = crm_systems_in_use.system
    left join type_mappings as own_values
        on
            unioned.system = own_values.system
            and lower(trim(unioned.opportunity_type)) = own_values.value
    left join type_mappings as any_systems_values
        on
            any_systems_values.system = '*'
            and lower(trim(unioned.opportunity_type)) = any_systems_values.value
    left join type_mappings as own_default
        on
            unioned.system = own_default.system
            and own_default.value = '*'
    left join type_mappings as default_type
        on
            default_type.system = '*'
            and default_type.value = '*'

)

select * from final
