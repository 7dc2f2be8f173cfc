{#-
    False as well wherever there is nothing to add to: a model that was never built, a unit test, a linter.
-#}
{% macro adds_to_last_build() -%}
    {%- if not execute or flags.FULL_REFRESH or model.resource_type not in ('model', 'test') -%}
        {{ return(false) }}
    {%- endif -%}
    {%- if model.config.materialized == 'incremental' and not is_incremental() -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set context = adapter.get_relation(
        database=target.database, schema='audit', identifier='build_context'
    ) -%}
    {%- if context is none -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set found = run_query('select previous_as_of is not null as adds from ' ~ context) -%}
    {{ return(found.rows | length == 1 and found.rows[0][0]) }}
{%- endmacro %}
