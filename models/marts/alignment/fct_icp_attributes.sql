{%- set fields = [
    'title', 'industry', 'employees', 'country', 'persona', 'department', 'seniority', 'segment',
    'region',
] -%}

with stage_entries as (

    select * from {{ ref('fct_stage_entries') }}

),

opportunities as (

    select * from {{ ref('fct_opportunities') }}

),

accounts as (

    select * from {{ ref('dim_accounts') }}

),

attribute_states as (

    select * from {{ ref('int_person_attribute_states') }}

),

versions as (

    select * from {{ ref('int_definition_versions') }}

),

lead_rules as (

    select * from {{ ref('lead_rules') }}

),

-- One profile judges all of history: the question is what the profile of today is worth.
icp_rules as (

    select
        versions.lead_rules_version as definition_version,
        lead_rules.field,
        lead_rules.operator,
        lead_rules.value,
        lead_rules.weight
    from versions
    inner join lead_rules
        on
            versions.lead_rules_version = lead_rules.version
            and lead_rules.kind = 'fit'
    where versions.valid_from <= {{ as_of() }} and versions.valid_to > {{ as_of() }}

),

icp_fields as (

    select
        definition_version,
        field,
        max(weight) as attribute_weight
    from icp_rules
    group by definition_version, field

),

subjects as (

    select
        'lead' as subject_type,
        entry_id as subject_id,
        person_id,
        account_id,
        entered_date as subject_date,
        entered_at as known_at
    from stage_entries
    where
        stage = 'lead'
        and not is_inferred
        and person_id is not null

    union all

    select
        'opportunity' as subject_type,
        opportunity_id as subject_id,
        person_id,
        account_id,
        created_date as subject_date,
        created_at as known_at
    from opportunities

),

-- What was known first also holds for the time before: a form is older than the record it makes.
states as (

    select
        person_id,
        {%- for field in fields %}
            {{ field }},
        {%- endfor %}
        case
            when
                row_number() over (partition by person_id order by valid_from) = 1
                then {{ start_of_time() }}
            else valid_from
        end as valid_from,
        coalesce(valid_to, {{ end_of_time() }}) as valid_to
    from attribute_states

),

-- A deal that nobody is linked to is described by its account.
described as (

    select
        subjects.subject_type,
        subjects.subject_id,
        subjects.person_id,
        subjects.subject_date,
        coalesce(states.segment, accounts.segment) as segment_of_company,
        {%- for field in fields %}
            {%- if field in ['industry', 'employees', 'country', 'segment', 'region'] %}
                cast(coalesce(states.{{ field }}, accounts.{{ field }}) as {{ dbt.type_string() }})
                    as {{ field }}
            {%- else %}
                states.{{ field }}
            {%- endif %}
            {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from subjects
    left join states
        on
            subjects.person_id = states.person_id
            and subjects.known_at >= states.valid_from
            and subjects.known_at < states.valid_to
    left join accounts on subjects.account_id = accounts.account_id

),

attributes as (

    {%- for field in fields %}
        select
            described.subject_type,
            described.subject_id,
            described.person_id,
            described.subject_date,
            icp_fields.definition_version,
            icp_fields.field as attribute,
            icp_fields.attribute_weight,
            coalesce(described.{{ field }}, '') as raw_value,
            described.segment_of_company
        from described
        inner join icp_fields on icp_fields.field = '{{ field }}'
        {%- if not loop.last %}

            union all
        {% endif %}
    {%- endfor %}

),

-- Rules are judged once per distinct value, not once per subject.
distinct_values as (

    select distinct
        attribute,
        raw_value
    from attributes

),

value_weights as (

    select
        distinct_values.attribute,
        distinct_values.raw_value,
        sum(icp_rules.weight) as weight
    from distinct_values
    inner join icp_rules on distinct_values.attribute = icp_rules.field
    where {{ rule_holds('icp_rules.operator', 'distinct_values.raw_value', 'icp_rules.value') }}
    group by distinct_values.attribute, distinct_values.raw_value

),

final as (

    select
        attributes.subject_type || ':' || attributes.subject_id || ':' || attributes.attribute
            as icp_attribute_id,
        attributes.subject_type,
        attributes.subject_id,
        attributes.person_id,
        attributes.attribute,
        -- A number is told by its band, a title by the verdict: nearly each is another.
        case
            when attributes.raw_value = '' then '(unknown)'
            when attributes.attribute = 'employees'
                then coalesce(attributes.segment_of_company, '(in no segment)')
            when attributes.attribute = 'title'
                then case when value_weights.weight > 0 then 'fits' else 'does not fit' end
            else attributes.raw_value
        end as attribute_value,
        attributes.definition_version,
        cast(coalesce(value_weights.weight, 0) as decimal(9, 3)) as weight,
        cast(attributes.attribute_weight as decimal(9, 3)) as attribute_weight,
        attributes.subject_date
    from attributes
    left join value_weights
        on
            attributes.attribute = value_weights.attribute
            and attributes.raw_value = value_weights.raw_value

)

select * from final
