with versions as (

    select * from {{ ref('int_definition_versions') }}

),

stages as (

    select * from {{ ref('dim_stages') }}

),

lead_rules as (

    select * from {{ ref('lead_rules') }}

),

handoff_matrix as (

    select * from {{ ref('handoff_matrix') }}

),

stage_sentences as (

    select
        definition_version,
        'Stages' as topic,
        stage as rule_id,
        label || ': owned by ' || coalesce(owner_team, 'nobody') || ' from then on'
        || case
            when window_days is null then '.'
            else
                '; the next stage within ' || cast(window_days as {{ dbt.type_string() }})
                || ' days counts as converted.'
        end as sentence,
        100 + stage_order as place
    from stages

),

lead_sentences as (

    select
        version as definition_version,
        'What makes a lead' as topic,
        'lead_thresholds' as rule_id,
        'A lead has a fit of at least '
        || cast(cast(lead_min_fit as integer) as {{ dbt.type_string() }})
        || ' and an engagement of at least '
        || cast(cast(lead_min_engagement as integer) as {{ dbt.type_string() }})
        || case
            when hand_raise_min_grade is null then '.'
            else ', or raised a hand with a fit grade of ' || hand_raise_min_grade || ' or better.'
        end as sentence,
        200 as place
    from versions
    where lead_min_fit is not null and lead_min_engagement is not null

),

engagement_sentences as (

    select
        version as definition_version,
        'What makes a lead' as topic,
        'engagement' as rule_id,
        'Engagement halves every '
        || cast(cast(half_life_days as integer) as {{ dbt.type_string() }})
        || ' days; from ' || cast(cast(hot_min_engagement as integer) as {{ dbt.type_string() }})
        || ' on somebody is hot.' as sentence,
        201 as place
    from versions
    where half_life_days is not null and hot_min_engagement is not null

),

rule_sentences as (

    select
        versions.version as definition_version,
        case lead_rules.kind
            when 'fit' then 'What makes a fit'
            when 'hand_raise' then 'What is a hand-raise'
            when 'exclusion' then 'Who is left out'
            else 'What makes a lead'
        end as topic,
        lead_rules.rule_id,
        coalesce(lead_rules.reason, lead_rules.rule_id) || ': ' || lead_rules.field || ' '
        || lead_rules.operator || ' ' || replace(coalesce(lead_rules.value, ''), '|', ', ')
        || case
            when lead_rules.weight is null then '.'
            else
                ' (' || cast(cast(lead_rules.weight as integer) as {{ dbt.type_string() }})
                || ' points).'
        end as sentence,
        case lead_rules.kind
            when 'fit' then 400
            when 'hand_raise' then 500
            when 'exclusion' then 600
            else 300
        end
        + row_number() over (
            partition by versions.version, lead_rules.kind
            order by lead_rules.weight desc, lead_rules.rule_id asc
        ) as place
    from versions
    inner join lead_rules on versions.lead_rules_version = lead_rules.version

),

handoff_sentences as (

    select
        versions.version as definition_version,
        'Whom marketing hands over' as topic,
        'handoff_' || handoff_matrix.grade as rule_id,
        'Grade ' || handoff_matrix.grade || ' is handed to sales, with priority '
        || cast(handoff_matrix.priority as {{ dbt.type_string() }}) || '.' as sentence,
        700 + handoff_matrix.priority as place
    from versions
    inner join handoff_matrix on versions.handoff_matrix_version = handoff_matrix.version
    where handoff_matrix.hands_off

),

sentences as (

    select * from stage_sentences

    union all

    select * from lead_sentences

    union all

    select * from engagement_sentences

    union all

    select * from rule_sentences

    union all

    select * from handoff_sentences

),

final as (

    select
        sentences.definition_version || ':' || sentences.topic || ':' || sentences.rule_id
            as agreed_rule_id,
        sentences.definition_version,
        sentences.topic,
        sentences.rule_id,
        sentences.sentence,
        cast(sentences.place as integer) as place,
        versions.valid_from <= {{ as_of() }} and versions.valid_to > {{ as_of() }} as is_in_force
    from sentences
    inner join versions on sentences.definition_version = versions.version

)

select * from final
