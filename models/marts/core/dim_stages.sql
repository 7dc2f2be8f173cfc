with stages as (

    select * from {{ ref('stages') }}

),

versions as (

    select * from {{ ref('int_definition_versions') }}

),

final as (

    select
        versions.version || ':' || stages.stage as definition_stage_id,
        versions.version as definition_version,
        stages.stage,
        coalesce(stages.label, stages.stage) as label,
        stages.owner_team,
        cast({{ stage_order('stages.stage') }} as integer) as stage_order,
        stages.window_days,
        versions.valid_from <= {{ as_of() }} and versions.valid_to > {{ as_of() }} as is_in_force
    from versions
    inner join stages on versions.stages_version = stages.version

)

select * from final
