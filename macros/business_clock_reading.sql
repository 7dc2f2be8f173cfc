{% macro business_clock_reading(name, instant) -%}
    coalesce(
        {{ name }}.business_microseconds_before
        + {{ microseconds_between(
            name ~ '.starts_at', 'least(' ~ instant ~ ', ' ~ name ~ '.ends_at)'
        ) }},
        0
    )
{%- endmacro %}
