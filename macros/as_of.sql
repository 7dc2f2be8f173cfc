{% macro as_of() -%}
    (select build_context.as_of from {{ ref('stg_concord__build_context') }} as build_context)
{%- endmacro %}
