{% macro read_in_place() %}{{ return(adapter.dispatch('read_in_place')()) }}{% endmacro %}

{% macro default__read_in_place() %}{% endmacro %}

{% macro duckdb__read_in_place() %}not materialized{% endmacro %}
