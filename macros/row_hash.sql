{#- Without columns all values of the row, so that a column that comes later is in it by itself. -#}
{% macro row_hash(relation_alias, columns=none) -%}
    {{ return(adapter.dispatch('row_hash', 'concord')(relation_alias, columns)) }}
{%- endmacro %}

{% macro default__row_hash(relation_alias, columns) -%}
    {%- if columns -%}
        hash({{ relation_alias }}.{{ columns | join(', ' ~ relation_alias ~ '.') }})
    {%- else -%}
        hash({{ relation_alias }})
    {%- endif -%}
{%- endmacro %}

{% macro spark__row_hash(relation_alias, columns) -%}
    {%- if columns -%}
        xxhash64({{ relation_alias }}.{{ columns | join(', ' ~ relation_alias ~ '.') }})
    {%- else -%}
        xxhash64(struct({{ relation_alias }}.*))
    {%- endif -%}
{%- endmacro %}
