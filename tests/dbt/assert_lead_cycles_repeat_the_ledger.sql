-- Fails if a column of fct_lead_cycles and the entry of fct_stage_entries that it repeats differ.
{%- set stages = ['inquiry', 'lead', 'mql', 'sal', 'sql', 'sqo', 'won'] %}

with lead_cycles as (

    select * from {{ ref('fct_lead_cycles') }}

),

stage_entries as (

    select * from {{ ref('fct_stage_entries') }}

),

laid_out as (

    {%- for stage in stages %}
        select
            lead_cycle_id,
            '{{ stage }}' as stage,
            {{ stage }}_at as entered_at,
            is_{{ stage }}_inferred as is_inferred
        from lead_cycles
        where {{ stage }}_at is not null
        {%- if not loop.last %}

            union all
        {% endif %}
    {%- endfor %}

),

final as (

    select
        coalesce(laid_out.lead_cycle_id, stage_entries.lead_cycle_id) as lead_cycle_id,
        coalesce(laid_out.stage, stage_entries.stage) as stage,
        laid_out.entered_at as entered_at_in_cycle,
        stage_entries.entered_at
    from laid_out
    full outer join stage_entries
        on
            laid_out.lead_cycle_id = stage_entries.lead_cycle_id
            and laid_out.stage = stage_entries.stage
    where
        laid_out.lead_cycle_id is null
        or stage_entries.lead_cycle_id is null
        or laid_out.entered_at <> stage_entries.entered_at
        or laid_out.is_inferred <> stage_entries.is_inferred

)

select * from final
