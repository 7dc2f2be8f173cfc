with source as (

    select * from {{ source('concord', 'contract_results') }}

),

final as (

    select
        load_number,
        system,
        object,
        contract_id,
        rule,
        scope,
        severity,
        owner,
        is_broken and not is_overridden as is_broken
    from source

)

select * from final
