"""What is true of the company at a moment, read from the plan: nothing here is computed from an extract."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from sample.draws import Draws
from sample.extracts import (
    PORTAL_ZONE,
    UNEXPLAINED_MONTH,
    UNEXPLAINED_MQLS,
    UNKNOWN_STATUS,
    believed_deal_states,
    invoiced,
)
from sample.plan import literal
from sample.records import CLOCK_CHANGES

STAGE_ORDER = ("inquiry", "lead", "mql", "sal", "sql", "sqo", "won")


def write_truth(con: duckdb.DuckDBPyConnection, folder: Path, until: datetime, draws: Draws) -> None:
    """Write one Parquet file a table of truth into `folder`, as of the end of the day before `until`."""
    folder.mkdir(parents=True)
    known = literal(until - timedelta(seconds=1))
    con.execute(_cycles(known))
    tables = {
        "people": _people(known),
        "exclusions": _exclusions(known),
        "touches": _touches(known),
        "stages": _stages(known),
        "cycles": _cycle_rows(known),
        "opportunities": _opportunities(known),
        "links": _links(known),
        "handoffs": _handoffs(known),
        "contracts": _contracts(known),
        "mrr": _mrr(known),
        "counted": _counted(until - timedelta(seconds=1), draws),
        "disagreements": _disagreements(until - timedelta(seconds=1)),
        "planted": _planted(known),
    }
    for name, query in tables.items():
        con.execute(f"copy ({query}) to '{folder / f'{name}.parquet'}' (format parquet, row_group_size 122880)")


def _person(alias: str) -> str:
    return f"'P' || {alias}.pid"


def _people(known: str) -> str:
    return f"""
with records as (
    select pid, 'hubspot' as system, 'contact' as object, hubspot_id::varchar as record_id, start_at as created_at,
        kind <> 'shared_mailbox' as is_joined,
        case when kind = 'shared_mailbox' then 'shared mailbox' end as reason
    from people
    where in_hubspot
    union all
    select t.pid, 'hubspot', 'contact', p.twin_id::varchar, t.created_at,
        t.twin <> 'no_evidence' and coalesce(t.merged_at <= {known}, true),
        case when t.twin = 'no_evidence' then 'no deterministic evidence'
            when t.merged_at > {known} then 'not merged yet' else t.twin end
    from twins as t
    inner join people as p using (pid)
    union all
    select l.pid, 'salesforce', 'lead', l.lead_id, l.created_at, p.kind <> 'shared_mailbox',
        case when p.kind = 'shared_mailbox' then 'shared mailbox' when l.is_twin then 'lead twin'
            when l.has_other_address then 'another address, held by the cross-id' end
    from leads as l
    inner join people as p using (pid)
    union all
    select pid, 'salesforce', 'contact', contact_id, created_at, true, null from contacts
)

select system, object, record_id, {_person("records")} as true_person, is_joined, reason
from records
where created_at <= {known}
order by system, object, record_id
"""


def _exclusions(known: str) -> str:
    return f"""
select 'hubspot' as system, 'contact' as object, hubspot_id::varchar as record_id, {_person("people")} as true_person,
    kind as reason
from people
where path = 'excluded' and start_at <= {known}
order by record_id
"""


def _touches(known: str) -> str:
    return f"""
with every as (
    select 'web_analytics:sessions:' || s.session_id as activity_id, s.pid, s.ts,
        case when s.medium in ('cpc', 'paid_social') then 'ad_click' else 'session' end as activity_type,
        case when s.is_bot then 'bot' end as not_real
    from sessions as s
    union all
    select 'hubspot:email_event:' || id, pid, ts, 'email_' || lower(type), not_real
    from mail_events
    where type in ('CLICK', 'REPLY')
    union all
    select 'hubspot:contact_form_submission:conv-' || lpad(f.fid::varchar, 10, '0'), f.pid, f.ts,
        case f.form when 'Demo request' then 'demo_request' when 'Pricing request' then 'pricing_request'
            when 'Contact sales' then 'contact_request' when 'eBook download' then 'content_download'
            else 'form_submit' end, null
    from forms as f
    inner join people as p on p.pid = f.pid and p.in_hubspot
    union all
    select 'salesforce:campaign_member:' || id, pid, ts,
        case status when 'Attended' then 'event_attended' when 'Registered' then 'form_submit' else 'email_sent' end,
        case when status = 'Sent' then 'mail sent' end
    from members
    union all
    select 'salesforce:task:' || id, pid, ts, lower(type),
        case when reason in ('automated', 'planned') then reason end
    from tasks
    union all
    select 'salesforce:event:' || id, pid, ts, 'meeting', case when outcome <> 'Held' then 'no show' end
    from meetings
    union all
    select 'hubspot:engagement:' || id, pid, ts, lower(type),
        case type when 'NOTE' then 'note' when 'TASK' then 'planned' end
    from engagements
)

