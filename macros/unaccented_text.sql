{#- Letters with a stroke are no letter with an accent to the engine, but they are to the reader. -#}
{% macro unaccented_text(expression) -%}
    {{ return(adapter.dispatch('unaccented_text', 'concord')(expression)) }}
{%- endmacro %}

{% macro default__unaccented_text(expression) -%}
    {{ exceptions.raise_compiler_error(
        'unaccented_text: no way is known to take accents off on ' ~ target.type
    ) }}
{%- endmacro %}

{% macro duckdb__unaccented_text(expression) -%}
    replace(replace(replace(
        translate(strip_accents(lower({{ expression }})), 'øłđħŧı', 'oldhti'),
        'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe')
{%- endmacro %}
