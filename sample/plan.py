"""The generating process: who exists, what each person does and when, before any system records it.

Everything is decided here once, up to `HORIZON`; extracts show what the systems had recorded by a moment, and the
truth is read from the same tables. Persons take one of a few paths whose outcome follows from their construction:
a hand-raise, or a burst of activities whose decayed weights pass a threshold at a known activity. Background
activity is spaced so that its decayed sum can reach no threshold (at most 4 points every ten days and 1 between).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb

from sample import vocabulary as v
from sample.draws import DAY, HOUR, MINUTE, Draws, text_list

START = datetime(2025, 1, 1)
DRIFT = datetime(2025, 10, 1)
HORIZON = datetime(2026, 8, 1)
SPAN_DAYS = (HORIZON - START).days
# The rep who leaves so many leads waiting that about four in ten choices pass over an earlier one; others: 15 %.
CHERRY_PICKER = 3
REJECT_REASONS = ("Wrong persona", "Student", "Competitor", "Duplicate")


@dataclass(frozen=True)
class Sizes:
    """How many of each there are at a scale; scale 1 is about 20,000 contacts and 400,000 touches."""

    scale: float

    def _many(self, at_one: float, least: int) -> int:
        return max(least, round(at_one * self.scale))

    @property
    def people(self) -> int:
        """People of the market."""
        return self._many(20_000, 150)

    @property
    def accounts(self) -> int:
        """Companies of the market."""
        return self._many(6_400, 60)

    @property
    def legacy(self) -> int:
        """Customers won before the first day."""
        return self._many(130, 12)

    @property
    def active_only(self) -> int:
        """Deals without contacts whose account has one active person."""
        return self._many(40, 4)

    @property
    def nobody(self) -> int:
        """Deals without contacts whose account has no person at all."""
        return self._many(60, 6)

    @property
    def excluded(self) -> int:
        """Tests, staff, competitors and bots."""
        return self._many(360, 24)

    @property
    def shared(self) -> int:
        """People behind shared mailboxes, three to each."""
        return 3 * self._many(30, 4)

    @property
    def held_leads(self) -> int:
        """Leads of the CRM with a status that nobody agreed on."""
        return self._many(60, 2)

    @property
    def held_deals(self) -> int:
        """Deals that a contract holds back, on each side."""
        return self._many(20, 1)

    @property
    def reps(self) -> int:
        """Sales people, spread over three regions."""
        return self._many(40, 6)

    @property
    def anonymous_sessions(self) -> int:
        """Visits of people who never say who they are."""
        return self._many(210_000, 1_000)


def literal(moment: datetime) -> str:
    """A SQL timestamp literal."""
    return f"timestamp '{moment:%Y-%m-%d %H:%M:%S}'"


def build_plan(con: duckdb.DuckDBPyConnection, scale: float, seed: int) -> Sizes:
    """Write the plan's tables into `con` and return the sizes used."""
    sizes, draws = Sizes(scale), Draws(seed)
    for statement in (
        _countries(),
        _reps(sizes, draws),
        _campaigns(draws),
        _accounts(sizes, draws),
        *_people(sizes, draws),
        *_entries(draws),
        *_opportunities(sizes, draws),
        *_burst(draws),
    ):
        con.execute(statement)
    return sizes


def _countries() -> str:
    rows = ", ".join(
        f"('{name}', '{region}', '{currency}', '{code}', '{trunk}', '{zone}', '{start}', "
        f"{v.REGIONS.index(region)}, {v.REGION_OPENING_HOUR[region]})"
        for name, region, currency, code, trunk, zone, start, _ in v.COUNTRIES
    )
    return (
        "create table countries as select * from (values "
        f"{rows}) as t(country, region, currency, calling_code, trunk, zone, number_start, region_number, opening_hour)"
    )


def _reps(sizes: Sizes, d: Draws) -> str:
    regions = text_list(v.REGIONS)
    zones = text_list([v.REGION_ZONES[region] for region in v.REGIONS])
    return f"""
create table reps as
select
    rid,
    '005NW' || lpad(rid::varchar, 13, '0') as user_id,
    {regions}[1 + rid % 3] as region,
    {zones}[1 + rid % 3] as zone,
    {text_list(v.FIRST_NAMES)}[1 + (rid * 7) % {len(v.FIRST_NAMES)}] as first_name,
    {text_list(v.LAST_NAMES)}[1 + (rid * 11) % {len(v.LAST_NAMES)}] as last_name,
    rid = {CHERRY_PICKER} as is_cherry_picker
from range({sizes.reps}) as t(rid)
"""