select
    e.activity_id, case when e.pid is not null then {_person("e")} end as true_person, e.ts as occurred_at,
    e.activity_type,
    e.not_real is null and coalesce(p.path <> 'excluded', true) as is_real,
    coalesce(e.not_real, case when p.path = 'excluded' then 'excluded ' || p.kind end) as why_not
from every as e
left join people as p on p.pid = e.pid
where e.ts <= {known}
order by e.activity_id
"""


def _cycles(known: str) -> str:
    """Each cycle with the moment of each stage's own evidence; a stage without one was skipped or not reached."""
    return f"""
create or replace table cycles as
with responses as (
    select pid, min(ts) as first_at
    from (
        select pid, ts from forms
        union all
        select pid, ts from mail_events where type in ('CLICK', 'REPLY') and not_real is null
        union all
        select pid, ts from members where status <> 'Sent'
    )
    group by pid
),

marketed as (
    select
        p.pid, 1 as n, r.first_at as inquiry_at,
        case when p.path = 'burst_short' then p.lead_at when p.path = 'event' then p.main_at end as lead_at,
        null::timestamp as mql_at, null::varchar as mql_grade, null::timestamp as sal_at, null::timestamp as sql_at,
        case when p.kind = 'active_only' then d.key end as deal_key,
        case when d.lost_at is not null and not coalesce(d.won_at <= {known}, false) then 'lost' end as exit_type,
        d.loss_reason as exit_reason,
        case when not coalesce(d.won_at <= {known}, false) then d.lost_at end as exited_at,
        'inbound' as base_motion
    from (
        select people.*, steps.ts as lead_at
        from people
        left join (select pid, max(ts) as ts from forms where reason = 'burst' group by pid) as steps using (pid)
    ) as p
    inner join responses as r using (pid)
    left join deals as d on d.pid = p.pid and d.kind = 'active_only'
    where p.path <> 'excluded' and p.pid not in (select pid from entries)
),

handled as (
    select
        e.pid, e.n,
        case when e.n = 2 then e.mql_at when e.origin = 'sales' then e.crm_at else r.first_at end as inquiry_at,
        case when e.origin = 'sales' then null when p.path = 'burst_long' and e.n = 1 then third.ts else e.mql_at end
            as lead_at,
        e.mql_at,
        coalesce(e.mql_grade, case when e.mql_at is not null then
            -- Promoted meanwhile: seniority counts 25 more than at the first time.
            case when p.fit + 25 >= 75 then 'A' when p.fit + 25 >= 50 then 'B' else 'C' end || '3' end) as mql_grade,
        e.working_at as sal_at,
        least(e.qualified_status_at, e.meeting_at, e.deal_at) as sql_at,
        d.key as deal_key,
        coalesce(e.exit_kind, case when d.lost_at is not null and not coalesce(d.won_at <= {known}, false)
            then 'lost' end) as exit_type,
        case when e.exit_kind is null then d.loss_reason else e.exit_reason end as exit_reason,
        coalesce(e.exit_at, case when not coalesce(d.won_at <= {known}, false) then d.lost_at end) as exited_at,
        case p.path when 'outbound' then 'outbound' when 'partner' then 'partner' when 'product' then 'product'
            else 'inbound' end as base_motion
    from entries as e
    inner join people as p using (pid)
    left join responses as r using (pid)
    left join (
        select pid, ts from forms where reason = 'burst'
        qualify row_number() over (partition by pid order by ts) = 3
    ) as third using (pid)
    left join deals as d on d.kind = 'lead' and d.pid = e.pid and d.n = e.n
),

dealt as (
    select
        d.pid, d.n, case when d.kind = 'legacy' then p.start_at end, null::timestamp, null::timestamp, null::varchar,
        null::timestamp, null::timestamp, d.key,
        case when d.lost_at is not null and not coalesce(d.won_at <= {known}, false) then 'lost' end, d.loss_reason,
        case when not coalesce(d.won_at <= {known}, false) then d.lost_at end,
        case p.path when 'outbound' then 'outbound' when 'legacy' then 'outbound' when 'partner' then 'partner'
            when 'product' then 'product' else 'inbound' end
    from deals as d
    left join people as p using (pid)
    where d.kind in ('legacy', 'expansion', 'second', 'reactivation', 'nobody')
),

every as (
    select * from marketed
    union all
    select * from handled
    union all
    select * from dealt
),

timed as (
    select
        e.* exclude (exit_type, exit_reason, exited_at),
        d.sqo_at,
        d.won_at,
        case when e.exited_at <= {known} then e.exit_type end as exit_type,
        case when e.exited_at <= {known} then e.exit_reason end as exit_reason,
        case when e.exited_at <= {known} then e.exited_at end as exited_at,
        least(e.inquiry_at, e.lead_at, e.mql_at, e.sal_at, e.sql_at, d.sqo_at, d.won_at) as opened_at
    from every as e
    left join deals as d on d.key = e.deal_key
),

placed as (
    select
        t.*,
        -- Whose mail tells no company belongs to an account only as its contact in the CRM.
        case when not coalesce(p.is_free_mail, false) or c.created_at <= {known} then coalesce(p.aid, d.aid) end as aid
    from timed as t
    left join people as p using (pid)
    left join contacts as c using (pid)
    left join deals as d on d.key = t.deal_key
    where t.opened_at <= {known}
),

customers as (
    select distinct p.pid, p.n
    from placed as p
    inner join deals as d on d.aid = p.aid
    where d.key is distinct from p.deal_key
        and (
            -- A lost deal that was won in the end counts as open until the win, which replaces the loss.
            (d.created_at <= p.opened_at
                and p.opened_at < coalesce(case when d.won_at <= {known} then d.won_at end, d.lost_at,
                    timestamp '9999-01-01'))
            or (d.starts_at <= p.opened_at and d.won_at <= {known}
                and p.opened_at < least(d.starts_at + interval 12 month,
                    case when d.cancels_at <= {known} then date_trunc('day', d.cancels_at) end))
        )
)

select
    p.*,
    case when c.pid is not null then 'customer' else p.base_motion end as motion,
    case when p.pid is not null then row_number() over (partition by p.pid order by p.opened_at, p.n) end as cycle
from placed as p
left join customers as c on c.pid = p.pid and c.n = p.n
order by p.pid, p.n
"""


