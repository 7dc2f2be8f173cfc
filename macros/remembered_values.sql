{#-
    What is gone stays as a row without a value, so that its going is a change too.
-#}
{% macro remembered_values(values_now) -%}
    {%- set build_number -%}
        (
            select build_context.build_number
            from {{ ref('stg_concord__build_context') }} as build_context
        )
    {%- endset -%}
    {%- if adds_to_last_build() %}
    select
        coalesce({{ values_now }}.lookup_kind, before.lookup_kind) as lookup_kind,
        coalesce({{ values_now }}.lookup_key, before.lookup_key) as lookup_key,
        coalesce({{ values_now }}.subject_id, before.subject_id) as subject_id,
        {{ values_now }}.found_value,
        before.found_value as previous_value,
        {{ build_number }} as changed_in
    from {{ values_now }}
    full outer join {{ this }} as before
        on
            {{ values_now }}.lookup_kind = before.lookup_kind
            and {{ values_now }}.lookup_key = before.lookup_key
    where {{ values_now }}.found_value is distinct from before.found_value
    {%- else %}
    select
        {{ values_now }}.lookup_kind,
        {{ values_now }}.lookup_key,
        {{ values_now }}.subject_id,
        {{ values_now }}.found_value,
        cast(null as {{ dbt.type_string() }}) as previous_value,
        {{ build_number }} as changed_in
    from {{ values_now }}
    {%- endif %}
{%- endmacro %}
