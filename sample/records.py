"""What people did and what sales wrote down, one table for each kind of record, over the whole time of the plan."""

from __future__ import annotations

from datetime import datetime

import duckdb

from sample import vocabulary as v
from sample.draws import DAY, HOUR, MINUTE, Draws, text_list
from sample.plan import HORIZON, SPAN_DAYS, START, Sizes, literal

QUEUE = "00GNW0000000000001"
SLOT_DAYS = 6
# The clocks of Europe and North America change at these moments (UTC).
CLOCK_CHANGES = (
    "2025-03-09 07:00:00",
    "2025-03-30 01:00:00",
    "2025-10-26 01:00:00",
    "2025-11-02 06:00:00",
    "2026-03-08 07:00:00",
    "2026-03-29 01:00:00",
)
# What a contract holds back was delivered with the history and never changed after that, so that no daily delivery of a
# few rows holds one.
SETTLED = datetime(2026, 5, 1)
STATUS_OF_EXIT = {"recycled": "Nurture", "rejected": "Rejected", "disqualified": "Unqualified"}
# source, medium of a session and whether it is paid for
CHANNELS = (
    ("google", "organic"),
    ("(direct)", "(none)"),
    ("partnerhub.example", "referral"),
    ("linkedin", "social"),
)


def build_records(con: duckdb.DuckDBPyConnection, sizes: Sizes, seed: int) -> None:
    """Write the record tables into `con`, after `build_plan`."""
    d = Draws(seed)
    for statement in (
        _leads(d),
        _lead_events(d),
        _contacts(),
        _sf_accounts(),
        _deal_states(d),
        _deal_roles(d),
        *_forms(d),
        _slots(d),
        *_mails(d),
        _sessions(sizes, d),
        _identifications(),
        _late_sessions(d),
        _corrected_deals(),
        _members(d),
        _tasks(d),
        _meetings(d),
        _twins(),
        _contact_events(d),
        _engagements(d),
        _believed_deals(sizes, d),
        _held_leads(sizes, d),
        _held_deals(sizes, d),
    ):
        con.execute(statement)


def _leads(d: Draws) -> str:
    return f"""
create table leads as
with main as (
    select
        pid, lead_id, min(crm_at) as created_at, false as is_twin, null::timestamp as merged_at,
        any_value(origin) as origin
    from entries
    inner join people using (pid)
    where crm_at is not null
    group by pid, lead_id
),

prospects as (
    -- An event's participants stand in the CRM before they are anything to sales; so do shared mailboxes.
    select pid, lead_id, main_at - interval 1 day, false, null::timestamp, 'marketing'
    from people
    where path = 'event' and fit_grade <> 'A'
    union all
    select pid, lead_id, start_at, false, null::timestamp, 'marketing'
    from people
    where path = 'crm_only'
),

twins as (
    select
        pid, '00QDU' || right(lead_id, 13), created_at + interval 3 day, true,
        case when {d.chance("lead twin merged", "pid", 0.5)} then created_at + interval 9 day end, origin
    from main
    where {d.chance("lead twin", "pid", 0.02)}
),

every as (
    select * from main
    union all
    select * from prospects
    union all
    select * from twins
)

select
    e.*,
    case p.path when 'outbound' then 'Outbound Prospecting' when 'partner' then 'Partner Referral'
        when 'product' then 'Product Signup' when 'event' then 'Event' else 'Inbound' end as lead_source,
    not e.is_twin and p.in_hubspot and {d.chance("another address in the CRM", "e.pid", 0.03)} and p.path <> 'crm_only'
        as has_other_address
from every as e
inner join people as p using (pid)
order by e.pid, e.is_twin
"""


