with contact_histories as (

    select * from {{ ref('stg_salesforce__contact_histories_uncut') }}

),

final as (

    select
        contact_histories.system,
        contact_histories.object,
        contact_histories.record_id,
        contact_histories.field,
        contact_histories.old_value,
        contact_histories.new_value,
        contact_histories.changed_at,
        contact_histories.change_id,
        contact_histories.modified_at,
        contact_histories.is_deleted
    from contact_histories
    where not contact_histories.is_to_come

)

select * from final
