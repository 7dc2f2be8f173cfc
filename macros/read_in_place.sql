{% macro read_in_place(always=false) %}{{ return(adapter.dispatch('read_in_place')(always)) }}{% endmacro %}

{% macro default__read_in_place(always) %}{% endmacro %}

{#- What a build adds to a model is few rows of large tables: found once and kept, not at each use. -#}
{% macro duckdb__read_in_place(always) -%}
    {%- if always or not (adds_to_last_build() and is_incremental()) -%}not materialized{%- endif -%}
{%- endmacro %}