def _lead_events(d: Draws) -> str:
    statuses = " ".join(f"when '{kind}' then '{status}'" for kind, status in STATUS_OF_EXIT.items())
    return f"""
create table lead_events as
with events as (
    select pid, 'Owner' as field, '{QUEUE}' as old_value, r.user_id as new_value, assigned_at as ts
    from entries
    inner join reps as r using (rid)
    where origin = 'marketing' and assigned_at is not null
    union all
    select pid, 'Owner', r.user_id, '{QUEUE}', assigned_at + interval 5 day
    from entries
    inner join reps as r using (rid)
    where fate = 'ignored'
    union all
    select pid, 'Owner', null, '{QUEUE}', handed_over_at + interval 30 second
    from entries
    where n = 2
    union all
    select pid, 'Status', null, 'Open - Not Contacted', handed_over_at + interval 30 second
    from entries
    where n = 2
    union all
    select pid, 'Status', null, 'Working - Contacted', working_at
    from entries
    where working_at is not null
    union all
    select pid, 'Status', null, 'Qualified', qualified_status_at
    from entries
    where qualified_status_at is not null
    union all
    select pid, 'Status', null, 'Converted', deal_at
    from entries
    where deal_at is not null
    union all
    select pid, 'Status', null, case exit_kind {statuses} end, exit_at
    from entries
    where exit_at is not null
    union all
    select pid, 'Status_Reason__c', null, exit_reason, exit_at
    from entries
    where exit_at is not null
    union all
    select p.pid, 'Title', p.first_title, p.last_title, p.promoted_at
    from people as p
    inner join leads as l on l.pid = p.pid and not l.is_twin
    left join (select pid, max(deal_at) as deal_at from entries group by pid) as e on e.pid = p.pid
    where p.promoted_at > l.created_at and (e.deal_at is null or p.promoted_at < e.deal_at)
)

select
    pid,
    field,
    case
        when field = 'Status' then coalesce(
            lag(new_value) over (partition by pid, field order by ts, new_value), 'Open - Not Contacted')
        when field = 'Owner' then coalesce(
            lag(new_value) over (partition by pid, field order by ts, new_value), old_value)
        else coalesce(old_value, lag(new_value) over (partition by pid, field order by ts, new_value))
    end as old_value,
    new_value,
    ts,
    '017NW' || lpad((row_number() over (order by pid, ts, field, new_value))::varchar, 13, '0') as id
from events
order by pid, ts, field
"""


def _contacts() -> str:
    return """
create table contacts as
with converted as (
    select pid, min(deal_at) as created_at, any_value(rid order by n) as rid
    from entries
    where deal_at is not null
    group by pid
),

every as (
    select * from converted
    union all
    select p.pid, p.start_at, a.rid
    from people as p
    inner join accounts as a using (aid)
    where p.kind = 'legacy'
)

select e.*, p.contact_id, p.aid,
    case p.path when 'outbound' then 'Outbound Prospecting' when 'partner' then 'Partner Referral'
        when 'product' then 'Product Signup' when 'event' then 'Event' when 'legacy' then 'Outbound Prospecting'
        else 'Inbound' end as lead_source
from every as e
inner join people as p using (pid)
order by pid
"""


def _sf_accounts() -> str:
    return f"""
create table sf_accounts as
with used as (
    select aid, min(created_at) as created_at
    from (
        select aid, created_at from deals
        union all
        select aid, created_at from contacts
    )
    group by aid
)

select
    a.*,
    case when a.is_old_in_crm and a.kind = 'market' then {literal(START)} - interval 300 day
        when a.kind <> 'market' then timestamp '2024-01-02 08:00:00'
        else u.created_at end as created_at
from accounts as a
left join used as u using (aid)
where a.is_old_in_crm or u.aid is not null or a.kind <> 'market'
order by aid
"""


