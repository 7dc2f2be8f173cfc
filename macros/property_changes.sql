{#-
    HubSpot delivers a property's new values only: the old one is that of the row before. What is to come
    follows on what was seen by as_of, so that its first row says what the property was then.
-#}
{% macro property_changes(relation, record_column) -%}
    select
        {{ relation }}.{{ record_column }} as record_id,
        {{ relation }}._key as change_id,
        {{ relation }}.name as property_name,
        lower({{ relation }}.name) as field_name,
        lag(nullif({{ relation }}.value, '')) over (
            partition by {{ relation }}.{{ record_column }}, {{ relation }}.name
            order by
                {{ visible(relation) }} desc,
                {{ relation }}.timestamp asc,
                {{ relation }}._key asc
        ) as old_value,
        nullif({{ relation }}.value, '') as new_value,
        {{ relation }}.source as change_source,
        {{ relation }}.timestamp as changed_at,
        {{ relation }}._modified_at as modified_at,
        {{ relation }}._is_deleted as is_deleted,
        not {{ visible(relation) }} as is_to_come
    from {{ relation }}
    where {{ relation }}._is_current or {{ visible(relation) }}
{%- endmacro %}
