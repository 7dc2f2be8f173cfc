{#- The model names the changed people in its hook too, which is what orders the two in the graph. -#}
{% macro only_changed_people(person_id='person_id') -%}
    {%- if adds_to_last_build() -%}
        (
            {{ person_id }} is null
            or {{ person_id }} in (select person_id from {{ ref('int_people_changed') }})
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}
