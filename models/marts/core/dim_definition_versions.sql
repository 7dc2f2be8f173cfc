with versions as (

    select * from {{ ref('definition_versions') }}

),

in_force as (

    select * from {{ ref('int_definition_versions') }}

),

final as (

    select
        versions.version as definition_version,
        versions.content_hash,
        versions.signed_by_marketing,
        versions.signed_by_sales,
        versions.note,
        coalesce(
            versions.content_hash is not null
            and versions.signed_by_marketing is not null
            and versions.signed_by_sales is not null,
            false
        ) as is_signed,
        not coalesce(
            versions.content_hash is not null
            and versions.signed_by_marketing is not null
            and versions.signed_by_sales is not null,
            false
        ) as is_provisional,
        coalesce(
            in_force.valid_from <= {{ as_of() }} and in_force.valid_to > {{ as_of() }}, false
        ) as is_in_force,
        versions.marketing_signed_on as marketing_signed_date,
        versions.sales_signed_on as sales_signed_date,
        versions.effective_from as effective_from_at,
        case
            when in_force.valid_to < {{ end_of_time() }} then in_force.valid_to
        end as effective_to_at
    from versions
    left join in_force on versions.version = in_force.version

)

select * from final
