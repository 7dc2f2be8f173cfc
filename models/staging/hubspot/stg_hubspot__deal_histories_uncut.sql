with property_history as (

    select *
    from {{ source('hubspot', 'deal_property_history') }}
    where not _is_deleted

),

stage_history as (

    select *
    from {{ source('hubspot', 'deal_stage') }}
    where not _is_deleted

),

property_changes as (

    {{ property_changes('property_history', 'deal_id') }}

),

deals_with_stage_properties as (

    select distinct property_changes.record_id
    from property_changes
    where property_changes.field_name = 'dealstage'

),

-- The stage history repeats the property history, so it only stands in where that is silent.
stages_entered as (

    select
        stage_history.deal_id,
        stage_history._key,
        'dealstage' as name,
        stage_history.value,
        stage_history.source,
        stage_history.date_entered as timestamp,
        stage_history._modified_at,
        stage_history._valid_to,
        stage_history._is_current,
        stage_history._is_deleted
    from stage_history
    left join deals_with_stage_properties
        on stage_history.deal_id = deals_with_stage_properties.record_id
    where deals_with_stage_properties.record_id is null

),

stage_changes as (

    {{ property_changes('stages_entered', 'deal_id') }}

),

changes as (

    select
        property_changes.record_id,
        property_changes.change_id,
        property_changes.field_name,
        property_changes.old_value,
        property_changes.new_value,
        property_changes.changed_at,
        property_changes.modified_at,
        property_changes.is_to_come
    from property_changes

    union all

    select
        stage_changes.record_id,
        stage_changes.field_name || '|' || stage_changes.change_id as change_id,
        stage_changes.field_name,
        stage_changes.old_value,
        stage_changes.new_value,
        stage_changes.changed_at,
        stage_changes.modified_at,
        stage_changes.is_to_come
    from stage_changes

),

final as (

    select
        'hubspot' as system,
        'deal' as object,
        changes.record_id,
        changes.change_id,
        case changes.field_name
            when 'dealstage' then 'stage_record_id'
            when 'deal_currency_code' then 'currency'
            when 'closedate' then 'close_date'
            when 'hubspot_owner_id' then 'owner_record_id'
            when 'dealname' then 'opportunity_name'
            when 'dealtype' then 'opportunity_type'
            when 'pipeline' then 'pipeline_record_id'
            when 'hs_analytics_source' then 'lead_source'
            when 'hs_forecast_category' then 'forecast_category'
            when 'hs_manual_forecast_category' then 'forecast_category'
            when 'closed_lost_reason' then 'loss_reason'
            else changes.field_name
        end as field,
        changes.old_value,
        changes.new_value,
        changes.changed_at,
        changes.modified_at,
        changes.is_to_come
    from changes

)

select * from final