def _deal_states(d: Draws) -> str:
    """The whole state of a deal from each moment on, as the CRM's history keeps it."""
    return f"""
create table deal_states as
with points as (
    select key, 1 as step, created_at as ts,
        case when discovery_at = created_at then 'Discovery' else 'Prospecting' end as stage
    from deals
    union all
    select key, 2, discovery_at, 'Discovery' from deals where discovery_at > created_at
    union all
    select key, 3, evaluation_at, 'Evaluation' from deals where evaluation_at is not null
    union all
    select key, 4, proposal_at, 'Proposal' from deals where proposal_at is not null
    union all
    select key, 5, negotiation_at, 'Negotiation' from deals where negotiation_at is not null
    union all
    select key, 6, lost_at, 'Closed Lost' from deals where lost_at is not null
    union all
    select key, 7, won_at, 'Closed Won' from deals where won_at is not null
)

select
    d.oid,
    '008NW' || lpad((row_number() over (order by d.oid, p.step))::varchar, 13, '0') as id,
    p.step,
    p.ts,
    p.stage,
    case
        when d.is_amount_late and p.step < 3 then null
        when p.step = 1 and p.stage = 'Prospecting' and {d.chance("no amount yet", "d.key", 0.4)} then null
        when p.step < 4 then d.first_amount
        else d.last_amount
    end as amount,
    cast(case
        when p.step in (6, 7) then p.ts
        when p.step < 4 then d.created_at + interval 75 day
        else d.created_at + interval 105 day
    end as date) as close_date,
    case when p.step >= 3 and {d.chance("owner changes", "d.key", 0.05)} then (d.rid + 3) % r.reps else d.rid end as rid
from points as p
inner join deals as d using (key)
cross join (select count(*) as reps from reps) as r
order by d.oid, p.step
"""


def _deal_roles(d: Draws) -> str:
    return f"""
create table deal_roles as
select
    '00KNW' || lpad(oid::varchar, 13, '0') as id,
    oid,
    pid,
    link in ('role', 'converted_lead') as is_primary,
    {d.pick("role", "oid", ("Decision Maker", "Economic Buyer", "Evaluator", "Influencer"))} as role,
    created_at + interval 1 minute as created_at
from deals
where link in ('role', 'contact_role') or (link = 'converted_lead' and {d.chance("has a role", "oid", 0.7)})
order by oid
"""


def _forms(d: Draws) -> list[str]:
    changes = "[" + ", ".join(f"timestamp '{moment}'" for moment in CLOCK_CHANGES) + "]"
    change = f"{changes}[1 + pid % {len(CLOCK_CHANGES)}]"
    raises = text_list(v.HAND_RAISES)
    return [
        f"""
create table forms as
with every as (
    select
        pid,
        case
            when path = 'inquiry' and {d.chance("form at a clock change", "pid", 0.3)} and start_at < {change}
                then {change} + to_minutes(cast(30 * (pid % 7 - 3) as integer)) + to_seconds(pid % 60)
            else start_at
        end as ts,
        'Newsletter signup' as form,
        'newsletter' as reason
    from people
    where (
            (path = 'inquiry' and kind = 'market' and {d.chance("newsletter", "pid", 0.30)})
            or (path = 'hand_raise' and start_at < main_at - interval 1 day and {d.chance("newsletter", "pid", 0.2)})
            or (path in ('burst_short', 'burst_long') and start_at < main_at - interval 60 day
                and {d.chance("newsletter", "pid", 0.4)})
        )
    union all
    select pid, ts + to_seconds({d.integer("burst second", "pid * 8 + step", 50)}), form, 'burst'
    from burst_steps
    union all
    select pid, main_at, {raises}[1 + {d.integer("raise", "pid", len(v.HAND_RAISES))}], 'hand_raise'
    from people
    where path in ('hand_raise', 'low_fit_raise')
    union all
    select pid, mql_at, {raises}[1 + {d.integer("second raise", "pid", len(v.HAND_RAISES))}], 'return'
    from entries
    where n = 2
    union all
    -- Inside the cool-down of an exit, and no hand-raise: opens nothing.
    select pid, {d.after("exit_at", "too soon", "pid", 5 * DAY, 20 * DAY)}, 'eBook download', 'cool_down'
    from entries
    where exit_kind = 'recycled' and n = 1 and {d.uniform("return", "pid")} between 0.45 and 0.60
    union all
    select pid, main_at, {text_list(v.FORMS)}[1 + {d.integer("excluded form", "pid", len(v.FORMS))}], 'excluded'
    from people
    where path = 'excluded'
)

select
    row_number() over (order by pid, ts, form) as fid,
    pid,
    ts,
    form,
    reason,
    'ct-' || lpad((1 + {d.integer("form content", "pid", 40)})::varchar, 3, '0') as content_id
from every
where ts < {literal(HORIZON)}
order by pid, ts, form
""",
        # A burst is counted from its forms' moments, and they carry seconds.
        """
create or replace table entries as
select
    e.* replace (coalesce(f.ts, e.mql_at) as mql_at)
from entries as e
left join (
    select pid, max(ts) as ts from forms where reason = 'burst' group by pid
) as f on f.pid = e.pid and e.n = 1 and e.origin = 'marketing'
order by e.pid, e.n
""",
    ]


