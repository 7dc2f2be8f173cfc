with source as (

    select *
    from {{ source('hubspot', 'deal_pipeline') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'hubspot' as system,
        'deal_pipeline' as object,
        pipeline_id as record_id,
        label as pipeline_name,
        coalesce(active, true) as is_active,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
