"""What each system would deliver of the records: its vendor's columns, as the system knew them at a moment.

Every query yields the delivered columns and `_t`, the moment of the row's newest change, by which deliveries are cut.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sample import vocabulary as v
from sample.draws import Draws
from sample.plan import SPAN_DAYS, START, literal
from sample.records import QUEUE

Query = Callable[[datetime, Draws], str]
# The clock by which marketing's system tells a month.
PORTAL_ZONE = "America/New_York"
# The month of which marketing reported more MQLs than its own records show, and how many more.
UNEXPLAINED_MONTH = datetime(2025, 8, 1)
UNEXPLAINED_MQLS = 7
# A status that sales invented; the agreed list does not know it.
UNKNOWN_STATUS = "Waiting for Budget"


@dataclass(frozen=True)
class Extract:
    """One extract: where it is delivered, in which formats, and its rows as of a moment."""

    system: str
    object: str
    query: Query
    history_format: str = "csv"
    daily_format: str = "csv"
    is_full: bool = False
    modified_column: str | None = None

    def rows(self, asof: datetime, draws: Draws) -> str:
        """SQL of the rows as of a moment, with `_t`."""
        query = self.query(asof, draws)
        if self.modified_column is None:
            return query
        moment = _salesforce_time("_t") if self.system == "salesforce" else "strftime(_t, '%Y-%m-%d %H:%M:%S')"
        return f'select * exclude (_t), {moment} as "{self.modified_column}", _t from ({query})'


def _salesforce_time(moment: str) -> str:
    return f"strftime({moment}, '%Y-%m-%dT%H:%M:%S.000+0000')"


def with_offset(moment: str, zone: str) -> str:
    """Text of a UTC moment on the clock of `zone`, with that clock's offset on that day."""
    local = f"timezone({zone}, timezone('UTC', {moment}))"
    away = f"abs(epoch({local}) - epoch({moment}))::bigint"
    return (
        f"strftime({local}, '%Y-%m-%dT%H:%M:%S') || case when {local} < {moment} then '-' else '+' end"
        f" || lpad(({away} // 3600)::varchar, 2, '0') || ':' || lpad(({away} % 3600 // 60)::varchar, 2, '0')"
    )


def _newest(asof: datetime, *moments: str) -> str:
    """The newest of the moments that are not after `asof`."""
    known = ", ".join(f"case when {moment} <= {literal(asof)} then {moment} end" for moment in moments)
    return f"greatest({known})"


def _user(asof: datetime, d: Draws) -> str:
    """The reps, and the queue in which leads wait for an owner."""
    return f"""
select
    user_id as "Id", first_name || ' ' || last_name as "Name",
    'rep' || rid || '@{v.INTERNAL_DOMAIN}' as "Email", 'Account Executive' as "UserRoleName", 'Sales' as "Department",
    region as "Region__c", zone as "TimeZoneSidKey", true as "IsActive", 'Standard' as "UserType",
    '2023-11-01T08:00:00.000+0000' as "CreatedDate", '2024-01-15T08:00:00.000+0000' as "LastModifiedDate",
    timestamp '2024-01-15 08:00:00' as _t
from reps
union all
select
    '{QUEUE}', 'Leads without an owner', null, null, 'Sales', null, 'UTC', true, 'Queue',
    '2023-11-01T08:00:00.000+0000', '2024-01-15T08:00:00.000+0000', timestamp '2024-01-15 08:00:00'
order by "Id"
"""


def _refreshed(row: str, asof: datetime) -> str:
    """When the enrichment service last wrote the record anew: every 29 days, at 02:15."""
    today = f"datediff('day', timestamp '2020-01-01', {literal(asof)})"
    return (
        f"date_trunc('day', {literal(asof)}) - to_days(cast(({today} + {row}) % 29 as integer)) + interval 135 minute"
    )


def _account(asof: datetime, d: Draws) -> str:
    return f"""
select
    sf_id as "Id", name as "Name", 'https://www.' || domain as "Website", industry as "Industry",
    employees as "NumberOfEmployees", country as "BillingCountry", user_id as "OwnerId", null::varchar as "ParentId",
    'Prospect' as "Type", {_salesforce_time("created_at")} as "CreatedDate", false as "IsDeleted",
    null::varchar as "MasterRecordId", greatest(created_at, {_refreshed("aid", asof)}) as _t
from sf_accounts
inner join reps using (rid)
where created_at <= {literal(asof)}
order by aid
"""


def _lead(asof: datetime, d: Draws) -> str:
    time = _salesforce_time
    return f"""
with states as (
    select
        pid,
        arg_max(new_value, ts) filter (field = 'Status') as status,
        arg_max(new_value, ts) filter (field = 'Status_Reason__c') as reason,
        arg_max(new_value, ts) filter (field = 'Owner') as owner,
        max(ts) as changed_at
    from lead_events
    where ts <= {literal(asof)}
    group by pid
),

deal as (
    select pid, sf_id, created_at, aid from deals where kind = 'lead' and created_at <= {literal(asof)}
),

rated as (
    select
        pid,
        any_value(rid order by n) as rid,
        case left(arg_max(mql_grade, n), 1) when 'A' then 'Hot' when 'B' then 'Warm' else 'Cold' end as rating
    from entries
    group by pid
)

select
    case when l.is_twin then l.lead_id else p.lead_id end as "Id",
    case when l.has_other_address then split_part(p.email, '@', 1) || '.mobile@outlook.com' else p.email end as "Email",
    case when p.has_phone and p.kind <> 'shared_mailbox' then
        case when p.calling_code = '1' then '(' || left(p.national_number, 3) || ') ' || p.national_number[4:6] || '-'
            || p.national_number[7:10] else p.trunk || p.national_number end end as "Phone",
    p.first_name as "FirstName", p.last_name as "LastName",
    case when p.promoted_at is null or p.promoted_at <= case when l.is_twin then l.created_at else {literal(asof)} end
        then p.last_title else p.first_title end as "Title",
    p.company as "Company", 'www.' || a.domain as "Website", p.industry as "Industry",
    p.employees as "NumberOfEmployees", p.country as "Country",
    case when l.is_twin then 'Open - Not Contacted' else coalesce(s.status, 'Open - Not Contacted') end as "Status",
    case when not l.is_twin then s.reason end as "Status_Reason__c",
    r.rating as "Rating", l.lead_source as "LeadSource",
    case when l.is_twin or (s.owner is null and l.origin = 'marketing') then '{QUEUE}'
        else coalesce(s.owner, u.user_id) end as "OwnerId",
    null::varchar as "CampaignId",
    deal.pid is not null and not l.is_twin as "IsConverted",
    case when not l.is_twin then {time("deal.created_at")} end as "ConvertedDate",
    case when deal.pid is not null and not l.is_twin then p.contact_id end as "ConvertedContactId",
    case when deal.pid is not null and not l.is_twin then a.sf_id end as "ConvertedAccountId",
    case when not l.is_twin then deal.sf_id end as "ConvertedOpportunityId",
    {time("l.created_at")} as "CreatedDate",
    coalesce(l.merged_at <= {literal(asof)}, false) as "IsDeleted",
    case when l.merged_at <= {literal(asof)} then p.lead_id end as "MasterRecordId",
    case when l.is_twin then {_newest(asof, "l.created_at", "l.merged_at")}
        else greatest(l.created_at, s.changed_at, deal.created_at) end as _t
from leads as l
inner join people as p using (pid)
left join accounts as a on a.aid = p.aid
left join states as s using (pid)
left join deal using (pid)
left join rated as r using (pid)
left join reps as u on u.rid = r.rid
where l.created_at <= {literal(asof)}
union all
select
    h.lead_id, p.email, null, p.first_name, p.last_name, p.last_title, p.company, 'www.' || a.domain, p.industry,
    p.employees, p.country, '{UNKNOWN_STATUS}', null, 'Cold', 'Inbound', '{QUEUE}', null, false, null, null, null, null,
    {time("h.created_at")}, false, null, h.created_at
from held_leads as h
inner join people as p using (pid)
left join accounts as a on a.aid = p.aid
where h.created_at <= {literal(asof)}
order by "Id"
"""


