with source as (

    select *
    from {{ source('marketing', 'content') }} as delivered
    where {{ visible('delivered') }}

),

final as (

    select
        'marketing' as system,
        'content' as object,
        content_id as record_id,
        content_id,
        title,
        lower(job) as job,
        lower(team) as team,
        published_at,
        _modified_at as modified_at,
        _is_deleted as is_deleted
    from source

)

select * from final
