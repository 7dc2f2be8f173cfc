{%- set versioned = [
    'stages', 'stage_rules', 'lead_rules', 'scoring_parameters', 'score_grades', 'handoff_matrix',
] -%}

with versions as (

    select * from {{ ref('definition_versions') }}

),

parameters as (

    select * from {{ ref('scoring_parameters') }}

),

grades as (

    select * from {{ ref('score_grades') }}

),

lead_rules as (

    select * from {{ ref('lead_rules') }}

),

schedule as (

    select
        version,
        effective_from,
        row_number() over (order by effective_from, version) as version_number,
        lead(effective_from) over (order by effective_from, version) as next_effective_from
    from versions
    where effective_from is not null

),

-- Two versions of one instant: the later by name is in force, the other never was.
in_force as (

    select
        version,
        version_number,
        case
            when row_number() over (order by version_number) = 1 then {{ start_of_time() }}
            else effective_from
        end as valid_from,
        coalesce(next_effective_from, {{ end_of_time() }}) as valid_to
    from schedule
    where next_effective_from is null or next_effective_from > effective_from

),

carried as (

    {%- for table in versioned %}
        select distinct
            '{{ table }}' as table_name,
            version as rows_version
        from {{ ref(table) }}
        {%- if not loop.last %}

            union all
        {% endif %}
    {%- endfor %}

),

carried_in_order as (

    select
        carried.table_name,
        carried.rows_version,
        schedule.version_number as rows_version_number
    from carried
    left join schedule on carried.rows_version = schedule.version
    left join versions on carried.rows_version = versions.version
    -- A proposal lends its rows to nobody.
    where versions.version is null or schedule.version is not null

),

-- A handful of versions and tables: every pairing is looked at, on purpose.
candidates as (

    select
        in_force.version,
        carried_in_order.table_name,
        carried_in_order.rows_version,
        row_number() over (
            partition by in_force.version, carried_in_order.table_name
            order by
                case
                    when carried_in_order.rows_version_number <= in_force.version_number then 1
                    when carried_in_order.rows_version_number > in_force.version_number then 2
                    else 3
                end,
                abs(in_force.version_number - carried_in_order.rows_version_number),
                carried_in_order.rows_version
        ) as preference
    from in_force
    inner join carried_in_order on carried_in_order.rows_version is not null

),

rows_of_version as (

    select
        version,
        {%- for table in versioned %}
            max(case when table_name = '{{ table }}' then rows_version end) as {{ table }}_version
            {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from candidates
    where preference = 1
    group by version

),

parameters_wide as (

    select
        version,
        max(case when parameter = 'half_life_days' then value end) as half_life_days,
        max(case when parameter = 'lead_min_fit' then value end) as lead_min_fit,
        max(case when parameter = 'lead_min_engagement' then value end) as lead_min_engagement,
        max(case when parameter = 'hot_min_engagement' then value end) as hot_min_engagement,
        max(case when parameter = 'meeting_makes_sql' then value end) as meeting_makes_sql
    from parameters
    group by version

),

grades_wide as (

    select
        version,
        max(case when grade = 'A' then min_score end) as fit_a_min,
        max(case when grade = 'B' then min_score end) as fit_b_min,
        max(case when grade = 'C' then min_score end) as fit_c_min,
        max(case when grade = '1' then min_score end) as engagement_1_min,
        max(case when grade = '2' then min_score end) as engagement_2_min,
        max(case when grade = '3' then min_score end) as engagement_3_min,
        max(case when dimension = 'fit' and admits_hand_raise then grade end)
            as hand_raise_min_grade
    from grades
    group by version

),

rule_kinds as (

    select
        version,
        max(case when kind = 'engagement' then 1 else 0 end) = 1 as has_engagement_rules,
        max(case when kind = 'hand_raise' then 1 else 0 end) = 1 as has_hand_raise_rules
    from lead_rules
    group by version

),

final as (

    select
        in_force.version,
        rows_of_version.stages_version,
        rows_of_version.stage_rules_version,
        rows_of_version.lead_rules_version,
        rows_of_version.handoff_matrix_version,
        grades_wide.hand_raise_min_grade,
        parameters_wide.half_life_days,
        parameters_wide.lead_min_fit,
        parameters_wide.lead_min_engagement,
        parameters_wide.hot_min_engagement,
        grades_wide.fit_a_min,
        grades_wide.fit_b_min,
        grades_wide.fit_c_min,
        grades_wide.engagement_1_min,
        grades_wide.engagement_2_min,
        grades_wide.engagement_3_min,
        parameters_wide.meeting_makes_sql > 0 as is_meeting_sql,
        coalesce(rule_kinds.has_engagement_rules, false) as has_engagement_rules,
        coalesce(rule_kinds.has_hand_raise_rules, false) as has_hand_raise_rules,
        in_force.valid_from,
        in_force.valid_to
    from in_force
    left join rows_of_version on in_force.version = rows_of_version.version
    left join parameters_wide
        on rows_of_version.scoring_parameters_version = parameters_wide.version
    left join grades_wide on rows_of_version.score_grades_version = grades_wide.version
    left join rule_kinds on rows_of_version.lead_rules_version = rule_kinds.version

)

select * from final
