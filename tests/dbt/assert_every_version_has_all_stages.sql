-- Fails if a version in force works with a table of stages that lacks one of the seven: entries of
-- that stage would have no conversion window.
with versions as (

    select * from {{ ref('int_definition_versions') }}

),

stages as (

    select * from {{ ref('stages') }}

),

final as (

    select
        versions.version,
        versions.stages_version,
        count(distinct stages.stage) as agreed_stages
    from versions
    left join stages on versions.stages_version = stages.version
    group by versions.version, versions.stages_version
    having count(distinct stages.stage) <> 7

)

select * from final
