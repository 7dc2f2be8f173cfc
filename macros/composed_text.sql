{% macro composed_text(expression) -%}
    {{ return(adapter.dispatch('composed_text', 'concord')(expression)) }}
{%- endmacro %}

{% macro default__composed_text(expression) -%}
    {{ exceptions.raise_compiler_error(
        'composed_text: no way is known to compose text (NFC) on ' ~ target.type
    ) }}
{%- endmacro %}

{% macro duckdb__composed_text(expression) -%}
    nfc_normalize({{ expression }})
{%- endmacro %}
