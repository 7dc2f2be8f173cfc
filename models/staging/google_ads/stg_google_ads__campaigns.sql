with source as (

    select *
    from {{ source('google_ads', 'campaign') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'google_ads' as system,
        'campaign' as object,
        id as record_id,
        customer_id as account_id,
        name as campaign_name,
        advertising_channel_type as campaign_type,
        status,
        start_date,
        end_date,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