def _stages(known: str) -> str:
    """A stage is entered at the earliest evidence of it or of a later one; inferred if that was a later one."""
    parts = []
    for number, stage in enumerate(STAGE_ORDER):
        later = ", ".join(f"{name}_at" for name in STAGE_ORDER[number:])
        parts.append(
            f"select pid, deal_key, cycle, motion, '{stage}' as stage, {number + 1} as stage_order, "
            f"least({later}) as entered_at, {stage}_at is null or {stage}_at > least({later}) as is_inferred "
            f"from cycles where least({later}) <= {known}"
        )
    return f"""
with every as ({" union all ".join(parts)})

select
    case when e.pid is not null then {_person("e")} end as true_person,
    e.cycle,
    e.motion,
    e.stage,
    e.entered_at,
    e.is_inferred,
    case when e.stage in ('sqo', 'won') then d.sf_id end as opportunity_id
from every as e
left join deals as d on d.key = e.deal_key
where e.pid is not null or e.stage in ('sqo', 'won')
order by e.pid, e.cycle, e.stage_order, d.sf_id
"""


def _cycle_rows(known: str) -> str:
    return f"""
select
    case when c.pid is not null then {_person("c")} end as true_person, c.cycle, c.motion, c.opened_at, c.mql_grade,
    c.exit_type, c.exit_reason, c.exited_at, case when d.created_at <= {known} then d.sf_id end as opportunity_id
from cycles as c
left join deals as d on d.key = c.deal_key
order by c.pid, c.cycle, d.sf_id
"""


