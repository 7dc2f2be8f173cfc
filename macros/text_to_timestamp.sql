{% macro text_to_timestamp(text) -%}
    {{ return(adapter.dispatch('text_to_timestamp', 'concord')(text)) }}
{%- endmacro %}

{% macro default__text_to_timestamp(text) -%}
    case
        when regexp_full_match({{ text }}, '-?[0-9]{11,14}')
            then make_timestamp(try_cast({{ text }} as bigint) * 1000)
        -- A cast to timestamp would drop the offset instead of applying it.
        else try_cast({{ text }} as timestamptz) at time zone 'UTC'
    end
{%- endmacro %}

{% macro spark__text_to_timestamp(text) -%}
    case
        when {{ text }} rlike '^-?[0-9]{11,14}$'
            then timestamp_millis(try_cast({{ text }} as bigint))
        else try_cast({{ text }} as timestamp)
    end
{%- endmacro %}
