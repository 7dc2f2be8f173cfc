with system_links as (

    select * from {{ ref('system_links') }}

),

final as (

    select
        system || ':' || object as system_link_id,
        system,
        object,
        url_pattern
    from system_links

)

select * from final
