with opportunity_people as (

    select * from {{ source('crm', 'opportunity_people') }}

),

final as (

    select
        'crm' as system,
        'opportunities' as object,
        opportunity_people.opportunity_id as record_id,
        opportunity_people._key as association_id,
        'crm' as person_system,
        'people' as person_object,
        opportunity_people.record_id as person_record_id,
        opportunity_people.role,
        coalesce(opportunity_people.is_primary, false) as is_primary,
        opportunity_people._modified_at as modified_at,
        opportunity_people._is_deleted as is_deleted
    from opportunity_people
    where {{ visible('opportunity_people') }}

)

select * from final