def _campaigns(d: Draws) -> str:
    themes = text_list(["Brand", "Attribution", "Pipeline", "Forecast", "Benchmark", "Webinar", "Retention", "Launch"])
    return f"""
create table campaigns as
select
    cid,
    '701NW' || lpad(cid::varchar, 13, '0') as sf_id,
    case when cid < 40 then 'google' when cid < 60 then 'linkedin' when cid < 80 then 'meta' when cid < 100
        then 'email' when cid < 110 then 'webinar' when cid < 115 then 'trade_show' else 'partner' end as kind,
    'NS-' || case when cid < 40 then 'GOOG' when cid < 60 then 'LINK' when cid < 80 then 'META' when cid < 100
        then 'MAIL' when cid < 110 then 'WEBI' when cid < 115 then 'SHOW' else 'PART' end
        || '-' || {themes}[1 + cid % 8] || '-' || lpad(cid::varchar, 3, '0') as name,
    {literal(START)} + to_days(cast((cid * 37) % 200 as integer)) as start_at,
    {literal(START)} + to_days(cast((cid * 37) % 200 + 365 as integer)) as end_at,
    ['Marketing leaders', 'Sales leaders', 'Operations', 'Finance'][1 + cid % 4] as audience,
    4000 + 500 * {d.integer("campaign budget", "cid", 60)} as budget
from range(120) as t(cid)
"""


def _accounts(sizes: Sizes, d: Draws) -> str:
    first, second = text_list(v.COMPANY_FIRST), text_list(v.COMPANY_SECOND)
    names = len(v.COMPANY_FIRST) * len(v.COMPANY_SECOND)
    legacy_from = sizes.accounts
    active_from = legacy_from + sizes.legacy
    nobody_from = active_from + sizes.active_only
    total = nobody_from + sizes.nobody
    countries = {name: weight for name, *_, weight in v.COUNTRIES}
    return f"""
create table accounts as
with drawn as (
    select
        aid,
        case when aid < {legacy_from} then 'market' when aid < {active_from} then 'legacy'
            when aid < {nobody_from} then 'active_only' else 'nobody' end as kind,
        aid >= {round(sizes.accounts * 0.55)} and aid < {sizes.accounts} as is_late_market,
        {d.weighted("country", "aid", countries)} as country,
        {d.weighted("industry", "aid", v.INDUSTRIES_BEFORE)} as industry_before,
        {d.weighted("industry", "aid", v.INDUSTRIES_AFTER)} as industry_after,
        {d.weighted("band", "aid", v.BANDS_BEFORE)} as band_before,
        {d.weighted("band", "aid", v.BANDS_AFTER)} as band_after,
        {first}[1 + aid % {len(v.COMPANY_FIRST)}] as first_word,
        {second}[1 + (aid // {len(v.COMPANY_FIRST)}) % {len(v.COMPANY_SECOND)}] as second_word,
        case when aid >= {names} then ' ' || (aid // {names} + 1)::varchar else '' end as suffix
    from range({total}) as t(aid)
),

typed as (
    select
        *,
        case when is_late_market then industry_after else industry_before end as industry,
        case when is_late_market then band_after else band_before end as band
    from drawn
)

select
    aid,
    kind,
    is_late_market,
    typed.country,
    region,
    region_number,
    currency,
    calling_code,
    trunk,
    zone,
    number_start,
    opening_hour,
    industry,
    band,
    case band when 'SMB' then 5 + {d.integer("employees", "aid", 95)}
        when 'Mid-Market' then 100 + {d.integer("employees", "aid", 900)}
        else 1000 + {d.integer("employees", "aid", 19000)} end as employees,
    first_word || ' ' || second_word || suffix as name,
    lower(first_word || '-' || second_word || replace(suffix, ' ', '')) || '.example' as domain,
    '001NW' || lpad(aid::varchar, 13, '0') as sf_id,
    40000000 + aid as company_id,
    {d.chance("account in the CRM from the first day", "aid", 0.5)} as is_old_in_crm,
    {d.chance("mail gateway that opens links", "aid", 0.04)} as has_mail_scanner,
    case band when 'SMB' then 6000 + 14000 * {d.uniform("worth", "aid")}
        when 'Mid-Market' then 18000 + 45000 * {d.uniform("worth", "aid")}
        else 50000 + 150000 * {d.uniform("worth", "aid")} end as worth,
    region_number + 3 * {d.integer("account owner", "aid", f"(({sizes.reps} - region_number + 2) // 3)")} as rid
from typed
inner join countries on countries.country = typed.country
order by aid
"""