def _lead_history(asof: datetime, d: Draws) -> str:
    return f"""
select
    e.id as "Id", p.lead_id as "LeadId", e.field as "Field", e.old_value as "OldValue", e.new_value as "NewValue",
    {_salesforce_time("e.ts")} as "CreatedDate", e.ts as _t
from lead_events as e
inner join people as p using (pid)
where e.ts <= {literal(asof)}
order by e.id
"""


def _contact(asof: datetime, d: Draws) -> str:
    return f"""
select
    c.contact_id as "Id", a.sf_id as "AccountId",
    case when coalesce(l.has_other_address, false) then split_part(p.email, '@', 1) || '.mobile@outlook.com'
        else p.email end as "Email",
    case when p.has_phone then '+' || p.calling_code || ' ' || p.national_number end as "Phone",
    p.first_name as "FirstName", p.last_name as "LastName",
    case when p.promoted_at is null or p.promoted_at <= {literal(asof)} then p.last_title else p.first_title end
        as "Title",
    c.lead_source as "LeadSource", r.user_id as "OwnerId", p.country as "MailingCountry",
    {_salesforce_time("c.created_at")} as "CreatedDate",
    false as "IsDeleted", null::varchar as "MasterRecordId",
    greatest(
        c.created_at, {_refreshed("c.pid", asof)},
        case when p.promoted_at > c.created_at and p.promoted_at <= {literal(asof)} then p.promoted_at end
    ) as _t
from contacts as c
inner join people as p using (pid)
inner join accounts as a on a.aid = c.aid
inner join reps as r on r.rid = c.rid
left join leads as l on l.pid = c.pid and not l.is_twin
where c.created_at <= {literal(asof)}
order by c.pid
"""


def _contact_history(asof: datetime, d: Draws) -> str:
    return f"""
select
    '017CO' || lpad(c.pid::varchar, 13, '0') as "Id", c.contact_id as "ContactId", 'Title' as "Field",
    p.first_title as "OldValue", p.last_title as "NewValue", {_salesforce_time("p.promoted_at")} as "CreatedDate",
    p.promoted_at as _t
from contacts as c
inner join people as p using (pid)
where p.promoted_at > c.created_at and p.promoted_at <= {literal(asof)}
order by c.pid
"""


def _opportunity(asof: datetime, d: Draws) -> str:
    time = _salesforce_time
    return f"""
with states as (
    select oid, arg_max({{'stage': stage, 'amount': amount, 'close_date': close_date, 'rid': rid, 'at': ts}}, step) as s
    from deal_states
    where ts <= {literal(asof)}
    group by oid
)

select
    d.sf_id as "Id", a.sf_id as "AccountId", a.name || ' - ' || case d.opportunity_type when 'New Business' then 'New'
        when 'Renewal' then 'Renewal' else 'Expansion' end || ' ' || d.oid as "Name",
    d.opportunity_type as "Type", s.stage as "StageName", s.amount as "Amount", d.currency as "CurrencyIsoCode",
    s.close_date as "CloseDate", s.stage in ('Closed Won', 'Closed Lost') as "IsClosed",
    s.stage = 'Closed Won' as "IsWon", c.lead_source as "LeadSource",
    case s.stage when 'Closed Won' then 'Closed' when 'Closed Lost' then 'Omitted' when 'Negotiation' then 'Commit'
        when 'Proposal' then 'Best Case' else 'Pipeline' end as "ForecastCategory",
    case when s.stage = 'Closed Lost' then d.loss_reason end as "Loss_Reason__c", d.competitor as "Competitor__c",
    r.user_id as "OwnerId", null::varchar as "CampaignId",
    case when d.link = 'primary' then p.contact_id end as "Primary_Contact__c",
    case when s.stage = 'Closed Won' then cast(d.starts_at as date) end as "Contract_Start_Date__c",
    case when s.stage = 'Closed Won' then 12 end as "Contract_Months__c",
    case when s.stage = 'Closed Won' then
        case when d.is_monthly then cast(round(s.amount / 12, 2) as decimal(18, 2)) else s.amount end end
        as "Recurring_Amount__c",
    case when s.stage = 'Closed Won' then case when d.is_monthly then 'Month' else 'Year' end end
        as "Recurring_Period__c",
    case when d.cancels_at <= {literal(asof)} then cast(d.cancels_at as date) end as "Cancelled_At__c",
    o.sf_id as "Renews_Opportunity__c",
    {time("d.created_at")} as "CreatedDate", false as "IsDeleted",
    {_newest(asof, "s.at", "d.cancels_at")} as _t
from states
inner join deals as d using (oid)
inner join accounts as a on a.aid = d.aid
inner join reps as r on r.rid = s.rid
left join people as p on p.pid = d.pid
left join contacts as c on c.pid = d.pid
left join deals as o on o.key = d.renews_key
union all
select
    h.sf_id, a.sf_id, a.name || ' - New', 'New Business', 'Closed Won', h.amount, h.currency, h.close_date, false, true,
    'Inbound', 'Closed', null, null, r.user_id, null, null, null, null, null, null, null, null, {time("h.created_at")},
    false, h.close_date + interval 10 hour
from held_deals as h
inner join accounts as a using (aid)
inner join reps as r on r.rid = h.rid
where h.close_date + interval 10 hour <= {literal(asof)}
order by "Id"
"""


