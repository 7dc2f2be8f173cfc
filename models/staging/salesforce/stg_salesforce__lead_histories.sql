with lead_histories as (

    select * from {{ ref('stg_salesforce__lead_histories_uncut') }}

),

final as (

    select
        lead_histories.system,
        lead_histories.object,
        lead_histories.record_id,
        lead_histories.field,
        lead_histories.old_value,
        lead_histories.new_value,
        lead_histories.changed_at,
        lead_histories.change_id,
        lead_histories.modified_at,
        lead_histories.is_deleted
    from lead_histories
    where not lead_histories.is_to_come

)

select * from final
