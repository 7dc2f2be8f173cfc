with source as (

    select *
    from {{ source('hubspot', 'engagement_company') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'hubspot' as system,
        'engagement_company' as object,
        _key as record_id,
        engagement_id as engagement_record_id,
        company_id as account_record_id,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