def _opportunity_history(asof: datetime, d: Draws) -> str:
    return f"""
select
    s.id as "Id", d.sf_id as "OpportunityId", s.stage as "StageName", s.amount as "Amount",
    d.currency as "CurrencyIsoCode", s.close_date as "CloseDate", r.user_id as "OwnerId",
    {_salesforce_time("s.ts")} as "CreatedDate", s.ts as _t
from deal_states as s
inner join deals as d using (oid)
inner join reps as r on r.rid = s.rid
where s.ts <= {literal(asof)}
order by s.id
"""


def _contact_role(asof: datetime, d: Draws) -> str:
    return f"""
select
    r.id as "Id", d.sf_id as "OpportunityId", p.contact_id as "ContactId", r.role as "Role",
    r.is_primary as "IsPrimary", {_salesforce_time("r.created_at")} as "CreatedDate",
    {_salesforce_time("r.created_at")} as "LastModifiedDate", false as "IsDeleted", r.created_at as _t
from deal_roles as r
inner join deals as d using (oid)
inner join people as p on p.pid = r.pid
where r.created_at <= {literal(asof)}
order by r.id
"""


def _line_item(asof: datetime, d: Draws) -> str:
    """One or two lines, a seat product and sometimes a service; the lines add up to the first amount."""
    return f"""
select
    '00kNW' || lpad((oid * 2)::varchar, 13, '0') as "Id", sf_id as "OpportunityId", '01tNW0000000000' || pad as
    "Product2Id", 10 as "Quantity", cast(round(first_amount / 10, 2) as decimal(18, 2)) as "UnitPrice",
    cast(round(first_amount / 8, 2) as decimal(18, 2)) as "ListPrice", 20.0 as "Discount",
    first_amount as "TotalPrice", {_salesforce_time("created_at")} as "CreatedDate",
    {_salesforce_time("created_at")} as "LastModifiedDate", false as "IsDeleted", created_at as _t
from (select *, lpad((1 + oid % 6)::varchar, 3, '0') as pad from deals)
where created_at <= {literal(asof)}
order by oid
"""


def _product(asof: datetime, d: Draws) -> str:
    names = ("Signal Core", "Signal Plus", "Signal Forecast", "Signal Attribution", "Onboarding", "Premium Support")
    rows = ", ".join(
        f"('01tNW0000000000{i:03d}', '{name}', '{'Platform' if i < 5 else 'Services'}', 'NS-{i:02d}', {i * 1200}.00)"
        for i, name in enumerate(names, 1)
    )
    return f"""
select
    id as "Id", name as "Name", family as "Family", code as "ProductCode", price as "List_Price__c",
    'USD' as "CurrencyIsoCode", true as "IsActive", '2023-06-01T00:00:00.000+0000' as "CreatedDate",
    '2024-01-10T00:00:00.000+0000' as "LastModifiedDate", timestamp '2024-01-10' as _t
from (values {rows}) as t(id, name, family, code, price)
order by id
"""


def _campaign(asof: datetime, d: Draws) -> str:
    time = _salesforce_time
    return f"""
select
    sf_id as "Id", name as "Name",
    case kind when 'webinar' then 'Webinar' when 'trade_show' then 'Trade Show' when 'email' then 'Email'
        when 'partner' then 'Partner' else 'Content' end as "Type",
    'In Progress' as "Status", cast(start_at as date) as "StartDate", cast(end_at as date) as "EndDate",
    cast(budget as decimal(18, 2)) as "BudgetedCost", cast(budget * 0.9 as decimal(18, 2)) as "ActualCost",
    'USD' as "CurrencyIsoCode", budget // 100 as "ExpectedResponse", audience as "Audience__c",
    '01tNW0000000000' || lpad((1 + cid % 6)::varchar, 3, '0') as "Product__c",
    'One funnel, shared numbers' as "Message__c",
    {time("case when cid % 4 <> 0 then start_at - interval 6 day end")} as "Sales_Briefed_At__c",
    '2024-12-01T08:00:00.000+0000' as "CreatedDate", '2024-12-20T08:00:00.000+0000' as "LastModifiedDate",
    timestamp '2024-12-20 08:00:00' as _t
from campaigns
order by cid
"""


def _campaign_member(asof: datetime, d: Draws) -> str:
    time = _salesforce_time
    return f"""
select
    m.id as "Id", c.sf_id as "CampaignId", p.lead_id as "LeadId", null::varchar as "ContactId", m.status as "Status",
    m.status <> 'Sent' as "HasResponded", case when m.status <> 'Sent' then {time("m.ts")} end as "FirstRespondedDate",
    {time("m.ts")} as "CreatedDate", {time("m.ts")} as "LastModifiedDate", m.ts as _t
from members as m
inner join campaigns as c using (cid)
inner join people as p using (pid)
where m.ts <= {literal(asof)}
order by m.id
"""


def _who(asof: datetime, alias: str) -> str:
    """The person's record at the time of the activity: the contact once the lead was converted."""
    return f"case when c.created_at <= {alias}.ts then p.contact_id else coalesce(l.lead_id, p.contact_id) end"


def _task(asof: datetime, d: Draws) -> str:
    time = _salesforce_time
    return f"""
select
    t.id as "Id", {_who(asof, "t")} as "WhoId", o.sf_id as "WhatId", null::varchar as "AccountId",
    r.user_id as "OwnerId", case when t.reason = 'automated' then 'Automated Email' else t.type end as "Type",
    t.type as "TaskSubtype",
    case t.reason when 'automated' then 'Thank you for your interest' when 'planned' then 'Call again'
        else 'Getting to know you' end as "Subject",
    case when t.reason = 'planned' then 'Not Started' else 'Completed' end as "Status",
    t.reason <> 'planned' as "IsClosed", case when t.type = 'Call' and t.reason <> 'planned' then 'Connected' end
        as "CallDisposition",
    case when t.type = 'Call' and t.reason <> 'planned' then 60 + {d.integer("call seconds", "t.pid * 64 + t.k", 900)}
        end as "CallDurationInSeconds",
    cast(t.ts as date) as "ActivityDate", case when t.reason <> 'planned' then {time("t.ts")} end
        as "CompletedDateTime",
    {time("t.ts")} as "CreatedDate", {time("t.ts")} as "LastModifiedDate", false as "IsDeleted", t.ts as _t
from tasks as t
inner join people as p using (pid)
inner join reps as r on r.rid = t.rid
left join contacts as c on c.pid = t.pid
left join (select pid, lead_id from leads where not is_twin) as l on l.pid = t.pid
left join deals as o on o.oid = t.oid
where t.ts <= {literal(asof)}
order by t.ts, t.id
"""