def _slots(d: Draws) -> str:
    """Background activity: at most one slot each six days, mail clicks only in every second one."""
    row = "pid * 128 + k"
    slots = SPAN_DAYS // SLOT_DAYS + 1
    return f"""
create table slots as
with every as (
    select
        p.pid,
        k,
        p.start_at + to_seconds(
            k * {SLOT_DAYS * DAY} + {HOUR} + {d.integer("slot", row, 20 * HOUR)}
        ) as ts,
        p.path,
        p.fit_grade,
        p.main_at,
        p.kind,
        p.has_mail_scanner
    from people as p
    cross join range({slots}) as t(k)
    where p.in_hubspot
        and p.kind in ('market', 'active_only')
        and ({d.uniform("slot used", row)} < p.liveliness or (p.kind = 'active_only' and k = 0))
),

placed as (
    select
        *,
        -- What a person who may still get a new cycle does after the main event must be no response.
        (path = 'inquiry' and kind = 'market')
        or (path in ('hand_raise', 'low_fit_raise', 'burst_short', 'burst_long', 'event') and (
            ts < main_at or path = 'low_fit_raise'
            or (path in ('burst_short', 'event') and fit_grade <> 'A')
        )) as may_respond
    from every
    where ts < {literal(HORIZON)}
        and (
            main_at is null
            or (path in ('burst_short', 'burst_long', 'event')
                and (ts < main_at - interval 60 day or ts > main_at + interval 8 day))
            or (path not in ('burst_short', 'burst_long', 'event')
                and (ts < main_at - interval 1 hour or ts > main_at + interval 1 hour))
        )
)

select
    pid,
    k,
    {row} as slot,
    ts,
    has_mail_scanner,
    case
        when kind = 'active_only' and k = 0 then 'click'
        when may_respond and k % 2 = 0 and {d.uniform("slot kind", row)} < 0.45 then
            case when {d.uniform("reply", row)} < 0.02 then 'reply' else 'click' end
        when {d.uniform("slot kind", row)} < 0.55 then 'mail'
        when {d.uniform("slot kind", row)} < 0.72 then 'ad'
        else 'session'
    end as kind
from placed
order by pid, k
"""


