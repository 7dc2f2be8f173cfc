{% macro inline_imports(sql) %}
    {#- DuckDB keeps a CTE that is named twice as rows, with all columns that any of the two needs,
        before it filters or joins; for a CTE that only imports a table that is a copy of the table
        (duckdb issue 20958). Imports of views stay as they are: they would be computed twice. -#}
    {%- set tables = [] -%}
    {#- dbt's unit tests know no graph, and their inputs are no tables. -#}
    {%- for unique_id in model.depends_on.nodes if 'nodes' in graph -%}
        {%- set node = graph.nodes.get(unique_id) or graph.sources.get(unique_id) -%}
        {%- if node.resource_type in ['seed', 'source']
            or node.config.materialized in ['table', 'incremental'] -%}
            {%- set name = node.identifier or node.alias -%}
            {%- do tables.append('"[^"]+"\\."' ~ node.schema ~ '"\\."' ~ name ~ '"') -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set import = '(\\w+) as (\\(\\s*select \\*\\s+from (?:' ~ tables | join('|') ~ ')'
        ~ '(?:\\s+where [^()]*)?\\s*\\))' -%}
    {%- do return(modules.re.sub(import, '\\1 as not materialized \\2', sql) if tables else sql) -%}
{% endmacro %}

{% macro duckdb__create_table_as(
    temporary, relation, compiled_code, language='sql', partitioned_by=none, sorted_by=none
) %}
    {%- if language == 'sql' -%}
        {%- set compiled_code = inline_imports(compiled_code) -%}
    {%- endif -%}
    {%- do return(dbt.duckdb__create_table_as(
        temporary, relation, compiled_code, language, partitioned_by, sorted_by
    )) -%}
{% endmacro %}

{% macro duckdb__create_view_as(relation, sql) %}
    {%- do return(dbt.duckdb__create_view_as(relation, inline_imports(sql))) -%}
{% endmacro %}
