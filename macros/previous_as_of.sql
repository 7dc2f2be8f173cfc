{% macro previous_as_of() -%}
    (
        select build_context.previous_as_of
        from {{ ref('stg_concord__build_context') }} as build_context
    )
{%- endmacro %}
