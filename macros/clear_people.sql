{#- Rows without a person are few, and always go through again. -#}
{% macro clear_people(changed, also=none) -%}
    {%- if execute and is_incremental() and adds_to_last_build() -%}
        delete from {{ this }}
        where
            person_id is null
            or person_id in (select person_id from {{ changed }})
            {%- if also %}
            or {{ also }}
            {%- endif %}
    {%- else -%}
        {{ clear_changed(changed, 'person_id') }}
    {%- endif -%}
{%- endmacro %}