def _mails(d: Draws) -> list[str]:
    return [
        f"""
create table mails as
with every as (
    select
        slot as mid,
        pid,
        case when kind in ('click', 'reply') then ts else null end as reacted_at,
        case when kind in ('click', 'reply')
            then greatest(start_at + interval 30 minute,
                {d.after("ts", "delivered before", "slot", -2 * DAY, -10 * MINUTE)}) else ts end as delivered_at,
        case when kind in ('click', 'reply') then kind
            when has_mail_scanner and {d.chance("scanned", "slot", 0.8)} then
                case when {d.chance("scans every link", "slot", 0.5)} then 'scan_all' else 'scan_one' end
            when {d.chance("opened", "slot", 0.4)} then 'open'
            else 'unread' end as outcome
    from slots
    inner join (select pid, start_at from people) using (pid)
    where kind in ('click', 'reply', 'mail')
)

select
    *,
    -- A campaign of mails is sent for three days, so that nobody gets one twice.
    cast(floor((epoch(delivered_at) - epoch({literal(START)})) / {3 * DAY}) as bigint) as cid
from every
order by mid
""",
        # DELIVERED never before SENT; a click of a person never within two seconds of delivery.
        f"""
create table mail_events as
with every as (
    select mid, pid, cid, 'SENT' as type, delivered_at - interval 4 second as ts, null as link, null as not_real
    from mails
    union all
    select mid, pid, cid, 'DELIVERED', delivered_at, null, null from mails
    union all
    select mid, pid, cid, 'OPEN', coalesce(reacted_at - interval 15 second, delivered_at + interval 50 minute), null,
        null
    from mails
    where outcome in ('click', 'reply', 'open')
    union all
    select mid, pid, cid, 'CLICK', reacted_at, ['a', 'b', 'c'][1 + {d.integer("link", "mid", 3)}], null
    from mails
    where outcome = 'click'
    union all
    select mid, pid, cid, 'REPLY', reacted_at, null, null from mails where outcome = 'reply'
    union all
    select mid, pid, cid, 'CLICK', delivered_at + interval 1 second, 'a', 'scanner'
    from mails
    where outcome = 'scan_one'
    union all
    select mid, pid, cid, 'CLICK', delivered_at + interval 40 second, link, 'scanner'
    from mails
    cross join (values ('a'), ('b'), ('c')) as links(link)
    where outcome = 'scan_all'
)

select
    'ev-' || lpad(mid::varchar, 12, '0') || '-' || lower(type) || coalesce('-' || link, '') as id,
    mid, pid, cid, type, ts, link, not_real
from every
order by ts, id
""",
    ]


def _sessions(sizes: Sizes, d: Draws) -> str:
    ad = "s.n * 4 + s.origin"
    anonymous = sizes.anonymous_sessions
    span = SPAN_DAYS * DAY
    sources, media = ([channel[i] for channel in CHANNELS] for i in (0, 1))
    return f"""
create table sessions as
with every as (
    select 0 as origin, slot as n, pid, null::bigint as anonymous, ts, kind = 'ad' as is_ad, false as is_mail
    from slots
    where kind in ('session', 'ad')
    union all
    select 1, slot, pid, null, ts + interval 20 second, false, true
    from slots
    where kind = 'click' and {d.chance("session of a click", "slot", 0.5)}
    union all
    select 2, fid, pid, null, ts - interval 2 minute, false, false
    from forms
    where reason in ('hand_raise', 'return', 'excluded')
    union all
    select
        3, range, null, {d.integer("anonymous visitor", "range", max(1, anonymous * 2 // 5))},
        {literal(START)} + to_seconds(cast(floor(pow({d.uniform("anonymous", "range")}, 0.7) * {span}) as bigint)),
        {d.chance("anonymous ad", "range", 0.4)}, false
    from range({anonymous})
    where true
),

drawn as (
    select
        s.*,
        {d.integer("ad campaign", ad, 80)} as ad_campaign,
        {d.integer("free channel", ad, len(CHANNELS))} as free_channel,
        {d.integer("agent", ad, len(v.USER_AGENTS))} as agent,
        s.origin = 3 and {d.chance("bot", ad, 0.02)} as is_bot,
        1 + {d.integer("pages", ad, 6)} as page_views,
        {d.integer("content", ad, 60)} as content
    from every as s
)

select
    'ws-' || s.origin || '-' || lpad(s.n::varchar, 12, '0') as session_id,
    coalesce(p.visitor_id, 'a' || lpad(to_hex(s.anonymous * 6700417 + 65537), 12, '0')) as visitor_id,
    s.pid,
    s.ts,
    case when is_ad then case when ad_campaign < 40 then 'google' when ad_campaign < 60 then 'linkedin'
        else 'meta' end when is_mail then 'newsletter' else {text_list(sources)}[1 + free_channel] end as source,
    case when is_ad then case when ad_campaign < 40 then 'cpc' else 'paid_social' end
        when is_mail then 'email' else {text_list(media)}[1 + free_channel] end as medium,
    case when is_ad then c.name end as campaign,
    case when content < 40 then 'ct-' || lpad((content + 1)::varchar, 3, '0') end as content_id,
    case when s.origin = 2 then '/pricing' when content < 40 then '/library/ct-' || lpad((content + 1)::varchar, 3, '0')
        else '/' end as path,
    case when is_bot then {text_list(v.BOT_AGENTS)}[1 + agent % {len(v.BOT_AGENTS)}]
        else {text_list(v.USER_AGENTS)}[1 + agent] end as user_agent,
    is_bot,
    page_views
from drawn as s
left join people as p on p.pid = s.pid
left join campaigns as c on c.cid = s.ad_campaign
where s.ts >= timestamp '2024-12-01' and s.ts < {literal(HORIZON)}
"""


