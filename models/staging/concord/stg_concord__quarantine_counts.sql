with source as (

    select * from {{ source('concord', 'quarantine_counts') }}

),

final as (

    select
        system,
        object,
        rule,
        owner,
        rows_held,
        first_held_at
    from source

)

select * from final
