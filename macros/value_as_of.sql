{% macro value_as_of(records, column, field, values_then='values_then') -%}
    case
            when {{ records }}.is_rebuilt and {{ values_then }}.has_{{ field }}
                then {{ values_then }}.{{ field }}
            else {{ records }}.{{ column }}
        end
{%- endmacro %}