def _event(asof: datetime, d: Draws) -> str:
    time = _salesforce_time
    return f"""
select
    t.id as "Id", {_who(asof, "t")} as "WhoId", o.sf_id as "WhatId", null::varchar as "AccountId",
    r.user_id as "OwnerId", 'Meeting' as "Type", 'Discovery call' as "Subject", t.outcome as "Outcome__c",
    {time("t.ts")} as "ActivityDateTime", {time("t.ts")} as "StartDateTime", 30 as "DurationInMinutes",
    {time("t.ts")} as "CreatedDate", {time("t.ts")} as "LastModifiedDate", false as "IsDeleted", t.ts as _t
from meetings as t
inner join people as p using (pid)
inner join reps as r on r.rid = t.rid
left join contacts as c on c.pid = t.pid
left join (select pid, lead_id from leads where not is_twin) as l on l.pid = t.pid
left join deals as o on o.oid = t.oid
where t.ts <= {literal(asof)}
order by t.ts, t.id
"""


def _hubspot_contact(asof: datetime, d: Draws) -> str:
    known = literal(asof)
    return f"""
with states as (
    select
        pid,
        arg_max(value, ts) filter (name = 'lifecyclestage') as lifecycle,
        arg_max(value, ts) filter (name = 'handed_over_at') as handed_over_at,
        arg_max(value, ts) filter (name = 'jobtitle') as title,
        max(ts) as changed_at
    from contact_events
    where ts <= {known}
    group by pid
),

crm as (
    select pid, created_at + interval 1 minute as linked_at, has_other_address
    from leads
    where not is_twin and created_at + interval 1 minute <= {known}
),

every as (
    select
        p.hubspot_id as id,
        p.email,
        case when p.has_phone or p.twin = 'phone'
            then case when p.kind <> 'shared_mailbox' then '+' || p.calling_code || ' ' || p.national_number end end
            as phone,
        p.first_name, p.last_name,
        coalesce(s.title, p.last_title) as title, p.company, p.country, p.industry, p.employees, s.lifecycle,
        ['ORGANIC_SEARCH', 'PAID_SEARCH', 'PAID_SOCIAL', 'EMAIL_MARKETING', 'REFERRALS', 'DIRECT_TRAFFIC', 'OFFLINE'][
            1 + {d.integer("original source", "p.pid", 7)}] as source,
        case when {d.chance("says where from", "p.pid", 0.15)}
            then {d.pick("says where from", "p.pid * 3", ("A podcast", "A colleague", "LinkedIn", "Web search"))} end
            as self_reported,
        case when crm.has_other_address or {d.chance("lead id synced", "p.pid", 0.85)}
            then case when crm.pid is not null and p.kind <> 'shared_mailbox' then p.lead_id end end as lead_id,
        case when c.created_at + interval 2 minute <= {known} then p.contact_id end as contact_id,
        case when p.aid is not null then a.company_id end as company_id,
        s.handed_over_at,
        case when t.merged_at <= {known} then p.twin_id::varchar end as merged_ids,
        case when {d.chance("opted out", "p.pid", 0.02)} and p.start_at + interval 40 day <= {known}
            then p.start_at + interval 40 day end as opted_out_at,
        p.start_at as created_at,
        false as is_deleted,
        greatest(
            p.start_at, s.changed_at, crm.linked_at,
            case when c.created_at + interval 2 minute <= {known} then c.created_at + interval 2 minute end,
            case when t.merged_at <= {known} then t.merged_at end,
            case when {d.chance("opted out", "p.pid", 0.02)} and p.start_at + interval 40 day <= {known}
                then p.start_at + interval 40 day end
        ) as _t
    from people as p
    left join accounts as a on a.aid = p.aid
    left join states as s using (pid)
    left join crm using (pid)
    left join contacts as c using (pid)
    left join twins as t using (pid)
    where p.in_hubspot and p.start_at <= {known}
    union all
    select
        p.twin_id, t.email,
        case when t.twin = 'phone' then p.trunk || case when p.calling_code = '1'
            then '(' || left(p.national_number, 3) || ') ' || p.national_number[4:6] || '-' || p.national_number[7:10]
            else p.national_number end end,
        p.first_name, p.last_name, p.first_title, p.company, p.country, p.industry, p.employees, 'subscriber',
        'DIRECT_TRAFFIC', null, null, null, null, null, null, null, t.created_at,
        coalesce(t.merged_at <= {known}, false),
        {_newest(asof, "t.created_at", "t.merged_at")}
    from twins as t
    inner join people as p using (pid)
    where t.created_at <= {known}
)

select
    id, email as property_email, phone as property_phone, first_name as property_firstname,
    last_name as property_lastname, title as property_jobtitle, company as property_company,
    country as property_country, industry as property_industry, employees as property_numberofemployees,
    lifecycle as property_lifecyclestage, 'NEW' as property_hs_lead_status, source as property_hs_analytics_source,
    self_reported as property_self_reported_source, lead_id as property_salesforceleadid,
    contact_id as property_salesforcecontactid, company_id as property_associatedcompanyid,
    null::varchar as property_hubspot_owner_id, handed_over_at as property_handed_over_at,
    merged_ids as property_hs_merged_object_ids, strftime(opted_out_at, '%Y-%m-%d %H:%M:%S') as
    property_hs_email_optout_at, strftime(created_at, '%Y-%m-%d %H:%M:%S') as property_createdate,
    is_deleted, _t
from every
order by id
"""


def _property_history(asof: datetime, d: Draws) -> str:
    return f"""
select
    p.hubspot_id as contact_id, e.name, e.value, strftime(e.ts, '%Y-%m-%dT%H:%M:%SZ') as "timestamp",
    case e.name when 'jobtitle' then 'IMPORT' else 'WORKFLOWS' end as source, e.ts as _t
from contact_events as e
inner join people as p using (pid)
where e.ts <= {literal(asof)}
order by e.ts, e.pid, e.name
"""


def _merge_audit(asof: datetime, d: Draws) -> str:
    return f"""
select
    p.hubspot_id as canonical_vid, p.twin_id as vid_to_merge, strftime(t.merged_at, '%Y-%m-%d %H:%M:%S') as "timestamp",
    t.merged_at as _t
from twins as t
inner join people as p using (pid)
where t.merged_at <= {literal(asof)}
order by p.pid
"""