def _people(sizes: Sizes, d: Draws) -> list[str]:
    legacy_from = sizes.people
    active_from = legacy_from + sizes.legacy
    excluded_from = active_from + sizes.active_only
    shared_from = excluded_from + sizes.excluded
    total = shared_from + sizes.shared
    late_from = round(sizes.accounts * 0.55)
    # When they do what makes them more than an inquiry, if they ever do: the market drifts by that day, so that the
    # leads of a quarter are all of the market of then.
    answers_at = d.after("start_at", "main", "pid", 3 * DAY, 75 * DAY)
    title = (
        "case {s} when 'c_level' then chief when 'vp' then 'VP ' || label when 'director' then 'Director of ' || label"
        " when 'manager' then label || ' Manager' else label || ' Specialist' end"
    )
    departments = ", ".join(f"('{k}', '{label}', '{chief}')" for k, (label, chief, _) in v.DEPARTMENTS.items())
    drawn = f"""
create temp table people_drawn as
with placed as (
    select
        pid,
        case when pid < {legacy_from} then 'market' when pid < {active_from} then 'legacy'
            when pid < {excluded_from} then 'active_only' when pid < {shared_from}
            then ['test', 'staff', 'competitor', 'bot'][1 + pid % 4] else 'shared_mailbox' end as kind,
        case when pid >= {legacy_from} and pid < {active_from}
            then timestamp '2024-01-05 10:00:00' + to_seconds({d.integer("start", "pid", 320 * DAY)})
            when pid >= {active_from} and pid < {excluded_from}
            then {literal(START)} + to_seconds(30 * {DAY} + {d.integer("start", "pid", 440 * DAY)})
            else {literal(START)} + to_seconds(cast(floor(
                pow({d.uniform("start", "pid")}, 0.7) * {(SPAN_DAYS - 2) * DAY}) as bigint))
        end as start_at
    from range({total}) as t(pid)
)

select
    *,
    case
        when kind = 'market' and ({answers_at} < {literal(DRIFT)} or {d.chance("old market", "pid", 0.25)})
            then {d.integer("account", "pid", late_from)}
        when kind = 'market' then {late_from} + {d.integer("account", "pid", sizes.accounts - late_from)}
        when kind = 'legacy' then {sizes.accounts} + pid - {legacy_from}
        when kind = 'active_only' then {sizes.accounts + sizes.legacy} + pid - {active_from}
        when kind = 'shared_mailbox' then ((pid - {shared_from}) // 3 * 13) % {sizes.accounts}
    end as aid,
    {d.weighted("seniority", "pid", v.SENIORITIES)} as seniority,
    {d.weighted("department", "pid", {k: w for k, (_, _, w) in v.DEPARTMENTS.items()})} as department,
    {d.uniform("path", "pid")} as path_draw
from placed
"""
    people = f"""
create table people as
with fitted as (
    select
        p.*,
        coalesce(a.country, 'United States') as country,
        coalesce(a.region, 'Americas') as region,
        coalesce(a.region_number, 0) as region_number,
        coalesce(a.calling_code, '1') as calling_code,
        coalesce(a.trunk, '') as trunk,
        coalesce(a.zone, 'America/New_York') as zone,
        coalesce(a.number_start, '312') as number_start,
        coalesce(a.opening_hour, 14) as opening_hour,
        coalesce(a.industry, 'Retail') as industry,
        coalesce(a.employees, 20) as employees,
        a.name as company,
        a.domain as company_domain,
        coalesce(a.has_mail_scanner, false) as has_mail_scanner,
        d.label,
        d.chief,
        25 * (p.seniority in {v.ICP_SENIORITIES})::integer
        + 25 * (p.department in {v.ICP_DEPARTMENTS})::integer
        + 25 * (coalesce(a.employees, 20) >= 100)::integer
        + 15 * (coalesce(a.industry, '') in {v.ICP_INDUSTRIES})::integer
        + 10 * (coalesce(a.region, 'Americas') in ('Americas', 'EMEA'))::integer as fit
    from people_drawn as p
    left join accounts as a on a.aid = p.aid
    inner join (values {departments}) as d(department, label, chief) on d.department = p.department
),

pathed as (
    select
        *,
        case when fit >= 75 then 'A' when fit >= 50 then 'B' when fit >= 25 then 'C' else 'D' end as fit_grade,
        case
            when kind = 'legacy' then 'legacy'
            when kind = 'active_only' then 'inquiry'
            when kind = 'shared_mailbox' then 'crm_only'
            when kind <> 'market' then 'excluded'
            when path_draw < 0.14 then 'silent'
            when path_draw < 0.45 then 'inquiry'
            when path_draw < 0.56 then case when fit < 25 then 'inquiry' else 'burst_short' end
            when path_draw < 0.80 then case when fit < 25 then 'low_fit_raise' else 'hand_raise' end
            when path_draw < 0.85 then case when fit < 25 then 'inquiry' else 'burst_long' end
            when path_draw < 0.89 then case when fit < 25 then 'inquiry' else 'event' end
            when path_draw < 0.95 then 'outbound'
            when path_draw < 0.98 then 'partner'
            else 'product'
        end as path
    from fitted
),

dated as (
    select
        *,
        date_trunc('day', {answers_at}) as main_day
    from pathed
),

moments as (
    select
        *,
        case
            when path in ('silent', 'inquiry', 'crm_only', 'legacy') then null
            when path = 'event' then main_day
            when {d.chance("out of hours", "pid", 0.2)}
                then main_day + to_seconds({d.integer("any hour", "pid", DAY)})
            else main_day
                + to_days(case isodow(main_day) when 6 then 2 when 7 then 1 else 0 end)
                + to_seconds(opening_hour * 3600 + {d.integer("office hour", "pid", 6 * HOUR)})
        end as main_at
    from dated
),

changed as (
    select
        *,
        case
            when main_at is null or path in ('excluded', 'outbound', 'partner', 'product')
                or not {d.chance("promoted", "pid", 0.08)} then null
            when seniority in ('manager', 'individual') then 'promoted_after'
            when seniority in ('vp', 'director') and start_at < main_at - interval 25 day then 'promoted_before'
        end as promotion
    from moments
),

named as (
    select
        *,
        {d.pick("first name", "pid", v.FIRST_NAMES)} as true_first_name,
        {d.pick("last name", "pid", v.LAST_NAMES)} as true_last_name,
        {d.chance("free mail", "pid", 0.06)} and kind = 'market' as is_free_mail
    from changed
)

select
    pid,
    kind,
    path,
    aid,
    start_at,
    main_at,
    fit,
    fit_grade,
    seniority,
    department,
    promotion,
    case promotion when 'promoted_after' then main_at + interval 60 day
        when 'promoted_before' then main_at - interval 20 day end as promoted_at,
    {title.format(s="(case when promotion = 'promoted_before' then 'manager' else seniority end)")} as first_title,
    {title.format(s="(case when promotion = 'promoted_after' then 'director' else seniority end)")} as last_title,
    country,
    region,
    region_number,
    zone,
    opening_hour,
    industry,
    employees,
    case kind when 'staff' then 'Northwind Signal' when 'competitor' then 'Rival Metrics' when 'test' then 'Test'
        when 'bot' then 'Free Offers' else company end as company,
    has_mail_scanner and kind = 'market' as has_mail_scanner,
    case kind when 'test' then 'Test' else true_first_name end as first_name,
    case kind when 'test' then 'Test' else true_last_name end as last_name,
    is_free_mail,
    case kind
        when 'test' then 'test+' || pid || '@' || 'qa-' || (pid % 7) || '.example'
        when 'shared_mailbox' then ['info', 'sales'][1 + (pid // 3) % 2] || '@' || company_domain
        else replace(strip_accents(lower(true_first_name || '.' || true_last_name)), '''', '') || pid || '@'
            || case when kind = 'staff' then '{v.INTERNAL_DOMAIN}'
                when kind = 'competitor' then {text_list(v.COMPETITOR_DOMAINS)}[1 + (pid // 4) % 2]
                when kind = 'bot' then '{v.BOT_DOMAIN}'
                when is_free_mail then 'gmail.com'
                else company_domain end
    end as email,
    calling_code,
    number_start || case when calling_code = '1' then (2000000 + pid)::varchar else lpad(pid::varchar, 6, '0') end
        as national_number,
    trunk,
    {d.chance("has a phone", "pid", 0.7)} as has_phone,
    case
        when kind = 'shared_mailbox' then pid % 3 = 0
        when kind = 'legacy' then false
        when path = 'outbound' then {d.chance("outbound in marketing", "pid", 0.7)}
        else true
    end as in_hubspot,
    case
        when kind <> 'market' or path = 'outbound' then null
        when {d.uniform("twin", "pid")} < 0.012 then 'case'
        when {d.uniform("twin", "pid")} < 0.024 then 'plus_address'
        when {d.uniform("twin", "pid")} < 0.036 then 'merged'
        when {d.uniform("twin", "pid")} < 0.046 then 'phone'
        when {d.uniform("twin", "pid")} < 0.054 then 'no_evidence'
        when {d.uniform("twin", "pid")} < 0.090 and is_free_mail then 'dots'
    end as twin,
    0.10 + 0.75 * pow({d.uniform("liveliness", "pid")}, 2) as liveliness,
    10000000 + pid as hubspot_id,
    70000000 + pid as twin_id,
    '00QNW' || lpad(pid::varchar, 13, '0') as lead_id,
    '003NW' || lpad(pid::varchar, 13, '0') as contact_id,
    'v' || lpad(to_hex(pid * 7919 + 104729), 10, '0') as visitor_id
from named
order by pid
"""
    return [drawn, people, "drop table people_drawn"]