_LINKS = "case d.link when 'role' then 'primary' when 'contact_role' then 'any_role' else d.link end"


def _opportunities(known: str) -> str:
    return f"""
select
    d.sf_id as opportunity_id,
    case when d.pid is not null then {_person("d")} end as true_person,
    {_LINKS} as link_evidence,
    case d.opportunity_type when 'New Business' then 'new' when 'Renewal' then 'renewal' else 'expansion' end
        as opportunity_type,
    a.sf_id as account_id,
    d.kind as origin,
    d.created_at,
    case when d.sqo_at <= {known} then d.sqo_at end as sqo_at,
    case when d.won_at <= {known} then d.won_at end as won_at,
    case when d.lost_at <= {known} and not coalesce(d.won_at <= {known}, false) then d.lost_at end as lost_at,
    s.stage,
    s.amount,
    d.currency,
    r.user_id as owner_id
from deals as d
inner join accounts as a using (aid)
inner join (
    select oid, arg_max(stage, step) as stage, arg_max(amount, step) as amount, arg_max(rid, step) as rid
    from deal_states
    where ts <= {known}
    group by oid
) as s using (oid)
inner join reps as r on r.rid = s.rid
where d.created_at <= {known}
order by d.sf_id
"""


def _links(known: str) -> str:
    return f"""
select d.sf_id as opportunity_id, case when d.pid is not null then {_person("d")} end as true_person,
    {_LINKS} as link_evidence, p.contact_id, p.lead_id
from deals as d
left join people as p using (pid)
where d.created_at <= {known}
order by d.sf_id
"""


def _handoffs(known: str) -> str:
    """Each hand-off by marketing. The fate of one that nobody has decided yet is open."""
    return f"""
select
    {_person("e")} as true_person,
    c.cycle,
    e.mql_at,
    c.mql_grade,
    case when e.handed_over_at <= {known} then e.handed_over_at end as handed_over_at,
    case when e.assigned_at <= {known} then e.assigned_at end as assigned_at,
    r.user_id as rep_id,
    case when e.touch_at <= {known} then e.touch_at end as first_touch_at,
    case
        when e.fate = 'not_handed_over' then 'not_handed_over'
        when e.fate = 'lost_between_systems' then
            case when e.handed_over_at + interval 24 hour <= {known} then 'lost_between_systems' else 'open' end
        when e.fate in ('rejected', 'recycled') then case when e.exit_at <= {known} then e.fate else 'open' end
        when e.fate = 'ignored' then case when e.assigned_at + interval 7 day <= {known} then 'untouched_overdue'
            else 'open' end
        when e.touch_at <= {known} then case when e.is_late then 'worked_late' else 'worked_in_sla' end
        else 'open'
    end as fate,
    r.is_cherry_picker
from entries as e
inner join cycles as c on c.pid = e.pid and c.n = e.n
inner join reps as r on r.rid = e.rid
where e.origin = 'marketing' and e.mql_at <= {known}
order by e.pid, e.n
"""


def _contracts(known: str) -> str:
    return f"""
select
    d.sf_id as opportunity_id, a.sf_id as account_id, d.kind as origin,
    cast(d.starts_at as date) as starts_on,
    -- The renewal of a contract states the new total, so it also ends what was added to that contract.
    cast(least(d.starts_at + interval 12 month, case when d.cancels_at <= {known} then date_trunc('day', d.cancels_at)
        end, r.starts_at) as date) as ends_on,
    case when d.is_monthly then cast(round(d.last_amount / 12, 2) as decimal(18, 2)) else d.last_amount end
        as recurring_amount,
    case when d.is_monthly then 'month' else 'year' end as recurring_period,
    case when d.is_monthly then cast(round(d.last_amount / 12, 2) as decimal(18, 2))
        else cast(round(d.last_amount / 12, 2) as decimal(18, 2)) end as monthly_amount,
    d.currency,
    o.sf_id as renews_opportunity_id
from deals as d
inner join accounts as a using (aid)
left join deals as o on o.key = d.renews_key
-- An expansion's key is that of the deal that it adds to, and 4.
left join deals as r on d.kind = 'expansion' and r.renews_key = d.key - 4 and r.won_at <= {known}
where d.won_at <= {known}
order by d.sf_id
"""


