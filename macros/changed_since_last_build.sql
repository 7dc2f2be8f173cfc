{#-
    A row counts as changed if landing wrote it or its validity after the last build began, or if the
    now of the two builds decides whether it is seen.
-#}
{% macro changed_since_last_build(relation_alias) -%}
    (
        {{ relation_alias }}._written_in >= (
            select build_context.build_number
            from {{ ref('stg_concord__build_context') }} as build_context
        )
        or {{ relation_alias }}._modified_at > {{ previous_as_of() }}
        or {{ relation_alias }}._valid_to > {{ previous_as_of() }}
    )
{%- endmacro %}