def _identifications() -> str:
    """Each visitor of a known person, half an hour after the first visit; the product gives them all their visits."""
    return f"""
create table identifications as
select
    'id-' || pid as id,
    visitor_id,
    pid,
    start_at + interval 30 minute as ts
from people
where in_hubspot and kind <> 'shared_mailbox' and start_at < {literal(HORIZON)}
order by pid
"""


def _late_sessions(d: Draws) -> str:
    """Visits of three June days that the web analytics system delivers two weeks late."""
    return f"""
create table late_sessions as
select session_id
from sessions
where ts >= timestamp '2026-06-10' and ts < timestamp '2026-06-13'
    and {d.chance("late", "(hash(session_id) >> 1)", 0.2)}
order by session_id
"""


def _corrected_deals() -> str:
    """Open deals without a change in the last week of June: delivered once with a wrong amount, then corrected."""
    return """
create table corrected_deals as
select s.oid
from deal_states as s
where s.ts < timestamp '2026-06-27'
group by s.oid
having arg_max(s.stage, s.step) not in ('Closed Won', 'Closed Lost') and arg_max(s.amount, s.step) is not null
    and s.oid not in (select oid from deal_states where ts between timestamp '2026-06-27' and timestamp '2026-07-01')
order by s.oid
limit 12
"""


def _members(d: Draws) -> str:
    return f"""
create table members as
with every as (
    select pid, 100 + {d.integer("event campaign", "pid", 15)} as cid, 'Attended' as status, main_at as ts
    from people
    where path = 'event'
    union all
    select e.pid, 100 + {d.integer("later event", "e.pid", 15)},
        case when {d.chance("came", "e.pid", 0.6)} then 'Attended' else 'Registered' end,
        date_trunc('day', e.working_at) + interval 4 day
    from entries as e
    where e.working_at is not null and e.exit_at is null and e.sql_at is null and e.n = 1
        and {d.chance("goes to an event", "e.pid", 0.5)}
    union all
    select pid, 100, 'Sent', start_at + interval 2 hour
    from people
    where path = 'crm_only'
)

select
    '00vNW' || lpad((row_number() over (order by pid, cid))::varchar, 13, '0') as id,
    *
from every
order by pid, cid
"""


def _tasks(d: Draws) -> str:
    return f"""
create table tasks as
with every as (
    select pid, n, rid, null::bigint as oid, touch_at as ts, 'touch' as reason,
        case when {d.chance("first touch is a call", "pid * 8 + n", 0.6)} then 'Call' else 'Email' end as type,
        0 as k
    from entries
    where touch_at is not null
    union all
    select pid, n, rid, null, assigned_at + interval 1 minute, 'automated', 'Email', 1
    from entries
    where assigned_at is not null and origin = 'marketing'
    union all
    select pid, n, rid, null, {d.after("working_at", "follow up", "pid * 64 + n * 8 + k", 1 * HOUR, 9 * DAY)},
        'follow_up', case when k % 2 = 0 then 'Call' else 'Email' end, 2 + k
    from entries
    cross join range(3) as t(k)
    where working_at is not null
    union all
    select pid, n, rid, null, {d.after("assigned_at", "planned", "pid * 8 + n", 1 * DAY, 5 * DAY)}, 'planned', 'Call', 6
    from entries
    where assigned_at is not null and {d.chance("plans a call", "pid * 8 + n", 0.15)}
    union all
    select d.pid, d.n, d.rid, d.oid, {d.after("d.evaluation_at", "deal call", "d.key", 1 * HOUR, 2 * DAY)}, 'deal',
        'Email', 7
    from deals as d
    where d.evaluation_at is not null and d.pid is not null and d.kind in ('lead', 'second', 'expansion')
        and {d.chance("deal is worked in the log", "d.key", 0.85)}
)

select
    '00TNW' || lpad((row_number() over (order by pid, n, k, oid))::varchar, 13, '0') as id,
    *
from every
where ts < {literal(HORIZON)}
order by id
"""