def _burst(d: Draws) -> list[str]:
    """The activities that lift a person over a threshold: the third makes the lead, then 40 and 60 points."""
    steps = (
        (0, 0, "eBook download"),
        (1, 1440, "Webinar registration"),
        (2, 2880, "eBook download"),
        (3, 4320, "eBook download"),
        (4, 4380, "eBook download"),
        (5, 4440, "eBook download"),
        (6, 4500, "eBook download"),
    )
    rows = ", ".join(f"({step}, {minutes}, '{form}')" for step, minutes, form in steps)
    return [
        f"""
create table burst_steps as
select
    p.pid,
    s.step,
    p.main_at + to_minutes(s.minutes) as ts,
    s.form
from people as p
inner join (values {rows}) as s(step, minutes, form)
    on s.step <= case when p.path = 'burst_short' or p.fit_grade = 'A' then 2 when p.fit_grade = 'B' then 4 else 6 end
where p.path in ('burst_short', 'burst_long')
"""
    ]


def _entry_steps(source: str, d: Draws) -> str:
    """What sales makes of each row of `source` (pid, n, origin, mql_at, created_at, region_number, is_new_in_crm)."""
    row = "pid * 8 + n"
    return f"""
owned as (
    select
        s.*,
        region_number + 3 * {d.integer("owner", row, "((select count(*) from reps) - region_number + 2) // 3")} as rid
    from {source} as s
),

fated as (
    select
        *,
        case
            when origin = 'sales' then 'worked'
            when n = 1 and {d.uniform("fate", row)} < 0.05 and is_new_in_crm then 'not_handed_over'
            when n = 1 and {d.uniform("fate", row)} < 0.08 and is_new_in_crm then 'lost_between_systems'
            when {d.uniform("fate", row)} < 0.12 then 'ignored'
            when {d.uniform("fate", row)} < 0.19 then 'rejected'
            when {d.uniform("fate", row)} < 0.26 then 'recycled'
            else 'worked'
        end as fate,
        {d.chance("worked late", row, f"(case when rid = {CHERRY_PICKER} then 0.31 else 0.035 end)")}
            and origin <> 'sales' as is_late
    from owned
),

handed as (
    select
        *,
        case when fate <> 'not_handed_over' and origin <> 'sales' then
            case when {d.chance("handed over late", row, 0.04)}
                then {d.after("mql_at", "handing over", row, 1 * DAY, 3 * DAY)}
                else {d.after("mql_at", "handing over", row, 2 * MINUTE, 9 * MINUTE)} end
        end as handed_over_at
    from fated
),

recorded as (
    select
        *,
        case when origin = 'sales' or not is_new_in_crm then created_at
            when fate in ('not_handed_over', 'lost_between_systems') then null
            else {d.after("handed_over_at", "sync", row, 20, 4 * MINUTE)} end as crm_at
    from handed
),

assigned as (
    select
        *,
        case when origin = 'sales' then crm_at
            when fate in ('not_handed_over', 'lost_between_systems') then null
            when {d.chance("routed slowly", row, 0.04)}
                then {d.after("greatest(crm_at, handed_over_at)", "routing", row, 20 * HOUR, 40 * HOUR)}
            else {d.after("greatest(crm_at, handed_over_at)", "routing", row, 1 * MINUTE, 15 * MINUTE)}
        end as assigned_at
    from recorded
),

touched as (
    select
        *,
        case
            when fate <> 'worked' then null
            when origin = 'sales' then {d.after("assigned_at", "first call", row, 1 * HOUR, 30 * HOUR)}
            when is_late and rid = {CHERRY_PICKER} then {d.after("assigned_at", "first call", row, 9 * DAY, 13 * DAY)}
            when is_late then {d.after("assigned_at", "first call", row, 6 * DAY, 7 * DAY)}
            else {d.after("assigned_at", "first call", row, 4 * MINUTE, 40 * MINUTE)}
        end as touch_at,
        case when fate in ('rejected', 'recycled') then {d.after("assigned_at", "early no", row, 2 * HOUR, 2 * DAY)} end
            as early_exit_at
    from assigned
),

accepted as (
    select
        *,
        case when fate = 'worked' then
            case when {d.uniform("acceptance", row)} < 0.84 then 'accepted'
                when {d.uniform("acceptance", row)} < 0.93 then 'disqualified' else 'open' end
        end as acceptance,
        {d.after("touch_at", "accepting", row, 10 * MINUTE, 2 * DAY)} as acceptance_at
    from touched
),

qualified as (
    select
        *,
        case when acceptance = 'accepted' then
            case when {d.uniform("qualification", row)} < 0.34 then 'qualified'
                when {d.uniform("qualification", row)} < 0.56 then 'recycled'
                when {d.uniform("qualification", row)} < 0.82 then 'disqualified' else 'open' end
        end as qualification,
        {d.after("acceptance_at", "qualifying", row, 1 * DAY, 18 * DAY)} as qualification_at
    from accepted
),

dealt as (
    select
        *,
        case when qualification = 'qualified' then
            case when {d.uniform("dealing", row)} < 0.72 then 'deal'
                when {d.uniform("dealing", row)} < 0.82 then 'recycled'
                when {d.uniform("dealing", row)} < 0.88 then 'disqualified' else 'open' end
        end as dealing,
        {d.after("qualification_at", "dealing", row, 4 * DAY, 14 * DAY)} as dealing_at,
        {d.uniform("how qualified", row)} as how_qualified,
        {d.chance("working skipped", row, 0.10)} as is_working_skipped
    from qualified
)

select
    pid,
    n,
    origin,
    rid,
    is_new_in_crm,
    mql_at,
    mql_grade,
    fate,
    is_late and fate = 'worked' as is_late,
    handed_over_at,
    crm_at,
    assigned_at,
    touch_at,
    case when acceptance = 'accepted' and not (is_working_skipped and qualification = 'qualified')
        then acceptance_at end as working_at,
    -- Need is confirmed by a status, by a meeting held, or by both; the earlier one counts.
    case when qualification = 'qualified' and how_qualified < 0.85 then
        case when how_qualified < 0.5 then qualification_at
            else {d.after("qualification_at", "status after meeting", row, 4 * HOUR, 2 * DAY)} end
    end as qualified_status_at,
    case when qualification = 'qualified' and how_qualified >= 0.3 then
        case when how_qualified < 0.5 then {d.after("qualification_at", "meeting after", row, 1 * DAY, 3 * DAY)}
            else qualification_at end
    end as meeting_at,
    case when qualification = 'qualified' then qualification_at end as sql_at,
    case when dealing = 'deal' then dealing_at end as deal_at,
    case
        when fate in ('rejected', 'recycled') then fate
        when acceptance = 'disqualified' or qualification = 'disqualified' or dealing = 'disqualified'
            then 'disqualified'
        when qualification = 'recycled' or dealing = 'recycled' then 'recycled'
    end as exit_kind,
    case
        when fate in ('rejected', 'recycled') then early_exit_at
        when acceptance = 'disqualified' then acceptance_at
        when qualification in ('recycled', 'disqualified') then qualification_at
        when dealing in ('recycled', 'disqualified') then dealing_at
    end as exit_at,
    case
        when fate = 'rejected' then {d.pick("reject reason", row, REJECT_REASONS)}
        else {d.pick("exit reason", row, ("No budget", "Bad timing", "Not reachable", "Wrong persona"))}
    end as exit_reason
from dealt
"""


