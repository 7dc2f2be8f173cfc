{% macro trimmed_text(expression) -%}
    regexp_replace(
        regexp_replace({{ expression }}, '^[[:space:]\x{00A0}\x{200B}\x{FEFF}]+', ''),
        '[[:space:]\x{00A0}\x{200B}\x{FEFF}]+$',
        ''
    )
{%- endmacro %}
