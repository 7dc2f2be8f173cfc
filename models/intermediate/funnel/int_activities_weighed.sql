{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ clear_changed(ref('int_activities_changed'), 'activity_id') }}",
) }}

{%- set fields = [
    'activity_type', 'source_value', 'channel', 'system', 'object', 'direction', 'team',
    'campaign_id', 'content_id', 'url',
] -%}

with activities as {{ read_in_place() }} (

    select *
    from {{ ref('int_activities') }}
    where {{ only_changed('activity_id', 'int_activities_changed') }}

),

people as (

    select * from {{ ref('int_people') }}

),

versions as (

    select * from {{ ref('int_definition_versions') }}

),

lead_rules as (

    select * from {{ ref('lead_rules') }}

),

activity_rules as (

    select
        versions.version,
        lead_rules.kind,
        lead_rules.field,
        lead_rules.operator,
        lead_rules.value,
        lead_rules.weight
    from versions
    inner join lead_rules
        on
            versions.lead_rules_version = lead_rules.version
            and lead_rules.kind in ('engagement', 'hand_raise')

),

counted as (

    select
        activities.activity_id,
        activities.person_id,
        activities.weight,
        coalesce(activities.is_response, false) as is_response,
        coalesce(activities.is_hand_raise, false) as is_hand_raise,
        activities.occurred_at
    from activities
    inner join people on activities.person_id = people.person_id
    where activities.is_activity and not people.is_excluded

),

-- Rules are judged once per distinct value, and only for the fields that some rule names. One
-- column of all activities is read faster than all fields of the counted ones are kept.
field_values as (

    {%- for field in fields %}
        select distinct
            '{{ field }}' as field,
            coalesce(cast(activities.{{ field }} as {{ dbt.type_string() }}), '') as value
        from activities
        where
            activities.is_activity
            and '{{ field }}' in (select activity_rules.field from activity_rules)
        {%- if not loop.last %}

            union all
        {% endif %}
    {%- endfor %}

),

value_effects as (

    select
        activity_rules.version,
        field_values.field,
        field_values.value,
        sum(case when activity_rules.kind = 'engagement' then activity_rules.weight end) as weight,
        max(case when activity_rules.kind = 'hand_raise' then 1 else 0 end) as hand_raises
    from activity_rules
    inner join field_values on activity_rules.field = field_values.field
    where
        {{ rule_holds('activity_rules.operator', 'field_values.value', 'activity_rules.value') }}
    group by activity_rules.version, field_values.field, field_values.value

),

held_rules as (

    {%- for field in fields %}
        select
            activities.activity_id,
            value_effects.version,
            value_effects.weight,
            value_effects.hand_raises
        from activities
        inner join value_effects
            on
                value_effects.field = '{{ field }}'
                and coalesce(cast(activities.{{ field }} as {{ dbt.type_string() }}), '')
                = value_effects.value
        where activities.is_activity
        {%- if not loop.last %}

            union all
        {% endif %}
    {%- endfor %}

),

effects as (

    select
        activity_id,
        version,
        sum(weight) as weight,
        max(hand_raises) = 1 as is_hand_raise
    from held_rules
    group by activity_id, version

),

-- A version weighs all that came before it by its own rules: a definition holds as a whole.
weighed as (

    select
        counted.activity_id,
        counted.person_id,
        versions.version,
        coalesce(effects.weight, counted.weight, 0) as weight,
        counted.is_response,
        case
            when versions.has_hand_raise_rules then coalesce(effects.is_hand_raise, false)
            else counted.is_hand_raise
        end as is_hand_raise,
        counted.occurred_at >= versions.valid_from as is_judged,
        counted.occurred_at
    from counted
    inner join versions on counted.occurred_at < versions.valid_to
    left join effects
        on
            counted.activity_id = effects.activity_id
            and versions.version = effects.version

),

final as (

    select
        activity_id,
        person_id,
        version,
        weight,
        is_response,
        is_hand_raise,
        is_judged,
        occurred_at
    from weighed
    where weight <> 0 or is_response or is_hand_raise

)

select * from final