def _entries(d: Draws) -> list[str]:
    """One row for each time that sales gets a person: handed over by marketing, or found by sales itself."""
    first = f"""
create table entries as
with source as (
    select
        pid,
        1 as n,
        case when path in ('outbound', 'partner', 'product') then 'sales' else 'marketing' end as origin,
        case
            when path in ('outbound', 'partner', 'product') then null
            when path in ('hand_raise', 'event') then main_at
            when path = 'burst_short' or fit_grade = 'A' then main_at + to_minutes(2880)
            when path = 'burst_long' and fit_grade = 'B' then main_at + to_minutes(4380)
            when path = 'burst_long' then main_at + to_minutes(4500)
        end as mql_at,
        case when path in ('outbound', 'partner', 'product') then null
            else fit_grade || case when path = 'burst_long' and fit_grade = 'B' then '2'
                when path = 'burst_long' and fit_grade = 'C' then '1' else '3' end end as mql_grade,
        case when path = 'event' then main_at - interval 1 day else main_at end as created_at,
        region_number,
        path <> 'event' as is_new_in_crm
    from people
    where path in ('hand_raise', 'burst_long', 'outbound', 'partner', 'product')
        or (path in ('burst_short', 'event') and fit_grade = 'A')
),
{_entry_steps("source", d)}
"""
    again = f"""
insert into entries
with source as (
    select
        e.pid,
        2 as n,
        'marketing' as origin,
        case
            when {d.uniform("return", "e.pid")} < 0.35
                then {d.after("e.exit_at", "returning", "e.pid", 40 * DAY, 110 * DAY)}
            else {d.after("e.exit_at", "returning", "e.pid", 5 * DAY, 20 * DAY)}
        end as mql_at,
        case when p.promotion = 'promoted_after' then null else p.fit_grade || '3' end as mql_grade,
        e.crm_at as created_at,
        p.region_number,
        false as is_new_in_crm
    from entries as e
    inner join people as p on p.pid = e.pid
    where e.exit_kind = 'recycled'
        and {d.uniform("return", "e.pid")} < 0.45
        and p.path in ('hand_raise', 'burst_long')
),
{_entry_steps("source", d)}
"""
    ordered = """
create or replace table entries as select * from entries order by pid, n
"""
    return [first, again, ordered]


