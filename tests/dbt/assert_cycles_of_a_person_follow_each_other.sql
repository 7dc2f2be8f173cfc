-- Fails if a cycle was opened by a person's own evidence while another of their cycles was open, or
-- at the instant at which one ended. Cycles of several deals may overlap.
with lead_cycles as (

    select * from {{ ref('int_cycles') }}

),

final as (

    select
        later.lead_cycle_id,
        later.person_id,
        later.opened_at,
        earlier.lead_cycle_id as open_cycle_id,
        earlier.ended_at as open_until
    from lead_cycles as later
    inner join lead_cycles as earlier
        on
            later.person_id = earlier.person_id
            and later.cycle_number > earlier.cycle_number
    where
        later.is_opened_by_person
        and coalesce(earlier.ended_at, {{ end_of_time() }}) >= later.opened_at

)

select * from final
