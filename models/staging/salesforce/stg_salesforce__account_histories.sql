with account_histories as (

    select * from {{ ref('stg_salesforce__account_histories_uncut') }}

),

final as (

    select
        account_histories.system,
        account_histories.object,
        account_histories.record_id,
        account_histories.field,
        account_histories.old_value,
        account_histories.new_value,
        account_histories.changed_at,
        account_histories.change_id,
        account_histories.modified_at,
        account_histories.is_deleted
    from account_histories
    where not account_histories.is_to_come

)

select * from final
