{#- The model names `changed` in its hook too, which is what orders the two in the graph. -#}
{% macro only_changed(key, changed, changed_key=none) -%}
    {%- if adds_to_last_build() -%}
        {{ key }} in (select {{ changed_key or key }} from {{ ref(changed) }})
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}
