{#- A row without a modification time has been so since it was delivered, so it is always in. -#}
{% macro visible(relation_alias) -%}
    (
        coalesce({{ relation_alias }}._modified_at <= {{ as_of() }}, true)
        and ({{ relation_alias }}._is_current or {{ relation_alias }}._valid_to > {{ as_of() }})
    )
{%- endmacro %}
