{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ clear_changed(ref('int_identities_changed'), 'person_id') }}",
) }}

with people_records as (

    select *
    from {{ ref('int_people_records') }}
    where {{ only_changed('person_id', 'int_identities_changed') }}

),

person_records as (

    select * from {{ ref('int_person_records_unioned') }}

),

identifiers as (

    select * from {{ ref('int_person_identifiers') }}

),

visitors_identified as (

    select *
    from {{ ref('int_visitors_identified') }}
    where {{ only_changed('person_id', 'int_identities_changed') }}

),

activity_records as {{ read_in_place(always=true) }} (

    select * from {{ ref('int_activity_records_unioned') }}

),

lead_rules as (

    select * from {{ ref('lead_rules') }}

),

definition_versions as (

    select * from {{ ref('definition_versions') }}

),

internal_domains as (

    select * from {{ ref('internal_domains') }}

),

competitors as (

    select * from {{ ref('competitors') }}

),

versions_with_rules as (

    select distinct lead_rules.version
    from lead_rules
    where lead_rules.kind = 'exclusion'

),

-- A version without exclusions of its own keeps those of the version before it.
versions as (

    select
        definition_versions.version,
        row_number() over (
            order by definition_versions.effective_from desc, definition_versions.version desc
        ) as recency
    from definition_versions
    inner join versions_with_rules
        on definition_versions.version = versions_with_rules.version
    where definition_versions.effective_from <= {{ as_of() }}

),

rules as (

    select
        lead_rules.rule_id,
        lead_rules.field,
        lead_rules.operator,
        lead_rules.value,
        lead_rules.reason
    from lead_rules
    inner join versions
        on lead_rules.version = versions.version
    where
        lead_rules.kind = 'exclusion'
        and versions.recency = 1

),

delivered as (

    select
        people_records.person_id,
        people_records.record_key,
        lower({{ trimmed_text('person_records.email') }}) as email,
        person_records.first_name,
        person_records.last_name,
        person_records.company,
        person_records.title,
        person_records.phone,
        person_records.website,
        person_records.country,
        person_records.source,
        person_records.status,
        person_records.status_reason,
        person_records.lifecycle_stage,
        identifiers.email_domain as valid_email_domain
    from people_records
    inner join person_records
        on
            people_records.system = person_records.system
            and people_records.object = person_records.object
            and people_records.record_id = person_records.record_id
    inner join identifiers
        on people_records.record_key = identifiers.record_key

),

described as (

    select
        delivered.person_id,
        delivered.record_key,
        delivered.email,
        delivered.first_name,
        delivered.last_name,
        delivered.company,
        delivered.title,
        delivered.phone,
        delivered.website,
        delivered.country,
        delivered.source,
        delivered.status,
        delivered.status_reason,
        delivered.lifecycle_stage,
        split_part(delivered.email, '@', 1) as local_part,
        coalesce(
            delivered.valid_email_domain, nullif(split_part(delivered.email, '@', 2), '')
        ) as email_domain
    from delivered

),

-- What no rule asks for is not looked at.
judged_fields as (

    select rules.field
    from rules

    union

    select 'email_domain' as field

),

record_values as (

    {%- for field in [
        'email', 'local_part', 'email_domain', 'first_name', 'last_name', 'company', 'title', 'phone', 'website',
        'country', 'source', 'status', 'status_reason', 'lifecycle_stage',
    ] %}

        select
            described.person_id,
            described.record_key as bearer,
            '{{ field }}' as field,
            nullif(
                {{ trimmed_text('cast(described.' ~ field ~ ' as ' ~ dbt.type_string() ~ ')') }}, ''
            )
                as found_value
        from described
        where
            exists (
                select 1
                from judged_fields
                where judged_fields.field = '{{ field }}'
            )
        {% if not loop.last %}
            union all
        {% endif %}
    {%- endfor %}

),

user_agents as (

    select activity_records.user_agent
    from activity_records
    where activity_records.user_agent is not null
    group by activity_records.user_agent

),

-- Each value is judged once, however many records have it.
distinct_values as (

    select
        record_values.field,
        record_values.found_value
    from record_values
    where record_values.found_value is not null
    group by record_values.field, record_values.found_value

    union all

    select
        'user_agent' as field,
        user_agents.user_agent as found_value
    from user_agents

),

values_hit as (

    select
        distinct_values.field,
        distinct_values.found_value,
        rules.rule_id,
        rules.reason
    from distinct_values
    inner join rules
        on
            distinct_values.field = rules.field
            and {{ rule_holds('rules.operator', 'distinct_values.found_value', 'rules.value') }}

    union all

    select
        'email_domain' as field,
        lower(internal_domains.domain) as found_value,
        'internal_domains' as rule_id,
        'staff' as reason
    from internal_domains

    union all

    select
        'email_domain' as field,
        lower(competitors.domain) as found_value,
        'competitors' as rule_id,
        'competitor' as reason
    from competitors

),

agents_hit as (

    select
        values_hit.found_value as user_agent,
        min(values_hit.rule_id) as rule_id,
        min(values_hit.reason) as reason
    from values_hit
    where values_hit.field = 'user_agent'
    group by values_hit.found_value

),

visitors_hit as (

    select distinct activity_records.visitor_id
    from activity_records
    where activity_records.user_agent in (select agents_hit.user_agent from agents_hit)

),

people_hit as (

    select distinct visitors_identified.person_id
    from visitors_identified
    inner join visitors_hit on visitors_identified.visitor_id = visitors_hit.visitor_id

),

browsers as (

    select distinct
        visitors_identified.person_id,
        activity_records.user_agent
    from visitors_identified
    inner join people_hit on visitors_identified.person_id = people_hit.person_id
    inner join activity_records on visitors_identified.visitor_id = activity_records.visitor_id
    where activity_records.user_agent is not null

),

-- A mail scanner may follow one link of a human's mail: only who never came with anything but a
-- bot's browser is a bot.
browsers_judged as (

    select
        browsers.person_id,
        min(agents_hit.rule_id) as rule_id,
        min(agents_hit.reason) as reason,
        count(*) as browsers_seen,
        count(agents_hit.user_agent) as browsers_hit
    from browsers
    left join agents_hit on browsers.user_agent = agents_hit.user_agent
    group by browsers.person_id

),

hits as (

    select
        record_values.person_id,
        values_hit.rule_id,
        values_hit.reason
    from record_values
    inner join values_hit
        on
            record_values.field = values_hit.field
            and record_values.found_value = values_hit.found_value

    union all

    select
        browsers_judged.person_id,
        browsers_judged.rule_id,
        browsers_judged.reason
    from browsers_judged
    where browsers_judged.browsers_seen = browsers_judged.browsers_hit

),

ranked as (

    select
        hits.person_id,
        hits.rule_id,
        hits.reason,
        row_number() over (
            partition by hits.person_id
            order by
                case hits.reason
                    {%- for reason in var('exclusion_reasons') %}
                        when '{{ reason }}' then {{ loop.index }}
                    {%- endfor %}
                    else {{ var('exclusion_reasons') | length + 1 }}
                end asc,
                hits.reason asc,
                hits.rule_id asc
        ) as preference
    from hits

),

final as (

    select
        ranked.person_id,
        ranked.rule_id,
        ranked.reason as exclusion_reason
    from ranked
    where ranked.preference = 1

)

select * from final
