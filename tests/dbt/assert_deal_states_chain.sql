-- Fails if the states of a deal leave a gap, overlap, run backwards or are not numbered from 1.
{{ config(meta={'owner': 'sales_operations'}) }}

with opportunity_states as (

    select * from {{ ref('int_opportunity_states') }}

),

chained as (

    select
        opportunity_states.opportunity_id,
        opportunity_states.state_number,
        opportunity_states.valid_from,
        opportunity_states.valid_to,
        row_number() over (
            partition by opportunity_states.opportunity_id
            order by opportunity_states.valid_from asc, opportunity_states.state_number asc
        ) as expected_number,
        lead(opportunity_states.valid_from) over (
            partition by opportunity_states.opportunity_id
            order by opportunity_states.state_number asc
        ) as next_from
    from opportunity_states

),

final as (

    select
        chained.opportunity_id,
        chained.state_number,
        chained.valid_from,
        chained.valid_to
    from chained
    where
        chained.state_number <> chained.expected_number
        or chained.valid_to is distinct from chained.next_from
        or chained.valid_to < chained.valid_from

)

select * from final
