-- Fails if the factors of a quarter do not add up to its gap, to the cent, if the planned factors
-- do not multiply to the target, or if a gap without a reason is not split.
select
    opportunity_type,
    quarter_start_date,
    max(gap_amount) as gap_amount,
    sum(contribution_amount) as split_amount
from {{ ref('rpt_revenue_gap') }}
group by opportunity_type, quarter_start_date
having
    count(*) <> 6
    or (max(split_note) is null and sum(contribution_amount) is distinct from max(gap_amount))
    or (max(split_note) is null and count(contribution_amount) <> 6)
    or (max(split_note) is not null and count(contribution_amount) > 0)
    or (
        max(split_note) is null
        and abs(exp(sum(ln(nullif(abs(plan_value), 0)))) - abs(max(target_amount)))
        > 0.01 + 1e-9 * abs(max(target_amount))
    )
