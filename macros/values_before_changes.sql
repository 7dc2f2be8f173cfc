{#- What a field was before the first change to come is what it is now. -#}
{% macro values_before_changes(changes, fields) -%}
    select
        first_changes.record_id,
        {%- for field in fields %}
        max(case when first_changes.field = '{{ field }}' then first_changes.old_value end)
            as {{ field }},
        max(case when first_changes.field = '{{ field }}' then 1 else 0 end) = 1
            as has_{{ field }},
        {%- endfor %}
        min(first_changes.changed_at) as first_changed_at
    from (
        select
            {{ changes }}.record_id,
            {{ changes }}.field,
            {{ changes }}.old_value,
            {{ changes }}.changed_at,
            row_number() over (
                partition by {{ changes }}.record_id, {{ changes }}.field
                order by {{ changes }}.changed_at, {{ changes }}.change_id
            ) as change_number
        from {{ changes }}
        where
            {{ changes }}.is_to_come
            and {{ changes }}.changed_at > {{ as_of() }}
    ) as first_changes
    where first_changes.change_number = 1
    group by first_changes.record_id
{%- endmacro %}
