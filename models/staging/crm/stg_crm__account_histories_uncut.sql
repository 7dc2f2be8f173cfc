with account_histories as (

    select * from {{ source('crm', 'account_history') }}

),

named as (

    select
        account_histories.record_id,
        {{ normalised_name('account_histories.field') }} as field_name,
        account_histories.old_value,
        account_histories.new_value,
        account_histories.changed_at,
        account_histories._key as change_id,
        account_histories._modified_at as modified_at,
        account_histories._is_deleted as is_deleted,
        not{{ visible('account_histories') }} as is_to_come
    from account_histories
    where account_histories._is_current or {{ visible('account_histories') }}

),

final as (

    select
        'crm' as system,
        'accounts' as object,
        named.record_id,
        {{ conformed_field('named.field_name') }} as field,
        named.old_value,
        named.new_value,
        named.changed_at,
        named.change_id,
        named.modified_at,
        named.is_deleted,
        named.is_to_come
    from named

)

select * from final