def _mrr(known: str) -> str:
    """Recurring money of each contract in each month at whose last day it runs, in the contract's currency."""
    return f"""
select c.opportunity_id, c.account_id, c.currency, cast(g.month as date) as "month", c.monthly_amount
from ({_contracts(known)}) as c
inner join generate_series(timestamp '2024-01-01', {known}, interval 1 month) as g(month)
    on c.starts_on <= g.month + interval 1 month - interval 1 day
    and g.month + interval 1 month - interval 1 day < c.ends_on
order by c.opportunity_id, "month"
"""


def _counted(asof: datetime, draws: Draws) -> str:
    """What each team's own system counts for itself: the record, of whose cycle or deal it tells, and its month there.

    A second lead of the same person, and a person's record that tells of no cycle, have none. A deal is worth what
    that system believes, at the rate of `valued_on`; finance invoices an account.
    """
    known = literal(asof)
    marketing, crm = ("'marketing', 'hubspot'", "'crm', 'salesforce'")
    reached = "from contact_events as e inner join people as p using (pid) "
    deal = (
        "coalesce({amount}, 0), o.currency, "
        "case when {stage} in ('Closed Won', 'Closed Lost') then {closed} else cast({created} as date) end"
    )
    believed = deal.format(amount="b.amount", stage="b.stage", closed="b.close_date", created="b.created_at")
    stated = deal.format(amount="s.amount", stage="s.stage", closed="s.close_date", created="o.created_at")
    people = (
        # The first answer makes the contact a lead of marketing, so it tells of the first cycle.
        f"select 'leads', {marketing}, 'contact', p.hubspot_id::varchar, e.pid, 1, e.ts {reached}"
        "where e.name = 'lifecyclestage' and e.value = 'lead'",
        f"select 'mqls', {marketing}, 'contact', p.hubspot_id::varchar, e.pid, m.n, e.ts {reached}"
        "left join entries as m on m.pid = e.pid and m.origin = 'marketing' "
        "and e.ts in (m.mql_at + interval 1 second, m.mql_at + interval 1 day + interval 1 second) "
        "where e.name = 'lifecyclestage' and e.value = 'marketingqualifiedlead'",
        f"select 'sqls', {marketing}, 'contact', p.hubspot_id::varchar, e.pid, m.n, e.ts {reached}"
        "inner join entries as m on m.pid = e.pid and e.ts = m.sql_at + interval 2 hour "
        "where e.name = 'lifecyclestage' and e.value = 'salesqualifiedlead'",
        f"select 'leads', {crm}, 'lead', lead_id, pid, case when not is_twin then 1 end, created_at from leads "
        f"where not coalesce(merged_at <= {known}, false)",
        f"select 'mqls', {crm}, 'lead', lead_id, pid, case when not is_twin then 1 end, created_at from leads "
        f"where not coalesce(merged_at <= {known}, false) and lead_source in ('Inbound', 'Event')",
        *(
            f"select '{kpi}', {crm}, 'lead', lead_id, pid, null, created_at from held_leads"
            for kpi in ("leads", "mqls")
        ),
        f"select 'sqls', {crm}, 'lead', p.lead_id, e.pid, m.n, e.ts "
        "from lead_events as e inner join people as p using (pid) "
        "inner join entries as m on m.pid = e.pid and e.ts = m.qualified_status_at "
        "where e.field = 'Status' and e.new_value = 'Qualified'",
    )
    deals = (
        f"select 'pipeline', {marketing}, 'deal', b.deal_id::varchar, o.sf_id, {believed}, b.created_at, "
        f"{_portal_month('b.created_at')} from believed as b inner join deals as o using (oid)",
        f"select 'bookings', {marketing}, 'deal', b.deal_id::varchar, o.sf_id, {believed}, "
        "cast(b.close_date as timestamp), cast(date_trunc('month', b.close_date) as date) "
        "from believed as b inner join deals as o using (oid) where b.stage = 'Closed Won'",
        f"select 'pipeline', {crm}, 'opportunity', o.sf_id, o.sf_id, {stated}, o.created_at, "
        "cast(date_trunc('month', o.created_at) as date) from stated as s inner join deals as o using (oid)",
        f"select 'bookings', {crm}, 'opportunity', o.sf_id, o.sf_id, {stated}, cast(s.close_date as timestamp), "
        "cast(date_trunc('month', s.close_date) as date) from stated as s inner join deals as o using (oid) "
        "where s.stage = 'Closed Won'",
        *(
            f"select '{kpi}', {crm}, 'opportunity', sf_id, sf_id, amount, currency, close_date, {moment}, "
            f"cast(date_trunc('month', {moment}) as date) from held_deals"
            for kpi, moment in (("pipeline", "created_at"), ("bookings", "cast(close_date as timestamp)"))
        ),
    )
    return f"""
with believed as ({believed_deal_states(asof)}),

invoices as ({invoiced(asof, draws)}),

stated as (
    select oid, arg_max(stage, step) as stage, arg_max({{'is': amount}}, step)['is'] as amount,
        arg_max(close_date, step) as close_date
    from deal_states
    where ts <= {known}
    group by oid
),

of_people(kpi, side, system, object, record_id, pid, n, counted_at) as ({" union all ".join(people)}),

of_deals(kpi, side, system, object, record_id, opportunity_id, amount, currency, valued_on, counted_at, "month") as (
    {" union all ".join(deals)}
),

every as (
    select
        r.kpi, r.side, r.system, r.object, r.record_id, {_person("r")} as true_person, c.cycle,
        null as opportunity_id, null as account_id, null::decimal(18, 2) as amount, null as currency,
        null::date as valued_on,
        r.counted_at,
        case r.side when 'marketing' then {_portal_month("r.counted_at")}
            else cast(date_trunc('month', r.counted_at) as date) end as "month"
    from of_people as r
    left join cycles as c on c.pid = r.pid and c.n = r.n
    where r.counted_at <= {known}
    union all
    select kpi, side, system, object, record_id, null, null, opportunity_id, null, amount, currency, valued_on,
        counted_at, "month"
    from of_deals
    union all
    select 'bookings', 'finance', 'finance', 'invoiced', null, null, null, null, account_id, amount, currency, "month",
        cast("month" as timestamp), "month"
    from invoices
    union all
    -- Each team counts every deal that was created, worth something or not.
    select 'opportunities', side, system, object, record_id, null, null, opportunity_id, null, null, null, null,
        counted_at, "month"
    from of_deals
    where kpi = 'pipeline'
)

select * from every order by kpi, side, record_id, account_id, currency, counted_at
"""


