with source as (

    select *
    from {{ source('marketing', 'identifications') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'marketing' as system,
        'identifications' as object,
        _key as record_id,
        visitor_id,
        'contacts' as person_object,
        contact_id as person_record_id,
        'marketing' as person_system,
        identified_at,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
