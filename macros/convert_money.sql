{% macro convert_money(amount, rate) -%}
    {#- The cast rounds half away from zero, and it is the only rounding on the way. -#}
    cast(cast({{ amount }} as decimal(18, 2)) * cast({{ rate }} as decimal(18, 8)) as decimal(18, 2))
{%- endmacro %}
