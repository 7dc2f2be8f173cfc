{% macro record_key(system, object, record_id) -%}
    {{ system }} || ':' || {{ object }} || ':' || {{ record_id }}
{%- endmacro %}