def _deal_steps(source: str, d: Draws) -> str:
    """How each deal of `source` (key, kind, aid, pid, n, rid, link, created_at, opportunity_type) runs."""
    return f"""
worth as (
    select
        s.*,
        a.currency,
        case opportunity_type when 'Existing Business - Expansion' then 0.35 else 1 end * a.worth
            * (0.8 + 0.4 * {d.uniform("deal worth", "key")}) as value,
        {d.chance("straight to discovery", "key", 0.3)} as is_straight,
        {d.uniform("outcome", "key")} as outcome_draw,
        {d.uniform("reached", "key")} as reached_draw,
        {d.uniform("never discovered", "key")} < 0.10 and s.kind in ('lead', 'nobody') as is_never_discovered
    from {source} as s
    inner join accounts as a on a.aid = s.aid
),

run as (
    select
        *,
        case when is_never_discovered then null
            when is_straight then created_at
            else {d.after("created_at", "discovery", "key", 1 * DAY, 12 * DAY)} end as discovery_at,
        case when kind = 'legacy' then 'won'
            when outcome_draw < case when opportunity_type = 'Existing Business - Expansion' then 0.6
                when kind = 'reactivation' then 0.75 else 0.27 end
                and not is_never_discovered then 'won'
            when outcome_draw < 0.78 or kind = 'expansion' then 'lost'
            else 'open' end as outcome
    from worth
),

closed as (
    select
        *,
        {d.after("coalesce(discovery_at, created_at)", "closing", "key", 20 * DAY, 110 * DAY)} as end_at,
        case when outcome = 'lost' then 0.1 + 0.85 * reached_draw else 1.0 end as reach
    from run
),

shaped as (
    select
        *,
        case when outcome = 'open' then 300.0 * {DAY} else epoch(end_at) - epoch(coalesce(discovery_at, created_at)) end
            as seconds,
        {d.chance("amount comes late", "key", 0.08)} and reach >= 0.3 and outcome <> 'open' as is_amount_late,
        {d.chance("lost then won", "key", 0.08)} and outcome = 'lost' and kind = 'lead' and discovery_at is not null
            as is_won_after_loss
    from closed
)

select
    key,
    kind,
    opportunity_type,
    aid,
    pid,
    n,
    rid,
    link,
    created_at,
    discovery_at,
    case when reach >= 0.25 then discovery_at + to_seconds(cast(0.25 * seconds as bigint)) end as evaluation_at,
    case when reach >= 0.5 then discovery_at + to_seconds(cast(0.5 * seconds as bigint)) end as proposal_at,
    case when reach >= 0.75 then discovery_at + to_seconds(cast(0.75 * seconds as bigint)) end as negotiation_at,
    case when outcome = 'lost' then end_at end as lost_at,
    case when outcome = 'won' then end_at
        when is_won_after_loss then {d.after("end_at", "second thoughts", "key", 10 * DAY, 40 * DAY)} end as won_at,
    is_amount_late,
    case when is_amount_late then discovery_at + to_seconds(cast(0.25 * seconds as bigint)) else discovery_at end
        as sqo_at,
    cast(round(value, 0) as decimal(18, 2)) as first_amount,
    -- Six in ten deals are worth something else by the proposal.
    cast(round(value * case when {d.chance("renegotiated", "key", 0.6)} then 0.75 + 0.5 * {d.uniform("discount", "key")}
        else 1 end, 2) as decimal(18, 2)) as last_amount,
    currency,
    {d.chance("paid monthly", "key", 0.3)} as is_monthly,
    case when kind in ('lead', 'legacy') and outcome = 'won' and {d.chance("cancelled", "key", 0.04)}
        then end_at + interval 150 day end as cancels_at,
    {d.pick("loss reason", "key", v.LOSS_REASONS)} as loss_reason,
    case when {d.chance("competitor known", "key", 0.35)} then {d.pick("competitor", "key", v.COMPETITORS)} end
        as competitor,
    null::bigint as renews_key,
    null::timestamp as starts_at
from shaped
"""


