{#- The first advertising of a channel reaches all its credit, also that which a build left as it was. -#}
{% macro mark_paid_channels(ad_spend) -%}
    {%- if execute and is_incremental() and adds_to_last_build() -%}
        update {{ this }}
        set is_paid_channel = not is_paid_channel
        where is_paid_channel <> (channel in (select channel from {{ ad_spend }}))
    {%- else -%}
        select 1 as nothing_to_mark
    {%- endif -%}
{%- endmacro %}