def _company(asof: datetime, d: Draws) -> str:
    return f"""
with known as (
    select aid, min(start_at) as created_at from people where in_hubspot and aid is not null group by aid
)

select
    a.company_id as id, a.name as property_name, a.domain as property_domain, a.industry as property_industry,
    a.employees as property_numberofemployees, a.country as property_country, null::varchar as
    property_hubspot_owner_id, strftime(k.created_at, '%Y-%m-%d %H:%M:%S') as property_createdate,
    strftime(k.created_at, '%Y-%m-%d %H:%M:%S') as property_lastmodifieddate, k.created_at as _t
from known as k
inner join accounts as a using (aid)
where k.created_at <= {literal(asof)}
order by a.aid
"""


def _form(asof: datetime, d: Draws) -> str:
    rows = ", ".join(f"({i}, '{form}')" for i, form in enumerate(v.FORMS, 1))
    return f"""
select
    'form-' || i as guid, name, 'HUBSPOT' as form_type, '2024-10-01 09:00:00' as created_at,
    '2024-10-01 09:00:00' as updated_at, timestamp '2024-10-01 09:00:00' as _t
from (values {rows}) as t(i, name)
order by i
"""


def _form_submission(asof: datetime, d: Draws) -> str:
    """The moment is written in the visitor's own time zone, with its offset on that day."""
    forms = ", ".join(f"({i}, '{form}')" for i, form in enumerate(v.FORMS, 1))
    return f"""
with local as (
    select f.*, p.hubspot_id, p.twin_id, p.zone, t.created_at as twin_from, t.twin
    from forms as f
    inner join people as p using (pid)
    left join twins as t using (pid)
    where p.in_hubspot and f.ts <= {literal(asof)}
)

select
    'conv-' || lpad(fid::varchar, 10, '0') as conversion_id,
    case when twin in ('case', 'plus_address', 'dots') and ts >= twin_from and fid % 2 = 0 then twin_id else hubspot_id
        end as contact_id,
    'form-' || i as form_id,
    {with_offset("ts", "zone")} as "timestamp",
    'https://www.northwindsignal.example/' || lower(replace(form, ' ', '-')) as page_url,
    form as title,
    case when form = 'eBook download' then content_id end as content_id,
    ts as _t
from local
inner join (values {forms}) as t(i, name) on t.name = form
order by fid
"""


def _email_campaign(asof: datetime, d: Draws) -> str:
    """A new campaign of mails each three days."""
    created = f"{literal(START)} + to_days(cast(3 * cid as integer)) - interval 20 hour"
    return f"""
select
    9000 + cid as id, 'NS-MAIL-' || lpad(cid::varchar, 3, '0') as name, 'News from Northwind Signal' as subject,
    'BATCH_EMAIL' as type, 'ct-' || lpad((1 + cid % 40)::varchar, 3, '0') as content_id,
    strftime({created}, '%Y-%m-%d %H:%M:%S') as created_at, strftime({created}, '%Y-%m-%d %H:%M:%S') as updated_at,
    {created} as _t
from range({SPAN_DAYS // 3}) as t(cid)
where {created} <= {literal(asof)}
order by cid
"""


def _email_event(asof: datetime, d: Draws) -> str:
    return f"""
select
    e.id, e.type, e.ts as created, 9000 + e.cid as email_campaign_id, p.email as recipient,
    p.hubspot_id as contact_id,
    case when e.link is not null then 'https://www.northwindsignal.example/l/' || e.cid || '/' || e.link end as url,
    case when e.type in ('CLICK', 'OPEN') then {v.USER_AGENTS[0]!r} end as user_agent,
    case when e.type <> 'SENT' then 'ev-' || lpad(e.mid::varchar, 12, '0') || '-sent' end as sent_by_id,
    case when e.type <> 'SENT' then m.delivered_at - interval 4 second end as sent_by_created,
    e.ts as _t
from mail_events as e
inner join mails as m using (mid)
inner join people as p on p.pid = e.pid
where e.ts <= {literal(asof)}
order by e.ts, e.id
"""


def _owner(asof: datetime, d: Draws) -> str:
    return f"""
select
    700 + rid as owner_id, 'rep' || rid || '@{v.INTERNAL_DOMAIN}' as email, first_name, last_name, true as is_active,
    '2024-01-15 08:00:00' as created_at, '2024-01-15 08:00:00' as updated_at, timestamp '2024-01-15 08:00:00' as _t
from reps
order by rid
"""


def _engagement(asof: datetime, d: Draws) -> str:
    return f"""
select
    id, type, 700 + rid as owner_id, strftime(ts, '%Y-%m-%d %H:%M:%S') as "timestamp",
    strftime(ts, '%Y-%m-%d %H:%M:%S') as created_at, ts as _t
from engagements
where ts <= {literal(asof)}
order by id
"""


def _engagement_kind(kind: str) -> Query:
    columns = {
        "CALL": "'Call' as title, 'OUTBOUND' as direction, 'Connected' as outcome, 'COMPLETED' as status, "
        "300000 as duration",
        "MEETING": "'Meeting' as title, 'COMPLETED' as outcome, strftime(ts, '%Y-%m-%d %H:%M:%S') as start_time",
        "NOTE": "'Spoke about the plan' || chr(10) || 'and the budget.' as body",
        "TASK": "'Follow up' as title, 'NOT_STARTED' as status",
    }[kind]

    def query(asof: datetime, d: Draws) -> str:
        return f"""
select
    id as engagement_id, 700 + rid as owner_id, {columns}, strftime(ts, '%Y-%m-%d %H:%M:%S') as "timestamp",
    strftime(ts, '%Y-%m-%d %H:%M:%S') as created_at, ts as _t
from engagements
where type = '{kind}' and ts <= {literal(asof)}
order by id
"""

    return query


def _engagement_contact(asof: datetime, d: Draws) -> str:
    return f"""
select e.id as engagement_id, p.hubspot_id as contact_id, e.ts as _t
from engagements as e
inner join people as p using (pid)
where e.ts <= {literal(asof)}
order by e.id
"""


def _engagement_deal(asof: datetime, d: Draws) -> str:
    return f"""
select e.id as engagement_id, b.deal_id, e.ts as _t
from engagements as e
inner join believed_deals as b using (oid)
where e.ts <= {literal(asof)}
order by e.id
"""


DEAL_STAGES = {
    "Prospecting": "appointmentscheduled",
    "Discovery": "qualifiedtobuy",
    "Evaluation": "presentationscheduled",
    "Proposal": "decisionmakerboughtin",
    "Negotiation": "contractsent",
    "Closed Won": "closedwon",
    "Closed Lost": "closedlost",
}


_FACTOR = "case when b.is_mistyped then 10 when b.has_other_amount then 1.15 else 1 end"


