with source as (

    select *
    from {{ source('hubspot', 'engagement_email') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'hubspot' as system,
        'engagement_email' as object,
        engagement_id as record_id,
        case
            when upper(direction) in ('INCOMING_EMAIL', 'INBOUND') then 'INCOMING_EMAIL'
            else 'EMAIL'
        end as engagement_type,
        owner_id as owner_record_id,
        status as outcome,
        case
            when upper(direction) in ('INCOMING_EMAIL', 'INBOUND') then 'inbound'
            when direction is not null then 'outbound'
        end as direction,
        coalesce(upper(status) = 'SCHEDULED', false) as is_planned,
        timestamp as occurred_at,
        created_at,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
