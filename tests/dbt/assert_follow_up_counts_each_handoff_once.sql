-- Fails if the follow-up report, the promises or the feedback do not count every hand-off once.
with handoffs as (

    select
        count(*) as handoffs,
        coalesce(sum(case when is_due then 1 else 0 end), 0) as due,
        coalesce(sum(case when is_met then 1 else 0 end), 0) as met
    from {{ ref('fct_handoffs') }}

),

follow_up as (

    select
        coalesce(sum(handoffs), 0) as handoffs,
        coalesce(sum(due), 0) as due,
        coalesce(sum(met), 0) as met
    from {{ ref('rpt_follow_up') }}

),

feedback as (

    select coalesce(sum(handoffs), 0) as handoffs
    from {{ ref('rpt_lead_feedback') }}

),

responses as (

    select
        coalesce(sum(due), 0) as due,
        coalesce(sum(kept), 0) as kept
    from {{ ref('rpt_promises') }}
    where promise = 'response'

)

select
    handoffs.handoffs,
    follow_up.handoffs as follow_up_handoffs,
    feedback.handoffs as feedback_handoffs,
    responses.due as responses_due
from handoffs
cross join follow_up
cross join feedback
cross join responses
where
    handoffs.handoffs <> follow_up.handoffs
    or handoffs.due <> follow_up.due
    or handoffs.met <> follow_up.met
    or handoffs.handoffs <> feedback.handoffs
    or handoffs.due <> responses.due
    or handoffs.met <> responses.kept
