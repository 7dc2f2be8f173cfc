{% macro convert_money(amount, rate) -%}
    {#-
        Six digits, because advertising is billed in millionths. The outer cast rounds half away
        from zero, and it is the only rounding on the way.
    -#}
    cast(cast({{ amount }} as decimal(18, 6)) * cast({{ rate }} as decimal(18, 8)) as decimal(18, 2))
{%- endmacro %}
