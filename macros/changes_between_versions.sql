{#-
    The first version of a record is its starting state and not a change, so it gives no row.
-#}
{% macro changes_between_versions(versions, fields) -%}
    {%- for field, column in fields.items() %}
    select
        {{ versions }}.record_id,
        {{ versions }}.version_key || '|{{ field }}' as change_id,
        '{{ field }}' as field,
        cast({{ versions }}.previous_{{ column }} as {{ dbt.type_string() }}) as old_value,
        cast({{ versions }}.{{ column }} as {{ dbt.type_string() }}) as new_value,
        {{ versions }}.changed_at,
        {{ versions }}.modified_at,
        {{ versions }}.is_deleted,
        {{ versions }}.is_to_come
    from {{ versions }}
    where
        {{ versions }}.version_number > 1
        and {{ versions }}.{{ column }} is distinct from {{ versions }}.previous_{{ column }}
    {%- if not loop.last %}

    union all
    {% endif %}
    {%- endfor %}
{%- endmacro %}
