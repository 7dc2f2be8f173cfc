with source as (

    select * from {{ source('concord', 'loads') }}

),

final as (

    select
        load_number,
        loaded_at
    from source

)

select * from final
