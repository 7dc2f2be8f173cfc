with source as (

    select *
    from {{ source('linkedin_ads', 'campaign') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'linkedin_ads' as system,
        'campaign' as object,
        id as record_id,
        account_id,
        name as campaign_name,
        status,
        created_time as created_at,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