def believed_deal_states(asof: datetime) -> str:
    """Marketing's deals beside the CRM's at a moment: deal_id, oid and both sides' stage, amount and close date."""
    return f"""
select
    b.deal_id,
    b.oid,
    b.pid,
    b.created_at,
    arg_max(s.stage, s.step) as crm_stage,
    arg_max(s.stage, s.step) filter (not b.has_late_stage or s.ts + interval 20 day <= {literal(asof)} or s.step = 1)
        as stage,
    arg_max(s.amount, s.step) as crm_amount,
    arg_max(cast(round(s.amount * {_FACTOR}, 2) as decimal(18, 2)), s.step) as amount,
    b.is_mistyped,
    arg_max(s.close_date, s.step) as crm_close_date,
    arg_max(cast(s.close_date + case when b.has_other_date then 9 else 0 end as date), s.step) as close_date,
    greatest(
        b.created_at,
        max(s.ts) + interval 5 minute,
        max(s.ts + interval 20 day) filter (b.has_late_stage and s.ts + interval 20 day <= {literal(asof)})
    ) as changed_at
from believed_deals as b
inner join deal_states as s using (oid)
where s.ts + interval 5 minute <= {literal(asof)} and b.created_at <= {literal(asof)}
group by b.deal_id, b.oid, b.pid, b.created_at, b.is_mistyped
"""


def _deal(asof: datetime, d: Draws) -> str:
    stages = " ".join(f"when '{crm}' then '{hubspot}'" for crm, hubspot in DEAL_STAGES.items())
    return f"""
with states as ({believed_deal_states(asof)})

select
    s.deal_id, a.name || ' deal' as property_dealname, s.amount as property_amount,
    case when s.is_mistyped then lower(o.currency) else o.currency end as property_deal_currency_code,
    case s.stage {stages} end as deal_pipeline_stage_id,
    'default' as deal_pipeline_id, strftime(s.close_date, '%Y-%m-%d %H:%M:%S') as property_closedate,
    strftime(s.created_at, '%Y-%m-%d %H:%M:%S') as property_createdate, 700 + o.rid as owner_id,
    case o.opportunity_type when 'New Business' then 'newbusiness' when 'Renewal' then 'renewal'
        else 'existingbusiness' end as property_dealtype,
    o.sf_id as property_salesforceopportunityid, s.stage in ('Closed Won', 'Closed Lost') as property_hs_is_closed,
    s.stage = 'Closed Won' as property_hs_is_closed_won,
    strftime(s.changed_at, '%Y-%m-%d %H:%M:%S') as property_hs_lastmodifieddate, false as is_deleted,
    s.changed_at as _t
from states as s
inner join deals as o using (oid)
inner join accounts as a on a.aid = o.aid
order by s.deal_id
"""


def _deal_contact(asof: datetime, d: Draws) -> str:
    return f"""
select b.deal_id, p.hubspot_id as contact_id, b.created_at as _t
from believed_deals as b
inner join people as p using (pid)
where p.in_hubspot and b.created_at <= {literal(asof)}
order by b.deal_id
"""


def _pipeline(asof: datetime, d: Draws) -> str:
    return """
select 'default' as pipeline_id, 'Sales pipeline' as label, true as active, 0 as display_order,
    '2024-01-01 00:00:00' as created_at, '2024-01-01 00:00:00' as updated_at, timestamp '2024-01-01' as _t
"""


def _pipeline_stage(asof: datetime, d: Draws) -> str:
    rows = ", ".join(
        f"({i}, '{stage}', '{label}', {label.startswith('Closed')}, {label == 'Closed Won'})"
        for i, (label, stage) in enumerate(DEAL_STAGES.items())
    )
    return f"""
select stage as stage_id, label, 'default' as pipeline_id, is_closed, is_won as closed_won, i as display_order,
    '2024-01-01 00:00:00' as created_at, '2024-01-01 00:00:00' as updated_at, timestamp '2024-01-01' as _t
from (values {rows}) as t(i, stage, label, is_closed, is_won)
order by i
"""


def _deal_property_history(asof: datetime, d: Draws) -> str:
    stages = " ".join(f"when '{crm}' then '{hubspot}'" for crm, hubspot in DEAL_STAGES.items())
    return f"""
with every as (
    select b.deal_id, 'dealstage' as name, case s.stage {stages} end as value,
        s.ts + case when b.has_late_stage and s.step > 1 then interval 20 day else interval 5 minute end as ts
    from believed_deals as b
    inner join deal_states as s using (oid)
    union all
    select b.deal_id, 'amount',
        cast(cast(round(s.amount * {_FACTOR}, 2) as decimal(18, 2)) as varchar),
        s.ts + interval 5 minute
    from believed_deals as b
    inner join deal_states as s using (oid)
    where s.amount is not null
)

select deal_id, name, value, strftime(ts, '%Y-%m-%dT%H:%M:%SZ') as "timestamp", 'SALESFORCE' as source, ts as _t
from every
where ts <= {literal(asof)}
order by deal_id, name, ts, value
"""


def _session(asof: datetime, d: Draws) -> str:
    return f"""
select
    session_id, visitor_id, timezone('UTC', ts) as started_at,
    timezone('UTC', ts + to_seconds(page_views * 55)) as ended_at, source, medium, campaign,
    content_id, 'https://www.northwindsignal.example' || path as landing_url,
    case when source in ('google', 'linkedin', 'meta') then 'https://' || source || '.example/' end as referrer,
    user_agent, page_views, ts as _t
from sessions
where ts <= {literal(asof)}
order by ts, session_id
"""


def _identification(asof: datetime, d: Draws) -> str:
    return f"""
select i.visitor_id, p.hubspot_id as contact_id, 'hubspot' as contact_system, i.ts as identified_at, i.ts as _t
from identifications as i
inner join people as p using (pid)
where i.ts <= {literal(asof)}
order by p.hubspot_id
"""


# platform, first and last campaign number, account id, its currency
PLATFORMS = (
    ("google", 0, 40, "2121450128", "USD"),
    ("linkedin", 40, 60, "507515057", "EUR"),
    ("meta", 60, 80, "1700252260223815", "GBP"),
)


