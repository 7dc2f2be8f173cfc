{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ clear_changed(ref('int_identities_changed'), 'person_id') }}",
) }}

{%- set fields = ['status', 'status_reason', 'lifecycle_stage', 'rating', 'owner_record_id'] -%}

with person_records as (

    select * from {{ ref('int_person_records_unioned') }}

),

changes as (

    select * from {{ ref('int_person_changes_unioned') }}

),

person_merges as (

    select * from {{ ref('int_person_merges_unioned') }}

),

people_records as (

    select *
    from {{ ref('int_people_records') }}
    where {{ only_changed('person_id', 'int_identities_changed') }}

),

merged_away as (

    select
        person_merges.system,
        person_merges.object,
        person_merges.record_id
    from person_merges
    group by person_merges.system, person_merges.object, person_merges.record_id

),

-- Deleted records and records merged away belong to their person and speak for no stage.
living_records as (

    select
        people_records.person_id,
        people_records.record_key,
        person_records.system,
        person_records.object,
        person_records.record_id,
        {% for field in fields %}
            person_records.{{ field }},
        {% endfor %}
        person_records.converted_at,
        person_records.modified_at,
        coalesce(person_records.created_at, person_records.modified_at) as created_at
    from person_records
    inner join people_records
        on
            person_records.system = people_records.system
            and person_records.object = people_records.object
            and person_records.record_id = people_records.record_id
    left join merged_away
        on
            person_records.system = merged_away.system
            and person_records.object = merged_away.object
            and person_records.record_id = merged_away.record_id
    where
        not person_records.is_deleted
        and person_records.merged_into_record_id is null
        and merged_away.record_id is null

),

current_values as (

    {% for field in fields %}
        select
            record_key,
            '{{ field }}' as field,
            {{ field }} as value
        from living_records
        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

kept_histories as (

    select
        system,
        object,
        field,
        count(*) as changes
    from changes
    where not is_deleted
    group by system, object, field

),

ordered_changes as (

    select
        living_records.record_key,
        changes.field,
        changes.change_id,
        changes.old_value,
        changes.new_value,
        changes.changed_at,
        row_number() over (
            partition by living_records.record_key, changes.field
            order by changes.changed_at, changes.change_id
        ) as change_number,
        row_number() over (
            partition by living_records.record_key, changes.field
            order by changes.changed_at desc, changes.change_id desc
        ) as change_number_from_end
    from changes
    inner join living_records
        on
            changes.system = living_records.system
            and changes.object = living_records.object
            and changes.record_id = living_records.record_id
    where
        not changes.is_deleted
        and changes.changed_at is not null
        and changes.field in (
            '{{ fields | join("', '") }}'
        )

),

-- What a record was before its first known change, it was from its creation.
first_values as (

    select
        ordered_changes.record_key,
        ordered_changes.field,
        ordered_changes.old_value as value,
        least(living_records.created_at, ordered_changes.changed_at) as valid_from
    from ordered_changes
    inner join living_records on ordered_changes.record_key = living_records.record_key
    where ordered_changes.change_number = 1

),

-- The current value that no change explains: without any change it has stood since the creation
-- where such changes are kept at all; else it is dated by the conversion or the last modification.
unexplained_values as (

    select
        current_values.record_key,
        current_values.field,
        current_values.value,
        case
            when ordered_changes.record_key is null and kept_histories.changes is not null
                then living_records.created_at
            else
                greatest(
                    coalesce(
                        case
                            when
                                living_records.converted_at >= ordered_changes.changed_at
                                or ordered_changes.changed_at is null
                                then living_records.converted_at
                        end,
                        living_records.modified_at,
                        living_records.created_at
                    ),
                    coalesce(ordered_changes.changed_at, living_records.created_at)
                )
        end as valid_from
    from current_values
    inner join living_records on current_values.record_key = living_records.record_key
    left join ordered_changes
        on
            current_values.record_key = ordered_changes.record_key
            and current_values.field = ordered_changes.field
            and ordered_changes.change_number_from_end = 1
    left join kept_histories
        on
            living_records.system = kept_histories.system
            and living_records.object = kept_histories.object
            and current_values.field = kept_histories.field
    where
        -- A field that was never filled has no spell.
        (ordered_changes.record_key is null and current_values.value is not null)
        or (
            ordered_changes.record_key is not null
            and coalesce(ordered_changes.new_value, '') <> coalesce(current_values.value, '')
        )

),

all_values as (

    select
        record_key,
        field,
        value,
        valid_from,
        0 as place,
        '' as change_id
    from first_values

    union all

    select
        record_key,
        field,
        new_value as value,
        changed_at as valid_from,
        1 as place,
        change_id
    from ordered_changes

    union all

    select
        record_key,
        field,
        value,
        valid_from,
        2 as place,
        '' as change_id
    from unexplained_values

),

numbered as (

    select
        record_key,
        field,
        value,
        valid_from,
        row_number() over (
            partition by record_key, field
            order by valid_from, place, change_id
        ) as value_number,
        lag(value) over (
            partition by record_key, field
            order by valid_from, place, change_id
        ) as previous_value
    from all_values
    where valid_from is not null

),

-- Written anew with the same value, nothing has changed.
changed as (

    select
        record_key,
        field,
        value,
        valid_from,
        value_number
    from numbered
    where value_number = 1 or coalesce(value, '') <> coalesce(previous_value, '')

),

spells as (

    select
        record_key,
        field,
        value,
        row_number() over (
            partition by record_key, field order by value_number
        ) as state_number,
        valid_from,
        coalesce(
            lead(valid_from) over (partition by record_key, field order by value_number),
            {{ end_of_time() }}
        ) as valid_to
    from changed

),

final as (

    select
        living_records.person_id,
        spells.record_key,
        living_records.system,
        living_records.object,
        living_records.record_id,
        spells.field,
        spells.value,
        spells.state_number,
        spells.valid_from,
        spells.valid_to
    from spells
    inner join living_records on spells.record_key = living_records.record_key

)

select * from final
