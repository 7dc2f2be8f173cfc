with source as (

    select *
    from {{ source('finance', 'targets') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'finance' as system,
        'targets' as object,
        _key as record_id,
        month,
        kpi,
        opportunity_type,
        segment,
        region,
        team,
        plan_version,
        value as target_value,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
