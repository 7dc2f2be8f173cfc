with versions as (

    select * from {{ ref('int_definition_versions') }}

),

handoff_matrix as (

    select * from {{ ref('handoff_matrix') }}

),

final as (

    select
        versions.version as definition_version,
        handoff_matrix.grade,
        handoff_matrix.priority,
        handoff_matrix.hands_off
    from versions
    inner join handoff_matrix on versions.handoff_matrix_version = handoff_matrix.version

)

select * from final
