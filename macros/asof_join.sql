{% macro asof_join(relation, name, equal, instant, valid_from, valid_to, is_strict=false) -%}
    {{ return(adapter.dispatch('asof_join', 'concord')(
        relation, name, equal, instant, valid_from, valid_to, is_strict
    )) }}
{%- endmacro %}

{% macro duckdb__asof_join(relation, name, equal, instant, valid_from, valid_to, is_strict) -%}
    asof left join {{ relation }} as {{ name }}
        on
            {{ equal }}
            and {{ instant }} {{ '>' if is_strict else '>=' }} {{ name }}.{{ valid_from }}
{%- endmacro %}

{% macro spark__asof_join(relation, name, equal, instant, valid_from, valid_to, is_strict) -%}
    left join {{ relation }} as {{ name }}
        on
            {{ equal }}
            and {{ instant }} {{ '>' if is_strict else '>=' }} {{ name }}.{{ valid_from }}
            and {{ instant }} {{ '<=' if is_strict else '<' }} {{ name }}.{{ valid_to }}
{%- endmacro %}