def _portal_month(moment: str) -> str:
    """The month of a moment on the clock of marketing's system."""
    return f"cast(date_trunc('month', timezone('{PORTAL_ZONE}', timezone('UTC', {moment}))) as date)"


def _disagreements(asof: datetime) -> str:
    return f"""
with states as ({believed_deal_states(asof)}),

every as (
    select 'deal' as object, deal_id, oid, 'amount' as field, amount::varchar as marketing_value,
        crm_amount::varchar as crm_value
    from states
    where amount is distinct from crm_amount
    union all
    select 'deal', deal_id, oid, 'close_date', close_date::varchar, crm_close_date::varchar
    from states
    where close_date is distinct from crm_close_date
    union all
    select 'deal', deal_id, oid, 'stage', stage, crm_stage
    from states
    where stage is distinct from crm_stage
)

select 'hubspot' as system, e.object, e.deal_id::varchar as record_id, d.sf_id as crm_record_id, e.field,
    e.marketing_value, e.crm_value
from every as e
inner join deals as d using (oid)
union all
select 'hubspot', 'contact', p.hubspot_id::varchar, null, 'lifecycle_stage', 'marketingqualifiedlead', null
from people as p
where p.path = 'low_fit_raise' and p.main_at + interval 1 day <= {literal(asof)}
order by 2, 3, 5
"""


