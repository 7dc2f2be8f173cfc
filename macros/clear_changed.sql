{#- The hook before an incremental model: what is about to be computed anew goes out first. -#}
{% macro clear_changed(changed, key, changed_key=none) -%}
    {%- if execute and is_incremental() -%}
        {%- if adds_to_last_build() -%}
            delete from {{ this }}
            where {{ key }} in (select {{ changed_key or key }} from {{ changed }})
        {%- else -%}
            delete from {{ this }}
        {%- endif -%}
    {%- else -%}
        select 1 as nothing_to_clear
    {%- endif -%}
{%- endmacro %}
