{#- Trimmed of every kind of space, lower case, composed (NFC), without a plus-tag. Whether the provider ignores
    dots is data, so that step stands with the seed that knows it. -#}
{% macro normalised_email(expression) -%}
    regexp_replace(
        {{ composed_text("lower(" ~ trimmed_text(expression) ~ ")") }}, '[+][^@]*@', '@'
    )
{%- endmacro %}
