with opportunity_contact_roles as (

    select * from {{ source('salesforce', 'opportunity_contact_role') }}

),

{{ versions_as_of('opportunity_contact_roles', 'created_date') }},

final as (

    select
        'salesforce' as system,
        'opportunity' as object,
        opportunity_contact_roles.opportunity_id as record_id,
        opportunity_contact_roles.id as association_id,
        'salesforce' as person_system,
        'contact' as person_object,
        opportunity_contact_roles.contact_id as person_record_id,
        opportunity_contact_roles.role,
        coalesce(opportunity_contact_roles.is_primary, false) as is_primary,
        opportunity_contact_roles.created_date as created_at,
        case
            when
                not opportunity_contact_roles.is_rebuilt
                then opportunity_contact_roles._modified_at
        end as modified_at,
        (
            not opportunity_contact_roles.is_rebuilt
            and (
                opportunity_contact_roles._is_deleted
                or not coalesce(opportunity_contact_roles._fivetran_active, true)
            )
        ) as is_deleted
    from opportunity_contact_roles_as_of as opportunity_contact_roles

)

select * from final
