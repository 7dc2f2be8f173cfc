{% macro touch_party(people) -%}
    case
        when {{ attribution_parameter('buying_group', dbt.type_string()) }} = 'person'
            then {{ people }}.person_id
        else coalesce({{ people }}.account_id, {{ people }}.person_id)
    end
{%- endmacro %}
