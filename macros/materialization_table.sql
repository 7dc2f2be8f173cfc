{% materialization table, adapter='duckdb', supported_languages=['sql', 'python'] %}
    {#- DuckDB takes back the statements of a transaction, those that define tables too: the old
        table goes and the new one comes in one, without the two renames of dbt's own way. -#}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- if existing_relation is not none -%}
        {%- do adapter.ensure_transaction() -%}
        {%- do adapter.drop_relation(existing_relation) -%}
        {#- A Python model writes over a connection of its own, which must not find the old table. -#}
        {%- if model['language'] == 'python' -%}{%- do adapter.commit() -%}{%- endif -%}
    {%- endif -%}
    {%- call statement('main', language=model['language']) -%}
        {{- create_table_as(False, target_relation, compiled_code, model['language']) -}}
    {%- endcall -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
