with source as (

    select * from {{ source('concord', 'build_context') }}

),

final as (

    select
        build_id,
        build_number,
        is_demo,
        as_of,
        previous_as_of
    from source

)

select * from final