def _meetings(d: Draws) -> str:
    return f"""
create table meetings as
with every as (
    select pid, n, rid, null::bigint as oid, meeting_at as ts, 'Held' as outcome
    from entries
    where meeting_at is not null
    union all
    -- Nobody came: no meeting, no evidence of need.
    select pid, n, rid, null, working_at + interval 20 hour, 'No show'
    from entries
    where working_at is not null and {d.chance("no show", "pid * 8 + n", 0.15)}
    union all
    select pid, n, rid, oid, proposal_at + interval 1 hour, 'Held'
    from deals
    where proposal_at is not null and pid is not null and kind in ('lead', 'second', 'expansion')
        and {d.chance("deal is worked in the log", "key", 0.85)}
)

select
    '00UNW' || lpad((row_number() over (order by pid, n, ts, outcome))::varchar, 13, '0') as id,
    *
from every
where ts < {literal(HORIZON)}
order by id
"""


def _twins() -> str:
    """A second contact of the same person in marketing's system."""
    return """
create table twins as
select
    pid,
    twin,
    start_at + interval 2 day as created_at,
    case when twin = 'merged' then start_at + interval 22 day end as merged_at,
    case twin
        when 'case' then upper(email)
        when 'plus_address' then replace(email, '@', '+webinar@')
        when 'dots' then replace(split_part(email, '@', 1), '.', '') || '@gmail.com'
        else split_part(email, '@', 1) || '.private@outlook.com' end as email
from people
where twin is not null and in_hubspot
order by pid
"""


def _contact_events(d: Draws) -> str:
    """Every value that a property of a contact took in marketing's system."""
    return f"""
create table contact_events as
with raised as (
    select pid, main_at as ts from people where path = 'low_fit_raise'
    union all
    select pid, mql_at from entries where origin = 'marketing'
),

every as (
    select pid, start_at as ts, 'lifecyclestage' as name, 'subscriber' as value from people where in_hubspot
    union all
    select pid, min(ts), 'lifecyclestage', 'lead' from forms group by pid
    union all
    -- Marketing counts its own way: by the day's end, and people below the agreed minimum too.
    select pid,
        case when {d.chance("marketing counts late", "pid", 0.1)} then ts + interval 1 day else ts end
            + interval 1 second,
        'lifecyclestage', 'marketingqualifiedlead'
    from raised
    union all
    select e.pid, e.sql_at + interval 2 hour, 'lifecyclestage', 'salesqualifiedlead' from entries as e
    where e.sql_at is not null
    union all
    select pid, sqo_at + interval 1 hour, 'lifecyclestage', 'opportunity' from deals
    where kind = 'lead' and sqo_at is not null
    union all
    select pid, won_at + interval 1 hour, 'lifecyclestage', 'customer' from deals
    where kind = 'lead' and won_at is not null and {d.chance("customer known", "key", 0.9)}
    union all
    select pid, handed_over_at, 'handed_over_at', strftime(handed_over_at, '%Y-%m-%dT%H:%M:%SZ') from entries
    where handed_over_at is not null
    union all
    select pid, start_at, 'jobtitle', first_title from people where promoted_at is not null
    union all
    select pid, promoted_at, 'jobtitle', last_title from people where promoted_at is not null
)

select
    e.pid,
    e.ts,
    e.name,
    e.value
from every as e
inner join people as p on p.pid = e.pid and p.in_hubspot
where e.ts < {literal(HORIZON)}
qualify row_number() over (partition by e.pid, e.name, e.ts order by e.value) = 1
order by e.pid, e.ts, e.name
"""


