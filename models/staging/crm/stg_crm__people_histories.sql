with people_histories as (

    select * from {{ ref('stg_crm__people_histories_uncut') }}

),

final as (

    select
        people_histories.system,
        people_histories.object,
        people_histories.record_id,
        people_histories.field,
        people_histories.old_value,
        people_histories.new_value,
        people_histories.changed_at,
        people_histories.change_id,
        people_histories.modified_at,
        people_histories.is_deleted
    from people_histories
    where not people_histories.is_to_come

)

select * from final
