{#- A scalar, so that a parameter stands where a number or a word would. -#}
{% macro attribution_parameter(name, data_type) -%}
    (
        select cast(attribution_parameters.value as {{ data_type }})
        from {{ ref('attribution_parameters') }} as attribution_parameters
        where attribution_parameters.parameter = '{{ name }}'
    )
{%- endmacro %}
