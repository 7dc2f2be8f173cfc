-- The vendor's own history names the opportunity in opportunity_id; a connector's history mode
-- delivers versions of the record itself, and id is the opportunity.
with opportunity_histories as (

    select * from {{ source('salesforce', 'opportunity_history') }}

),

final as (

    select
        'salesforce' as system,
        'opportunity' as object,
        coalesce(
            opportunity_histories.opportunity_id,
            opportunity_histories.id
        ) as record_id,
        opportunity_histories._key as change_id,
        opportunity_histories.stage_name as stage,
        opportunity_histories.amount,
        opportunity_histories.currency_iso_code as currency,
        opportunity_histories.close_date,
        opportunity_histories.owner_id as owner_record_id,
        opportunity_histories.changed_at,
        opportunity_histories._modified_at as modified_at,
        opportunity_histories._is_deleted as is_deleted
    from opportunity_histories
    where {{ visible('opportunity_histories') }}

)

select * from final
