with people_histories as (

    select * from {{ source('crm', 'people_history') }}

),

named as (

    select
        people_histories.record_id,
        {{ normalised_name('people_histories.field') }} as field_name,
        people_histories.old_value,
        people_histories.new_value,
        people_histories.changed_at,
        people_histories._key as change_id,
        people_histories._modified_at as modified_at,
        people_histories._is_deleted as is_deleted,
        not{{ visible('people_histories') }} as is_to_come
    from people_histories
    where people_histories._is_current or {{ visible('people_histories') }}

),

final as (

    select
        'crm' as system,
        'people' as object,
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
