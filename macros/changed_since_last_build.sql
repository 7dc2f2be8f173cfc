{#-
    A row counts as changed if landing wrote it or its validity after the last build began, or if the
    now of the two builds decides whether it is seen. Written as literals, so that an engine reads only
    the parts of a table that may have such rows.
-#}
{% macro changed_since_last_build(relation_alias) -%}
    {%- set context = ref('stg_concord__build_context') -%}
    {%- if adds_to_last_build() -%}
        {%- set found = run_query(
            'select build_number, cast(previous_as_of as ' ~ dbt.type_string() ~ ') from ' ~ context
        ).rows[0] -%}
    (
        {{ relation_alias }}._written_in >= {{ found[0] }}
        or {{ relation_alias }}._modified_at > cast('{{ found[1] }}' as {{ dbt.type_timestamp() }})
        or {{ relation_alias }}._valid_to > cast('{{ found[1] }}' as {{ dbt.type_timestamp() }})
    )
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}
