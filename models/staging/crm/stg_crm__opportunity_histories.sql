with opportunity_histories as (

    select * from {{ source('crm', 'opportunity_history') }}

),

final as (

    select
        'crm' as system,
        'opportunities' as object,
        opportunity_histories.opportunity_id as record_id,
        opportunity_histories._key as change_id,
        opportunity_histories.stage,
        opportunity_histories.amount,
        opportunity_histories.currency,
        opportunity_histories.close_date,
        opportunity_histories.owner_id as owner_record_id,
        opportunity_histories.changed_at,
        opportunity_histories._modified_at as modified_at,
        opportunity_histories._is_deleted as is_deleted
    from opportunity_histories
    where {{ visible('opportunity_histories') }}

)

select * from final
