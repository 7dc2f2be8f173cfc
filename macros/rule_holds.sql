{% macro rule_holds(operator, value_expression, rule_value) -%}
    {%- set value -%}nullif(trim(cast({{ value_expression }} as {{ dbt.type_string() }})), ''){%- endset -%}
    {%- set rule -%}nullif(trim(cast({{ rule_value }} as {{ dbt.type_string() }})), ''){%- endset -%}
    {%- set alternatives -%}
        replace(replace('|' || lower({{ rule }}) || '|', ' |', '|'), '| ', '|')
    {%- endset -%}
    {#- Not dbt.safe_cast: on DuckDB that is a plain cast, which fails on text. -#}
    {%- set value_number -%}try_cast({{ value }} as double){%- endset -%}
    {#- A comparison with something missing on either side is null, and null does not hold. -#}
    coalesce(
        case {{ operator }}
            when '=' then lower({{ value }}) = lower({{ rule }})
            when '!=' then lower({{ value }}) != lower({{ rule }})
            when 'in' then
                position('|' in {{ value }}) = 0
                and position('|' || lower({{ value }}) || '|' in {{ alternatives }}) > 0
            when 'contains' then position(lower({{ rule }}) in lower({{ value }})) > 0
            when 'starts_with' then
                substr(lower({{ value }}), 1, length({{ rule }})) = lower({{ rule }})
            when 'ends_with' then
                right(lower({{ value }}), length({{ rule }})) = lower({{ rule }})
            when 'matches' then {{ regex_full_match(value, rule) }}
            when '>=' then {{ value_number }} >= try_cast({{ rule }} as double)
            when '<=' then {{ value_number }} <= try_cast({{ rule }} as double)
            when 'between' then
                {{ value_number }} between
                try_cast({{ dbt.split_part(rule, "'|'", 1) }} as double)
                and try_cast({{ dbt.split_part(rule, "'|'", 2) }} as double)
            when 'is_set' then {{ value }} is not null
            when 'is_not_set' then {{ value }} is null
        end,
        false
    )
{%- endmacro %}
