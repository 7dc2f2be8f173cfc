-- Fails if a hand-off contradicts itself: passed on without a moment at which it is due (no
-- calendar or no target for its grade), a fate that its promise denies, or an order of its
-- moments that cannot be.
select
    lead_cycle_id,
    fate,
    is_due,
    is_met,
    handed_over_at,
    assigned_at,
    due_at
from {{ ref('fct_handoffs') }}
where
    (is_handed_over and due_at is null)
    or (is_handed_over <> (fate <> 'not_handed_over'))
    or (is_due <> (is_met is not null))
    or (fate = 'worked_in_sla' and not coalesce(is_met, false))
    or (fate = 'worked_late' and coalesce(is_met, true))
    or (fate = 'untouched_overdue' and (coalesce(is_met, true) or due_at > data_cut_at))
    or (fate = 'pending' and is_due)
    or (fate = 'lost_between_systems' and last_place is null)
    or assigned_at < handed_over_at
    or due_at < coalesce(assigned_at, handed_over_at)
