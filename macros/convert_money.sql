{% macro convert_money(amount, rate) -%}
    {#-
        Six digits, because advertising is billed in millionths. The outer cast rounds half away
        from zero, and it is the only rounding on the way. Of two factors of 18 digits DuckDB keeps 18 in
        the product; the wider first factor makes it keep all, and 23 + 14 is what Spark can hold exactly.
    -#}
    cast(cast({{ amount }} as decimal(23, 6)) * cast({{ rate }} as decimal(14, 8)) as decimal(18, 2))
{%- endmacro %}