def _spend(platform: str, asof: datetime) -> str:
    """Daily figures of each campaign of a platform; the platform corrects each day's figures a day later."""
    first, last = next((first, last) for name, first, last, *_ in PLATFORMS if name == platform)
    factor = "(case when extracted_at >= day + interval 50 hour then 1.02 else 1 end)"
    return f"""
with days as (
    select c.cid, c.name, day::timestamp as day, c.cid * 100000 + datediff('day', {literal(START)}, day) as row
    from campaigns as c
    cross join generate_series({literal(START)}, {literal(asof)} - interval 26 hour, interval 1 day) as t(day)
    where c.cid >= {first} and c.cid < {last} and day >= c.start_at - interval 200 day and day <= c.end_at
),

extracts as (
    select *, day + interval 26 hour as extracted_at from days
    union all
    select *, day + interval 50 hour from days where day + interval 50 hour <= {literal(asof)}
)

select
    *, cast(floor((400 + {{impressions}}) * {factor}) as bigint) as impressions,
    cast(floor((8 + {{clicks}}) * {factor}) as bigint) as clicks,
    cast(round((20 + {{cost}}) * {factor}, 2) as decimal(18, 2)) as cost
from extracts
"""


def _spend_rows(platform: str, asof: datetime, d: Draws) -> str:
    return _spend(platform, asof).format(
        impressions=f"4000 * {d.uniform('impressions', 'row')}",
        clicks=f"90 * {d.uniform('clicks', 'row')}",
        cost=f"160 * {d.uniform('cost', 'row')}",
    )


def _google_stats(asof: datetime, d: Draws) -> str:
    return f"""
select
    '2121450128' as customer_id, 8000000 + cid as id, cast(day as date) as "date", 'SEARCH' as ad_network_type,
    'DESKTOP' as device, clicks, impressions, cast(cost * 1000000 as bigint) as cost_micros, extracted_at,
    extracted_at as _t
from ({_spend_rows("google", asof, d)})
order by day, cid, extracted_at
"""


def _google_campaign(asof: datetime, d: Draws) -> str:
    return """
select 8000000 + cid as id, name, '2121450128' as customer_id, '2024-12-20 08:00:00' as updated_at,
    timestamp '2024-12-20 08:00:00' as _t
from campaigns where kind = 'google' order by cid
"""


def _google_account(asof: datetime, d: Draws) -> str:
    return """
select '2121450128' as id, 'Northwind Signal' as descriptive_name, 'USD' as currency_code,
    'America/New_York' as time_zone, '2024-12-20 08:00:00' as updated_at, timestamp '2024-12-20 08:00:00' as _t
"""


def _linkedin_stats(asof: datetime, d: Draws) -> str:
    return f"""
select 8000000 + cid as campaign_id, strftime(day, '%Y-%m-%d 00:00:00') as day, clicks, impressions,
    cost as cost_in_local_currency, extracted_at, extracted_at as _t
from ({_spend_rows("linkedin", asof, d)}) as s
order by s.day, cid, extracted_at
"""


def _linkedin_campaign(asof: datetime, d: Draws) -> str:
    return """
select 8000000 + cid as id, name, '507515057' as account_id, '2024-12-20 08:00:00' as last_modified_time,
    timestamp '2024-12-20 08:00:00' as _t
from campaigns where kind = 'linkedin' order by cid
"""


def _linkedin_account(asof: datetime, d: Draws) -> str:
    return """
select '507515057' as id, 'Northwind Signal' as name, 'EUR' as currency, '2024-12-20 08:00:00' as last_modified_time,
    timestamp '2024-12-20 08:00:00' as _t
"""


def _meta_ad_stats(asof: datetime, d: Draws) -> str:
    return f"""
select 6000000 + cid as ad_id, cast(day as date) as "date", '1700252260223815' as account_id, impressions,
    clicks as inline_link_clicks, cost as spend, extracted_at, extracted_at as _t
from ({_spend_rows("meta", asof, d)})
order by day, cid, extracted_at
"""


def _meta_object(kind: str) -> Query:
    columns = {
        "ad": "6000000 + cid as id, '1700252260223815' as account_id, 6500000 + cid as ad_set_id, "
        "8000000 + cid as campaign_id, name || ' ad' as name",
        "ad_set": "6500000 + cid as id, '1700252260223815' as account_id, 8000000 + cid as campaign_id, "
        "name || ' set' as name",
        "campaign": "8000000 + cid as id, '1700252260223815' as account_id, name",
    }[kind]

    def query(asof: datetime, d: Draws) -> str:
        return f"""
select {columns}, '2024-12-20 08:00:00' as updated_time, timestamp '2024-12-20 08:00:00' as _t
from campaigns where kind = 'meta' order by cid
"""

    return query


def _meta_account(asof: datetime, d: Draws) -> str:
    return """
select '1700252260223815' as id, 'Northwind Signal' as name, 'GBP' as currency, 'Europe/London' as time_zone,
    '2024-12-20 08:00:00' as extracted_at, timestamp '2024-12-20 08:00:00' as _t
"""


def _fx_rates(asof: datetime, d: Draws) -> str:
    rows = ", ".join(f"('{code}', {i}, {rate})" for i, (code, rate) in enumerate(v.CURRENCIES.items()))
    return f"""
select
    code as currency, cast(month as date) as valid_from,
    cast(case when code = 'USD' then 1 else round(rate * (0.96 + 0.08 * {d.uniform("fx", "i * 1000 + m")}), 4) end
        as decimal(18, 6)) as rate_to_reporting,
    {literal(asof)} as _t
from (values {rows}) as t(code, i, rate)
cross join (
    select month, datediff('month', timestamp '2024-01-01', month) as m
    from generate_series(timestamp '2024-01-01', {literal(asof)}, interval 1 month) as g(month)
)
order by code, month
"""


def _cost_items(asof: datetime, d: Draws) -> str:
    return f"""
select
    cast(month as date) as "month", team, kind,
    cast(round(base * (0.9 + 0.2 * {d.uniform("cost item", "epoch(month)::bigint + base")})) as decimal(18, 2))
        as amount,
    currency, {literal(asof)} as _t
from generate_series({literal(START)}, {literal(asof)} - interval 1 day, interval 1 month) as g(month)
cross join (values ('marketing', 'salaries', 90000, 'USD'), ('marketing', 'tools', 14000, 'EUR'),
    ('marketing', 'events', 22000, 'USD'), ('sales', 'salaries', 260000, 'USD'), ('sales', 'tools', 21000, 'GBP'),
    ('sales', 'commissions', 60000, 'USD')) as t(team, kind, base, currency)
order by 1, team, kind
"""


def _targets(asof: datetime, d: Draws) -> str:
    """The plan: figures that grow with the company, and a net revenue retention of 105 % that does not."""
    return f"""
select
    kpi, cast(month as date) as "month", 'plan-1' as plan_version, kind as opportunity_type,
    null::varchar as segment, null::varchar as region, null::varchar as team,
    cast(case when kpi = 'nrr' then base else round(base * (select count(*) from deals) / 2800.0) end as decimal(18, 2))
        as value,
    {literal(asof)} as _t
from generate_series({literal(START)}, timestamp '2026-12-01', interval 1 month) as g(month)
cross join (values ('bookings', 'new', 900000), ('bookings', 'expansion', 150000), ('bookings', 'renewal', 500000),
    ('mqls', 'new', 360), ('sqos', 'new', 85), ('nrr', null, 1.05)) as t(kpi, kind, base)
order by kpi, kind, month
"""


