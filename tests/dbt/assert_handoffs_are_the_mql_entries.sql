-- Fails if an MQL entry of a person that was not inferred has no hand-off, or a hand-off has no
-- such entry: the fates would not be a partition of the entries.
with mql_entries as (

    select lead_cycle_id
    from {{ ref('fct_stage_entries') }}
    where
        stage = 'mql'
        and not is_inferred
        and person_id is not null

),

handoffs as (

    select lead_cycle_id
    from {{ ref('fct_handoffs') }}

)

select
    coalesce(mql_entries.lead_cycle_id, handoffs.lead_cycle_id) as lead_cycle_id,
    handoffs.lead_cycle_id is null as is_without_handoff
from mql_entries
full outer join handoffs on mql_entries.lead_cycle_id = handoffs.lead_cycle_id
where
    mql_entries.lead_cycle_id is null
    or handoffs.lead_cycle_id is null