def _engagements(d: Draws) -> str:
    return f"""
create table engagements as
with every as (
    select e.pid, e.rid, null::bigint as oid, e.sql_at + interval 26 hour as ts, 'NOTE' as type
    from entries as e
    where e.sql_at is not null and {d.chance("note", "e.pid * 8 + e.n", 0.3)}
    union all
    select e.pid, e.rid, null, e.working_at + interval 50 minute, 'CALL'
    from entries as e
    where e.working_at is not null and {d.chance("call in marketing's system", "e.pid * 8 + e.n", 0.1)}
    union all
    select e.pid, e.rid, null, e.assigned_at + interval 2 day, 'TASK'
    from entries as e
    where e.assigned_at is not null and {d.chance("task in marketing's system", "e.pid * 8 + e.n", 0.05)}
    union all
    select pid, rid, oid, negotiation_at + interval 2 hour, 'MEETING'
    from deals
    where negotiation_at is not null and kind = 'lead' and {d.chance("meeting in marketing's system", "key", 0.4)}
)

select
    500000000 + row_number() over (order by pid, ts, type) as id,
    e.*
from every as e
inner join people as p using (pid)
where p.in_hubspot and ts < {literal(HORIZON)}
order by id
"""


def _believed_deals(sizes: Sizes, d: Draws) -> str:
    """What marketing's system believes of the deals: mostly the same, sometimes another amount, date or stage.

    A few of old customers come with a zero too many and a currency in small letters, which their contract holds back.
    """
    return f"""
create table believed_deals as
with mistyped as (
    select oid
    from deals as d
    inner join people as p using (pid)
    where p.kind = 'legacy' and d.kind in ('legacy', 'renewal') and coalesce(d.won_at, d.lost_at) < {literal(SETTLED)}
        and {d.chance("deal in marketing's system", "key", 0.9)}
    order by {d.uniform("mistyped deal", "key")}, key
    limit {sizes.held_deals}
)

select
    60000000 + oid as deal_id,
    oid,
    pid,
    created_at + interval 10 minute as created_at,
    {d.chance("other amount", "key", 0.08)} as has_other_amount,
    {d.chance("other close date", "key", 0.10)} as has_other_date,
    {d.chance("late stage", "key", 0.08)} as has_late_stage,
    oid in (select oid from mistyped) as is_mistyped
from deals
where kind <> 'nobody' and {d.chance("deal in marketing's system", "key", 0.9)}
order by oid
"""


def _held_leads(sizes: Sizes, d: Draws) -> str:
    """Leads that sales entered for people of whom it wants nothing yet, with a status that nobody agreed on."""
    return f"""
create table held_leads as
select pid, '00QHB' || right(lead_id, 13) as lead_id, start_at + interval 30 day as created_at
from people
where kind = 'market' and path = 'inquiry' and in_hubspot and twin is null and not is_free_mail
    and start_at + interval 30 day < {literal(SETTLED)}
order by {d.uniform("held lead", "pid")}, pid
limit {sizes.held_leads}
"""


def _held_deals(sizes: Sizes, d: Draws) -> str:
    """Deals that the CRM calls won but not closed, which cannot be; sales counts them."""
    return f"""
create table held_deals as
select
    '006HB' || lpad(aid::varchar, 13, '0') as sf_id,
    aid,
    rid,
    currency,
    cast(round(worth, 0) as decimal(18, 2)) as amount,
    created_at,
    cast(created_at + interval 45 day as date) as close_date
from (
    select *, {literal(START)} + to_seconds({20 * DAY} + {d.integer("held deal", "aid", 400 * DAY)}) as created_at
    from accounts
    where kind = 'market' and is_old_in_crm
    order by {d.uniform("held deal of", "aid")}, aid
    limit {sizes.held_deals}
)
order by aid
"""
