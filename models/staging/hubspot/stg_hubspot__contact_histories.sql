with histories as (

    select * from {{ ref('stg_hubspot__contact_histories_uncut') }}

),

final as (

    select
        histories.system,
        histories.object,
        histories.record_id,
        histories.change_id,
        histories.property_name,
        histories.field,
        histories.old_value,
        histories.new_value,
        histories.change_source,
        histories.changed_at,
        histories.modified_at,
        histories.is_deleted
    from histories
    where not histories.is_to_come

)

select * from final
