{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ clear_changed(ref('int_identities_changed'), 'person_id') }}",
) }}

{%- set attributes = ['title', 'industry', 'employees', 'country'] -%}

with people_records as (

    select *
    from {{ ref('int_people_records') }}
    where {{ only_changed('person_id', 'int_identities_changed') }}

),

person_records as (

    select * from {{ ref('int_person_records_unioned') }}

),

person_changes as (

    select * from {{ ref('int_person_changes_unioned') }}

),

people_accounts as (

    select * from {{ ref('int_people_accounts') }}

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

country_regions as (

    select * from {{ ref('int_country_regions') }}

),

segments as (

    select * from {{ ref('segments') }}

),

personas as (

    select * from {{ ref('personas') }}

),

records as (

    select
        people_records.person_id,
        people_records.record_key,
        coalesce(person_records.created_at, person_records.modified_at, {{ as_of() }})
            as created_at,
        person_records.modified_at,
        not people_records.is_deleted and not people_records.is_merged_away as is_live,
        person_records.title,
        person_records.industry,
        cast(person_records.employees as {{ dbt.type_string() }}) as employees,
        person_records.country
    from people_records
    inner join person_records
        on
            people_records.system = person_records.system
            and people_records.object = person_records.object
            and people_records.record_id = person_records.record_id

),

present_values as (

    {%- for attribute in attributes %}
        select
            records.person_id,
            records.record_key,
            records.is_live,
            records.created_at,
            records.modified_at,
            '{{ attribute }}' as field,
            nullif({{ trimmed_text('records.' ~ attribute) }}, '') as present_value
        from records
        {% if not loop.last %}union all{% endif %}
    {%- endfor %}

),

changes as (

    select
        records.person_id,
        records.record_key,
        records.is_live,
        records.created_at,
        person_changes.field,
        nullif({{ trimmed_text('person_changes.old_value') }}, '') as old_value,
        nullif({{ trimmed_text('person_changes.new_value') }}, '') as new_value,
        person_changes.changed_at,
        row_number() over (
            partition by records.record_key, person_changes.field
            order by person_changes.changed_at, person_changes.change_id
        ) as change_number,
        row_number() over (
            partition by records.record_key, person_changes.field
            order by person_changes.changed_at desc, person_changes.change_id desc
        ) as change_number_from_end
    from person_changes
    inner join records
        on
            person_changes.system || ':' || person_changes.object || ':'
            || person_changes.record_id = records.record_key
    where
        person_changes.field in (
            {%- for attribute in attributes %}'{{ attribute }}'{% if not loop.last %}, {% endif %}
            {%- endfor -%}
        )
        and not person_changes.is_deleted
        and person_changes.changed_at <= {{ as_of() }}

),

last_changes as (

    select
        changes.record_key,
        changes.field,
        changes.new_value,
        changes.changed_at
    from changes
    where changes.change_number_from_end = 1

),

-- What a record said from an instant on. Its values without any history hold since it was made.
statements as (

    select
        changes.person_id,
        changes.record_key,
        changes.is_live,
        changes.field,
        changes.old_value as stated_value,
        changes.created_at as stated_at,
        0 as statement_number
    from changes
    where
        changes.change_number = 1
        and changes.old_value is not null
        and changes.created_at < changes.changed_at

    union all

    select
        changes.person_id,
        changes.record_key,
        changes.is_live,
        changes.field,
        changes.new_value as stated_value,
        greatest(changes.changed_at, changes.created_at) as stated_at,
        changes.change_number as statement_number
    from changes

    union all

    select
        present_values.person_id,
        present_values.record_key,
        present_values.is_live,
        present_values.field,
        present_values.present_value as stated_value,
        case
            when last_changes.record_key is null then present_values.created_at
            -- The record says what its history does not: so since its last known modification.
            else greatest(
                coalesce(present_values.modified_at, last_changes.changed_at),
                last_changes.changed_at,
                present_values.created_at
            )
        end as stated_at,
        1000000000 as statement_number
    from present_values
    left join last_changes
        on
            present_values.record_key = last_changes.record_key
            and present_values.field = last_changes.field
    where
        present_values.present_value is not null
        and (
            last_changes.record_key is null
            or last_changes.new_value is null
            or last_changes.new_value <> present_values.present_value
        )

),

-- One row per person, attribute and instant: the last word, apart for live and for gone records.
stated_instants as (

    select
        statements.person_id,
        statements.field,
        statements.stated_value,
        statements.stated_at,
        statements.is_live,
        row_number() over (
            partition by
                statements.person_id,
                statements.field,
                statements.stated_at,
                statements.is_live
            order by
                case when statements.stated_value is null then 1 else 0 end asc,
                statements.statement_number desc,
                statements.record_key desc
        ) as preference
    from statements

),

last_words as (

    select
        stated_instants.person_id,
        stated_instants.stated_at,
        {%- for attribute in attributes %}
            {%- for live in ['live', 'gone'] %}
                max(
                    case
                        when
                            stated_instants.field = '{{ attribute }}'
                            and {{ 'not ' if live == 'gone' }}stated_instants.is_live
                            then stated_instants.stated_value
                    end
                ) as {{ live }}_{{ attribute }},
            {%- endfor %}
        {%- endfor %}
        count(*) as statements_made
    from stated_instants
    where stated_instants.preference = 1
    group by stated_instants.person_id, stated_instants.stated_at

),

first_seen as (

    select
        records.person_id,
        min(records.created_at) as first_seen_at
    from records
    group by records.person_id

),

instants as (

    select
        first_seen.person_id,
        first_seen.first_seen_at as valid_from
    from first_seen

    union

    select
        last_words.person_id,
        last_words.stated_at as valid_from
    from last_words

),

instant_words as (

    select
        instants.person_id,
        instants.valid_from,
        {%- for attribute in attributes %}
            {%- for live in ['live', 'gone'] %}
                last_value(last_words.{{ live }}_{{ attribute }} ignore nulls) over (
                    partition by instants.person_id
                    order by instants.valid_from
                    rows between unbounded preceding and current row
                ) as {{ live }}_{{ attribute }},
            {%- endfor %}
        {%- endfor %}
        people_accounts.account_id
    from instants
    inner join people_accounts
        on instants.person_id = people_accounts.person_id
    left join last_words
        on
            instants.person_id = last_words.person_id
            and instants.valid_from = last_words.stated_at

),

attributes_then as (

    select
        instant_words.person_id,
        instant_words.valid_from,
        coalesce(instant_words.live_title, instant_words.gone_title) as title,
        coalesce(instant_words.live_industry, instant_words.gone_industry, accounts.industry)
            as industry,
        coalesce(
            -- Connectors write whole numbers as decimals now and then.
            cast(
                try_cast(
                    coalesce(instant_words.live_employees, instant_words.gone_employees) as double
                ) as {{ dbt.type_bigint() }}
            ),
            accounts.employees
        ) as employees,
        coalesce(instant_words.live_country, instant_words.gone_country, accounts.country)
            as country
    from instant_words
    left join accounts
        on instant_words.account_id = accounts.account_id

),

compared as (

    select
        attributes_then.person_id,
        attributes_then.valid_from,
        attributes_then.title,
        attributes_then.industry,
        attributes_then.employees,
        attributes_then.country,
        row_number() over (
            partition by attributes_then.person_id order by attributes_then.valid_from
        ) as instant_number,
        {%- for attribute in attributes %}
            lag(attributes_then.{{ attribute }}) over (
                partition by attributes_then.person_id order by attributes_then.valid_from
            ) as previous_{{ attribute }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from attributes_then

),

states as (

    select
        compared.person_id,
        compared.valid_from,
        lead(compared.valid_from) over (
            partition by compared.person_id order by compared.valid_from
        ) as valid_to,
        compared.title,
        compared.industry,
        compared.employees,
        compared.country
    from compared
    where
        compared.instant_number = 1
        {%- for attribute in attributes %}
            or compared.{{ attribute }} is distinct from compared.previous_{{ attribute }}
        {%- endfor %}

),

-- Titles are few, patterns are dear: each title is classified once.
titles as (

    select distinct states.title
    from states
    where states.title is not null

),

title_patterns as (

    select
        titles.title,
        personas.priority,
        personas.department,
        personas.seniority,
        personas.persona
    from titles
    inner join personas
        on {{ regex_found('titles.title', "replace(personas.title_pattern, '%', '.*')") }}

),

title_priorities as (

    select
        title_patterns.title,
        min(case when title_patterns.department is not null then title_patterns.priority end)
            as department_priority,
        min(case when title_patterns.seniority is not null then title_patterns.priority end)
            as seniority_priority,
        min(case when title_patterns.persona is not null then title_patterns.priority end)
            as persona_priority
    from title_patterns
    group by title_patterns.title

),

title_classes as (

    select
        title_priorities.title,
        departments.department,
        seniorities.seniority,
        coalesce(
            named_personas.persona,
            departments.department || ' / ' || seniorities.seniority
        ) as persona
    from title_priorities
    left join personas as departments
        on title_priorities.department_priority = departments.priority
    left join personas as seniorities
        on title_priorities.seniority_priority = seniorities.priority
    left join personas as named_personas
        on title_priorities.persona_priority = named_personas.priority

),

final as (

    select
        states.person_id,
        states.title,
        states.industry,
        states.country,
        title_classes.persona,
        title_classes.department,
        title_classes.seniority,
        segments.segment,
        country_regions.region,
        states.employees,
        states.valid_to is null as is_current,
        states.valid_from,
        states.valid_to
    from states
    left join title_classes
        on states.title = title_classes.title
    left join segments
        on
            states.employees >= coalesce(segments.min_employees, 0)
            and states.employees <= coalesce(segments.max_employees, states.employees)
    left join country_regions
        on {{ comparable_name('states.country') }} = country_regions.country_name

)

select * from final
