-- Fails if the accepted opportunities of the attributed types that the funnel counts are not the
-- conversions of type sqo, or the won ones not those of type won. It says nothing of their values.
with conversions as (

    select * from {{ ref('fct_conversions') }}

),

opportunities as (

    select * from {{ ref('fct_opportunities') }}

),

stage_entries as (

    select * from {{ ref('fct_stage_entries') }}

),

expected as (

    select
        'sqo' as conversion_type,
        stage_entries.opportunity_id,
        stage_entries.entered_at as converted_at
    from stage_entries
    inner join opportunities on stage_entries.opportunity_id = opportunities.opportunity_id
    where
        stage_entries.stage = 'sqo'
        and not stage_entries.is_inferred
        and opportunities.opportunity_type in (
            {%- for type in var('attribution_types') %}'{{ type }}'{% if not loop.last %}, {% endif %}
            {%- endfor -%}
        )

    union all

    select
        'won' as conversion_type,
        opportunity_id,
        won_at as converted_at
    from opportunities
    where
        is_won
        and opportunity_type in (
            {%- for type in var('attribution_types') %}'{{ type }}'{% if not loop.last %}, {% endif %}
            {%- endfor -%}
        )

),

final as (

    select
        coalesce(expected.opportunity_id, conversions.opportunity_id) as opportunity_id,
        coalesce(expected.conversion_type, conversions.conversion_type) as conversion_type,
        expected.converted_at as expected_at,
        conversions.converted_at
    from expected
    full outer join conversions
        on
            expected.opportunity_id = conversions.opportunity_id
            and expected.conversion_type = conversions.conversion_type
    where expected.converted_at is distinct from conversions.converted_at

)

select * from final
