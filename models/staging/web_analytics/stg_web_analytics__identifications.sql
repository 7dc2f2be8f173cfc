with source as (

    select *
    from {{ source('web_analytics', 'identifications') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'web_analytics' as system,
        'identifications' as object,
        _key as record_id,
        visitor_id,
        coalesce(
            contact_object,
            case contact_system
                when 'crm' then 'people'
                when 'marketing' then 'contacts'
                else 'contact'
            end
        ) as person_object,
        contact_id as person_record_id,
        contact_system as person_system,
        identified_at,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