def _opportunities(sizes: Sizes, d: Draws) -> list[str]:
    links = ("primary", "primary", "primary", "role", "contact_role")
    first = f"""
create table deals as
with source as (
    select
        pid * 16 + n as key, 'lead' as kind, 'New Business' as opportunity_type, p.aid, e.pid, e.n, e.rid,
        'converted_lead' as link, e.deal_at as created_at
    from entries as e
    inner join people as p using (pid)
    where e.deal_at is not null
    union all
    select
        pid * 16 + 1, 'legacy', 'New Business', aid, pid, 1, a.rid, {d.pick("legacy link", "pid", links)},
        start_at + interval 20 day
    from people as p
    inner join accounts as a using (aid)
    where p.kind = 'legacy'
    union all
    select
        pid * 16 + 1, 'active_only', 'New Business', aid, pid, 1, a.rid, 'account_activity',
        {d.after("p.start_at", "deal of the active", "pid", 15 * DAY, 60 * DAY)}
    from people as p
    inner join accounts as a using (aid)
    where p.kind = 'active_only'
    union all
    select
        1000000000000 + aid * 16, 'nobody', 'New Business', aid, null, 1, rid, 'none',
        {literal(START)} + to_seconds({10 * DAY} + {d.integer("deal of nobody", "aid", 520 * DAY)})
    from accounts
    where kind = 'nobody'
),
{_deal_steps("source", d)}
"""
    follow_ups = f"""
insert into deals
with source as (
    select
        key + 4 as key, 'expansion' as kind, 'Existing Business - Expansion' as opportunity_type, aid, pid, n + 4 as n,
        rid, {d.pick("expansion link", "key", links)} as link,
        {d.after("won_at", "expanding", "key", 50 * DAY, 170 * DAY)} as created_at
    from deals
    where kind in ('lead', 'legacy') and won_at is not null and lost_at is null and cancels_at is null
        and {d.chance("expands", "key", 0.3)}
    union all
    select
        key + 8, 'second', 'New Business', aid, pid, n + 6, rid, {d.pick("second link", "key", links)},
        {d.after("lost_at", "trying again", "key", 100 * DAY, 160 * DAY)}
    from deals
    where kind = 'lead' and lost_at is not null and won_at is null and {d.chance("tries again", "key", 0.15)}
),
{_deal_steps("source", d)}
"""

    def renewals(kind: str, of: str, step: int) -> str:
        """Renewals of the contracts won with deals of the kinds `of`; what is not renewed churns."""
        outcome = d.uniform("renewal", "key")
        return f"""
insert into deals
with ending as (
    select
        *,
        date_trunc('day', coalesce(starts_at, won_at)) + interval 12 month as ends_at,
        last_amount as worth_before
    from deals
    where kind in {of} and won_at is not null and cancels_at is null
)

select
    key + {step}, '{kind}', 'Renewal', aid, pid, n + {step}, rid, {d.pick("renewal link", "key", links)},
    ends_at - interval 60 day as created_at,
    ends_at - interval 55 day,
    ends_at - interval 40 day,
    ends_at - interval 30 day,
    null,
    case when {outcome} >= 0.76 then ends_at - interval 5 day + interval 3 hour end as lost_at,
    case when {outcome} < 0.76 then ends_at - interval 12 day + interval 9 hour end as won_at,
    false,
    ends_at - interval 55 day,
    worth_before,
    cast(round(worth_before * case when {outcome} < 0.14 then 0.7 when {outcome} < 0.5 then 1
        else 1.05 + 0.3 * {d.uniform("uplift", "key")} end, 2) as decimal(18, 2)),
    currency, is_monthly, null, {d.pick("loss reason", "key", v.LOSS_REASONS)}, null, key, ends_at
from ending
"""

    reactivated = f"""
insert into deals
with source as (
    select
        key + 9 as key, 'reactivation' as kind, 'New Business' as opportunity_type, aid, pid, n + 9 as n, rid,
        'primary' as link, {d.after("lost_at", "coming back", "key", 70 * DAY, 120 * DAY)} as created_at
    from deals
    where kind in ('renewal', 'second_renewal') and lost_at is not null and {d.chance("comes back", "key", 0.6)}
),
{_deal_steps("source", d)}
"""
    numbered = """
create or replace table deals as
select
    row_number() over (order by key) as oid,
    '006NW' || lpad((row_number() over (order by key))::varchar, 13, '0') as sf_id,
    * replace (case when won_at is not null then coalesce(starts_at, date_trunc('day', won_at)) end as starts_at)
from deals
order by key
"""
    return [
        first,
        follow_ups,
        renewals("renewal", "('legacy', 'lead')", 1),
        renewals("second_renewal", "('renewal')", 1),
        reactivated,
        numbered,
    ]
