{#-
    Whole numbers on both sides: a quotient of decimals would pass through a floating-point
    number, and half a cent is exactly what those cannot hold.
-#}
{% macro divide_money(amount, multiplier, divisor) -%}
    {{ return(adapter.dispatch('divide_money', 'concord')(amount, multiplier, divisor)) }}
{%- endmacro %}

{% macro duckdb__divide_money(amount, multiplier, divisor) -%}
    {%- set cents -%}
        (cast(cast({{ amount }} as decimal(18, 2)) * 100 as hugeint) * ({{ multiplier }}))
    {%- endset -%}
    {%- set divisor -%}nullif(cast({{ divisor }} as hugeint), 0){%- endset -%}
    cast(
        cast(
            sign({{ cents }}) * ((2 * abs({{ cents }}) + {{ divisor }}) // (2 * {{ divisor }}))
            as decimal(20, 0)
        ) * 0.01
        as decimal(18, 2)
    )
{%- endmacro %}

{% macro spark__divide_money(amount, multiplier, divisor) -%}
    {%- set cents -%}
        (cast(cast({{ amount }} as decimal(18, 2)) * 100 as decimal(20, 0)) * ({{ multiplier }}))
    {%- endset -%}
    {%- set divisor -%}nullif(cast({{ divisor }} as bigint), 0){%- endset -%}
    cast(
        cast(
            sign({{ cents }}) * ((2 * abs({{ cents }}) + {{ divisor }}) div (2 * {{ divisor }}))
            as decimal(20, 0)
        ) * 0.01
        as decimal(18, 2)
    )
{%- endmacro %}
