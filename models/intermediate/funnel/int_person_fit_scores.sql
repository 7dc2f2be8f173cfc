{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ clear_changed(ref('int_identities_changed'), 'person_id') }}",
) }}

{%- set fields = [
    'title', 'industry', 'employees', 'country', 'persona', 'department', 'seniority', 'segment',
    'region',
] -%}

with attribute_states as (

    select *
    from {{ ref('int_person_attribute_states') }}
    where {{ only_changed('person_id', 'int_identities_changed') }}

),

versions as (

    select * from {{ ref('int_definition_versions') }}

),

lead_rules as (

    select * from {{ ref('lead_rules') }}

),

fit_rules as (

    select
        versions.version,
        lead_rules.rule_id,
        lead_rules.field,
        lead_rules.operator,
        lead_rules.value,
        lead_rules.weight
    from versions
    inner join lead_rules
        on
            versions.lead_rules_version = lead_rules.version
            and lead_rules.kind = 'fit'

),

-- What was known first also holds for the time before: a form is older than the record it makes.
states as (

    select
        person_id,
        {%- for field in fields %}
            coalesce(cast({{ field }} as {{ dbt.type_string() }}), '') as {{ field }},
        {%- endfor %}
        case
            when
                row_number() over (partition by person_id order by valid_from) = 1
                then {{ start_of_time() }}
            else valid_from
        end as valid_from,
        coalesce(
            lead(valid_from) over (partition by person_id order by valid_from),
            {{ end_of_time() }}
        ) as valid_to
    from attribute_states

),

-- Rules are judged once per distinct value, not once per person.
field_values as (

    {%- for field in fields %}
        select distinct
            '{{ field }}' as field,
            {{ field }} as value
        from states
        {%- if not loop.last %}

            union all
        {% endif %}
    {%- endfor %}

),

value_weights as (

    select
        fit_rules.version,
        field_values.field,
        field_values.value,
        sum(fit_rules.weight) as weight
    from fit_rules
    inner join field_values on fit_rules.field = field_values.field
    where {{ rule_holds('fit_rules.operator', 'field_values.value', 'fit_rules.value') }}
    group by fit_rules.version, field_values.field, field_values.value

),

states_in_force as (

    select
        states.person_id,
        versions.version,
        {%- for field in fields %}
            states.{{ field }},
        {%- endfor %}
        versions.fit_a_min,
        versions.fit_b_min,
        versions.fit_c_min,
        versions.hand_raise_min_grade,
        greatest(states.valid_from, versions.valid_from) as valid_from,
        least(states.valid_to, versions.valid_to) as valid_to
    from states
    inner join versions
        on
            states.valid_from < versions.valid_to
            and states.valid_to > versions.valid_from

),

weighed as (

    select
        person_id,
        version,
        valid_from,
        sum(weight) as fit_score
    from (

        {%- for field in fields %}
            select
                states_in_force.person_id,
                states_in_force.version,
                states_in_force.valid_from,
                value_weights.weight
            from states_in_force
            inner join value_weights
                on
                    states_in_force.version = value_weights.version
                    and value_weights.field = '{{ field }}'
                    and states_in_force.{{ field }} = value_weights.value
            {%- if not loop.last %}

                union all
            {% endif %}
        {%- endfor %}
    ) as held_rules
    group by person_id, version, valid_from

),

scored as (

    select
        states_in_force.person_id,
        states_in_force.version,
        states_in_force.fit_a_min,
        states_in_force.fit_b_min,
        states_in_force.fit_c_min,
        states_in_force.hand_raise_min_grade,
        states_in_force.valid_from,
        states_in_force.valid_to,
        cast(least(greatest(coalesce(weighed.fit_score, 0), 0), 100) as decimal(9, 3))
            as fit_score
    from states_in_force
    left join weighed
        on
            states_in_force.person_id = weighed.person_id
            and states_in_force.version = weighed.version
            and states_in_force.valid_from = weighed.valid_from

),

graded as (

    select
        person_id,
        version,
        hand_raise_min_grade,
        fit_score,
        valid_from,
        valid_to,
        case
            when fit_score >= fit_a_min then 'A'
            when fit_score >= fit_b_min then 'B'
            when fit_score >= fit_c_min then 'C'
            else 'D'
        end as fit_grade
    from scored

),

final as (

    select
        person_id,
        version,
        fit_grade,
        fit_score,
        coalesce(fit_grade <= hand_raise_min_grade, false) as admits_hand_raise,
        valid_from,
        valid_to
    from graded
    where valid_from < valid_to

)

select * from final