def invoiced(asof: datetime, d: Draws) -> str:
    """Finance invoices a won deal in the month after the win; one in fifty at another amount."""
    return f"""
with won as (
    select
        o.oid, a.sf_id, o.currency, cast(date_trunc('month', o.won_at) + interval 1 month as date) as month,
        case when {d.chance("invoiced otherwise", "o.oid", 0.02)} then round(o.last_amount * 0.9, 2) else o.last_amount
        end as amount
    from deals as o
    inner join accounts as a using (aid)
    where o.won_at <= {literal(asof)}
)

select "month", sf_id as account_id, currency, cast(sum(amount) as decimal(18, 2)) as amount, {literal(asof)} as _t
from won
where "month" <= {literal(asof)}
group by "month", sf_id, currency
order by "month", sf_id, currency
"""


def _figures(asof: datetime, d: Draws) -> str:
    """What each team reported of its own, months that were over, and one month that nobody can reproduce.

    Marketing's months are those of its portal's clock.
    """
    return f"""
with raised as (
    select date_trunc('month', timezone('{PORTAL_ZONE}', timezone('UTC', ts))) as month, count(distinct pid) as value
    from contact_events where name = 'lifecyclestage' and value = 'marketingqualifiedlead' group by 1
),

-- The CRM's own reports know nothing of contracts.
stated as (
    select created_at, won_at from deals
    union all
    select created_at, close_date from held_deals
),

won as (
    select date_trunc('month', won_at) as month, count(*) as value
    from stated where won_at is not null and won_at >= {literal(START)} group by 1
),

every as (
    select 'mqls' as kpi, month, 'marketing' as side, value from raised
    union all
    select 'opportunities', date_trunc('month', created_at), 'crm', count(*) from stated
    where created_at >= {literal(START)} group by 2
    union all
    select 'won_deals', month, 'crm', value from won
)

select
    kpi, cast(month as date) as "month", side,
    cast(value + case when month = {literal(UNEXPLAINED_MONTH)} and kpi = 'mqls' then {UNEXPLAINED_MQLS} else 0 end
        as decimal(18, 2)) as value,
    'https://reports.northwindsignal.example/' || kpi as link, {literal(asof)} as _t
from every
where month + interval 1 month <= {literal(asof)}
order by kpi, month, side
"""


EXTRACTS: tuple[Extract, ...] = (
    Extract("salesforce", "user", _user, is_full=True),
    Extract("salesforce", "account", _account, modified_column="LastModifiedDate"),
    Extract("salesforce", "lead", _lead, modified_column="LastModifiedDate"),
    Extract("salesforce", "lead_history", _lead_history, "csv.gz", "csv"),
    Extract("salesforce", "contact", _contact, modified_column="LastModifiedDate"),
    Extract("salesforce", "contact_history", _contact_history),
    Extract("salesforce", "opportunity", _opportunity, modified_column="LastModifiedDate"),
    Extract("salesforce", "opportunity_history", _opportunity_history, "csv.gz", "csv.gz"),
    Extract("salesforce", "opportunity_contact_role", _contact_role),
    Extract("salesforce", "opportunity_line_item", _line_item, "jsonl", "jsonl"),
    Extract("salesforce", "product", _product, is_full=True),
    Extract("salesforce", "campaign", _campaign),
    Extract("salesforce", "campaign_member", _campaign_member),
    Extract("salesforce", "task", _task, "csv.gz", "csv"),
    Extract("salesforce", "event", _event),
    Extract("hubspot", "contact", _hubspot_contact, modified_column="property_lastmodifieddate"),
    Extract("hubspot", "contact_property_history", _property_history, "parquet", "jsonl"),
    Extract("hubspot", "contact_merge_audit", _merge_audit),
    Extract("hubspot", "company", _company, "jsonl", "jsonl"),
    Extract("hubspot", "form", _form, is_full=True),
    Extract("hubspot", "contact_form_submission", _form_submission, "jsonl", "jsonl"),
    Extract("hubspot", "email_campaign", _email_campaign),
    Extract("hubspot", "email_event", _email_event, "parquet", "parquet"),
    Extract("hubspot", "engagement", _engagement, "jsonl", "jsonl"),
    Extract("hubspot", "engagement_call", _engagement_kind("CALL")),
    Extract("hubspot", "engagement_meeting", _engagement_kind("MEETING")),
    Extract("hubspot", "engagement_note", _engagement_kind("NOTE")),
    Extract("hubspot", "engagement_task", _engagement_kind("TASK")),
    Extract("hubspot", "engagement_contact", _engagement_contact),
    Extract("hubspot", "engagement_deal", _engagement_deal),
    Extract("hubspot", "owner", _owner, is_full=True),
    Extract("hubspot", "deal", _deal),
    Extract("hubspot", "deal_contact", _deal_contact),
    Extract("hubspot", "deal_pipeline", _pipeline, is_full=True),
    Extract("hubspot", "deal_pipeline_stage", _pipeline_stage, is_full=True),
    Extract("hubspot", "deal_property_history", _deal_property_history, "csv.gz", "csv"),
    Extract("google_ads", "campaign_stats", _google_stats),
    Extract("google_ads", "campaign", _google_campaign),
    Extract("google_ads", "account", _google_account, is_full=True),
    Extract("linkedin_ads", "ad_analytics_by_campaign", _linkedin_stats),
    Extract("linkedin_ads", "campaign", _linkedin_campaign),
    Extract("linkedin_ads", "account", _linkedin_account, is_full=True),
    Extract("meta_ads", "basic_ad", _meta_ad_stats),
    Extract("meta_ads", "ad", _meta_object("ad")),
    Extract("meta_ads", "ad_set", _meta_object("ad_set")),
    Extract("meta_ads", "campaign", _meta_object("campaign")),
    Extract("meta_ads", "account", _meta_account, is_full=True),
    Extract("web_analytics", "sessions", _session, "parquet", "parquet"),
    Extract("web_analytics", "identifications", _identification, "parquet", "csv"),
    Extract("finance", "fx_rates", _fx_rates, is_full=True),
    Extract("finance", "cost_items", _cost_items, is_full=True),
    Extract("finance", "targets", _targets, is_full=True),
    Extract("finance", "invoiced", invoiced, is_full=True),
    Extract("reported", "figures", _figures, is_full=True),
)
