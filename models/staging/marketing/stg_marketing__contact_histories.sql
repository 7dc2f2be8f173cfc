with source as (

    select *
    from {{ source('marketing', 'contact_history') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'marketing' as system,
        'contacts' as object,
        contact_id as record_id,
        _key as change_id,
        case lower(field)
            when 'contact_id' then 'record_id'
            when 'merged_into_contact_id' then 'merged_into_record_id'
            else lower(field)
        end as field,
        lag(nullif(value, '')) over (
            partition by contact_id, field
            order by changed_at asc, _key asc
        ) as old_value,
        nullif(value, '') as new_value,
        changed_at,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
