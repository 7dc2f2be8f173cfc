{#-
    Credit by removal effects is that of all touched conversions of a type; a conversion without
    touches is credited to that in every model, whatever the effects.
-#}
{% macro clear_credits(lookups) -%}
    {%- if execute and is_incremental() and adds_to_last_build() -%}
        {%- set changed -%}
            select lookup_key from {{ lookups }}
            where changed_in = (select build_number from {{ ref('stg_concord__build_context') }})
        {%- endset -%}
        delete from {{ this }}
        where
            conversion_id in ({{ changed }} and lookup_kind = 'conversion')
            or (
                model = 'markov'
                and touch_id is not null
                and conversion_type in ({{ changed }} and lookup_kind = 'removal_effects')
            )
    {%- else -%}
        {{ clear_changed(lookups, 'conversion_id') }}
    {%- endif -%}
{%- endmacro %}
