with source as (

    select *
    from {{ source('hubspot', 'deal_pipeline_stage') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'hubspot' as system,
        'deal_pipeline_stage' as object,
        stage_id as record_id,
        pipeline_id as pipeline_record_id,
        coalesce(label, stage_id) as stage,
        display_order,
        probability,
        coalesce(is_closed, false) or coalesce(closed_won, false) as is_closed,
        coalesce(closed_won, false) as is_won,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