def _planted(known: str) -> str:
    """One row for each oddity: its kind, the record that shows it, and what is odd."""
    changes = ", ".join(f"timestamp '{moment}'" for moment in CLOCK_CHANGES)
    parts = (
        "select 'contact twin: ' || t.twin, 'hubspot', 'contact', p.twin_id::varchar, "
        "'of ' || p.hubspot_id, t.created_at from twins as t inner join people as p using (pid)",
        "select case when merged_at is null then 'lead twin' else 'lead twin, merged' end, 'salesforce', 'lead', "
        "lead_id, 'of P' || pid, coalesce(merged_at, created_at) from leads where is_twin",
        "select 'lead with another address', 'salesforce', 'lead', lead_id, 'held by the cross-id', created_at "
        "from leads where has_other_address",
        "select 'lead converted to contact', 'salesforce', 'lead', p.lead_id, c.contact_id, c.created_at "
        "from contacts as c inner join people as p using (pid) where p.kind = 'market'",
        "select 'shared mailbox', 'salesforce', 'lead', lead_id, email, start_at from people "
        "where kind = 'shared_mailbox'",
        "select 'excluded: ' || kind, 'hubspot', 'contact', hubspot_id::varchar, email, start_at from people "
        "where path = 'excluded'",
        "select 'mail scanner', 'hubspot', 'email_event', id, 'opened by a gateway', ts from mail_events "
        "where not_real = 'scanner'",
        "select 'bot visit', 'web_analytics', 'sessions', session_id, user_agent, ts from sessions where is_bot",
        "select 'activity at a clock change', 'hubspot', 'contact_form_submission', "
        "'conv-' || lpad(fid::varchar, 10, '0'), p.zone, ts from forms inner join people as p using (pid) "
        f"where p.in_hubspot and len(list_filter([{changes}], lambda x: abs(epoch(x) - epoch(ts)) <= 7200)) > 0",
        "select 'returned after the cool-down', 'salesforce', 'lead', p.lead_id, 'cycle 2', e.mql_at "
        "from entries as e inner join people as p using (pid) inner join entries as f on f.pid = e.pid and f.n = 1 "
        "where e.n = 2 and e.mql_at > f.exit_at + interval 30 day",
        "select 'hand-raise inside the cool-down', 'salesforce', 'lead', p.lead_id, 'cycle 2', e.mql_at "
        "from entries as e inner join people as p using (pid) inner join entries as f on f.pid = e.pid and f.n = 1 "
        "where e.n = 2 and e.mql_at <= f.exit_at + interval 30 day",
        "select 'download inside the cool-down', 'hubspot', 'contact_form_submission', "
        "'conv-' || lpad(fid::varchar, 10, '0'), 'opens no cycle', ts from forms where reason = 'cool_down'",
        "select 'hand-raise below the minimum fit', 'hubspot', 'contact', hubspot_id::varchar, fit::varchar, main_at "
        "from people where path = 'low_fit_raise'",
        "select 'second deal of a person', 'salesforce', 'opportunity', sf_id, kind, created_at from deals "
        "where kind in ('second', 'expansion', 'reactivation')",
        "select 'deal without contacts', 'salesforce', 'opportunity', sf_id, kind, created_at from deals "
        "where kind in ('nobody', 'active_only')",
        "select 'deal without touches', 'salesforce', 'opportunity', sf_id, kind, created_at from deals "
        "where kind in ('nobody', 'legacy')",
        "select 'lost, then won', 'salesforce', 'opportunity', sf_id, kind, won_at from deals "
        "where lost_at is not null and won_at is not null",
        "select 'amount comes late', 'salesforce', 'opportunity', sf_id, 'no amount at Discovery', created_at "
        "from deals where is_amount_late",
        "select 'currency ' || currency, 'salesforce', 'opportunity', sf_id, currency, created_at from deals",
        "select 'renewal', 'salesforce', 'opportunity', sf_id, kind, won_at from deals "
        "where opportunity_type = 'Renewal' and won_at is not null",
        "select 'churn', 'salesforce', 'opportunity', sf_id, 'not renewed', lost_at from deals "
        "where opportunity_type = 'Renewal' and lost_at is not null",
        "select 'cancelled contract', 'salesforce', 'opportunity', sf_id, 'before its end', cancels_at from deals "
        "where cancels_at is not null",
        "select 'expansion', 'salesforce', 'opportunity', sf_id, kind, won_at from deals "
        "where kind = 'expansion' and won_at is not null",
        "select 'reactivation', 'salesforce', 'opportunity', sf_id, kind, won_at from deals "
        "where kind = 'reactivation' and won_at is not null",
        "select 'not in marketing''s system', 'salesforce', 'lead', lead_id, path, start_at from people "
        "where path = 'outbound' and not in_hubspot",
        "select 'not in the CRM: ' || e.fate, 'hubspot', 'contact', p.hubspot_id::varchar, e.fate, e.mql_at "
        "from entries as e inner join people as p using (pid) "
        "where e.fate in ('not_handed_over', 'lost_between_systems')",
        "select 'deal not in marketing''s system', 'salesforce', 'opportunity', d.sf_id, d.kind, d.created_at "
        "from deals as d left join believed_deals as b using (oid) where b.oid is null",
        "select 'ignored lead', 'salesforce', 'lead', p.lead_id, r.user_id, e.assigned_at + interval 7 day "
        "from entries as e inner join people as p using (pid) inner join reps as r using (rid) "
        "where e.fate = 'ignored'",
        "select 'worked late', 'salesforce', 'lead', p.lead_id, r.user_id, e.touch_at from entries as e "
        "inner join people as p using (pid) inner join reps as r using (rid) where e.is_late",
        "select 'acceptance skipped', 'salesforce', 'lead', p.lead_id, 'SAL is inferred', e.sql_at from entries as e "
        "inner join people as p using (pid) where e.sql_at is not null and e.working_at is null",
        "select 'no show', 'salesforce', 'event', id, 'is no meeting held', ts from meetings where outcome = 'No show'",
        "select 'title changed', 'hubspot', 'contact', hubspot_id::varchar, promotion, promoted_at from people "
        "where promotion is not null and in_hubspot",
        "select 'late delivery', 'web_analytics', 'sessions', session_id, 'two weeks late', "
        "timestamp '2026-06-28' from late_sessions",
        "select 'corrected delivery', 'salesforce', 'opportunity', sf_id, 'amount ten percent too high for a day', "
        "timestamp '2026-06-28' from corrected_deals inner join deals using (oid)",
        "select 'redelivered', 'hubspot', 'contact', 'contact_2026-06-26', 'the same bytes under another name', "
        "timestamp '2026-06-29'",
        "select 'several time zones', 'hubspot', 'contact_form_submission', "
        "'conv-' || lpad(fid::varchar, 10, '0'), p.zone, ts from forms inner join people as p using (pid) "
        "where p.in_hubspot",
        "select 'cherry-picker', 'salesforce', 'user', user_id, 'leaves leads waiting', timestamp '2025-01-01' "
        "from reps where is_cherry_picker",
        "select 'held back: accepted_values:status', 'salesforce', 'lead', lead_id, "
        f"'{UNKNOWN_STATUS}', created_at from held_leads",
        "select 'held back: condition:won_is_closed', 'salesforce', 'opportunity', sf_id, 'won, but not closed', "
        "created_at from held_deals",
        "select 'held back: pattern:deal_currency_code', 'hubspot', 'deal', b.deal_id::varchar, lower(d.currency), "
        "b.created_at from believed_deals as b inner join deals as d using (oid) where b.is_mistyped",
        "select 'reported without records', 'reported', 'figures', "
        f"'mqls|marketing|{UNEXPLAINED_MONTH:%Y-%m-%d}', '{UNEXPLAINED_MQLS}', {literal(UNEXPLAINED_MONTH)}",
        "select 'late market', 'salesforce', 'account', sf_id, industry, timestamp '2025-10-01' from accounts "
        "where is_late_market",
    )
    union = " union all ".join(parts)
    return f"""
with every(kind, system, object, record_id, detail, ts) as ({union})

select kind, system, object, record_id, detail, ts as since
from every
where ts <= {known}
order by kind, record_id
"""
