"""What a company's extracts hold: every word that the agreed tables give a meaning to, with how often it stands there.

The extracts are landed and staged by the product's own code, under our tables, in a build file of their own that is
removed again. Values of statuses that no table knows yet are held back by the contract; they are read out of quarantine
and landed again as known ones, so that the second look sees every row.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from expectations.contract import read_contracts
from expectations.rules import Definitions as AgreedLists
from expectations.rules import compile_contract, match_headers
from orchestration.agreed_definitions import Definitions, load_definitions
from orchestration.build_context import begin_build
from orchestration.dbt_runs import DbtError, dbt_of_this_run, prepare_project
from orchestration.landing import LandingError, LandingReport, land
from orchestration.landing.staging import json_path
from orchestration.owning.folder import csv_text
from orchestration.settings import Settings

Progress = Callable[[str], None]

# What is looked at, and all that it is made of.
_MODELS = (
    "int_person_records_unioned",
    "int_person_changes_unioned",
    "int_opportunity_records_unioned",
    "int_opportunity_changes_unioned",
    "int_account_records_unioned",
    "int_user_records_unioned",
    "int_content_records_unioned",
    "int_product_records_unioned",
    "int_activity_kinds",
    "int_activity_channels",
    "int_country_regions",
    "int_fx_rates",
    "free_mail_domains",
)


@dataclass(frozen=True)
class Found:
    """One value that was found.

    Attributes:
        system: Folder of the system.
        object: Folder of the extract.
        field: What it is a value of.
        value: The value as delivered.
        records: Rows that have it now; 0 where only a history knows it.
        details: What else the rows say of it.
    """

    system: str
    object: str
    field: str
    value: str
    records: int
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """What the extracts hold.

    Attributes:
        found: Every value, by system, object, field and value.
        landing: How the extracts landed.
        last_day: The newest moment, at most today, of which a row speaks that does not say when it was changed.
        has_own_now: Whether the extracts say when they were made, and no row speaks of a later day: no CONCORD_AS_OF is
            needed.
        crm_systems: Systems whose opportunities count.
        user_domains: E-mail domains of the company's own users, without those that give mailboxes to anybody.
        currencies_with_rate: Currencies that can be converted.
        people: Names of people, each as `first last` in lower case, to keep them out of what is written.
        held: What a contract holds back though every status is known: extract, rule, owner and rows.
    """

    found: tuple[Found, ...]
    landing: LandingReport
    last_day: datetime | None
    has_own_now: bool
    crm_systems: frozenset[str]
    user_domains: tuple[str, ...]
    currencies_with_rate: frozenset[str]
    people: frozenset[str]
    held: tuple[tuple[str, str, str, int], ...]


def profile(settings: Settings, progress: Progress = lambda line: None) -> Profile:
    """Land and stage the extracts in a scratch warehouse, and look at them.

    Raises:
        LandingError: the extracts cannot be read.
        DbtError: they cannot be staged.
    """
    settings.scratch.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="first-day-", dir=settings.scratch))
    project = None
    try:
        scratch = replace(settings, warehouse=folder, definitions=None, postgres=None)
        definitions = load_definitions(scratch)
        landing, has_own_now = _land(scratch, definitions, progress)
        begin_build(scratch, definitions, as_of=landing.as_of)
        progress("Reading the dbt project")
        project = prepare_project(scratch, definitions)
        progress("Staging")
        run = subprocess.run(
            [
                *(dbt_of_this_run(project), "--quiet", "--no-use-colors", "build", "--full-refresh"),
                *("--resource-types", "seed", "model", "--select", *(f"+{model}" for model in _MODELS)),
            ],
            cwd=settings.project,
            env={**os.environ, **project.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if run.returncode != 0:
            raise DbtError(f"the extracts cannot be staged:\n{run.stdout.strip()[-4000:]}")
        progress("Looking at what is there")
        with duckdb.connect(str(scratch.build_file), read_only=True) as connection:
            connection.execute("set enable_progress_bar = false")
            return _look(connection, landing, has_own_now)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if project is not None:
            shutil.rmtree(project.target, ignore_errors=True)


def _land(settings: Settings, definitions: Definitions, progress: Progress) -> tuple[LandingReport, bool]:
    """Land everything, statuses that no table knows too; says whether the extracts have a now of their own."""
    report, has_own_now = _land_once(settings, definitions.folder, progress)
    unknown = _held_values(settings)
    if unknown:
        known = settings.warehouse / "definitions"
        shutil.copytree(definitions.folder, known)
        for (table, column), values in unknown.items():
            spec = definitions.tables[table].spec
            rows = [*definitions.tables[table].rows]
            rows += [{c.name: value if c.name == column else "found" for c in spec.columns} for value in values]
            (known / f"{table}.csv").write_text(csv_text([c.name for c in spec.columns], rows), encoding="utf-8")
        again, _ = _land_once(settings, known, lambda line: None)
        # What was delivered is told by the first landing, how it stands by the second.
        standing = {extract.name: extract for extract in again.extracts}
        report = replace(
            report,
            extracts=tuple(replace(extract, rows_held=standing[extract.name].rows_held) for extract in report.extracts),
        )
    return report, has_own_now


def _land_once(settings: Settings, folder: Path, progress: Progress) -> tuple[LandingReport, bool]:
    def landed(as_of: datetime | None) -> LandingReport:
        return land(
            extracts=settings.extracts,
            build_file=settings.build_file,
            definitions=folder,
            held=settings.held,
            as_of=as_of,
            progress=progress,
        )

    if settings.as_of is not None:
        return landed(settings.as_of), False
    try:
        return landed(None), True
    except LandingError:
        if not settings.build_file.exists():
            raise
    # The rows are there; none of them says when it was changed. For a look at them today will do.
    return landed(datetime.now(UTC).replace(tzinfo=None)), False


def _held_values(settings: Settings) -> dict[tuple[str, str], list[str]]:
    """Values that a contract holds back because an agreed table does not know them, by table and column."""
    found: dict[tuple[str, str], set[str]] = {}
    agreed = AgreedLists(settings.project / "seeds")
    contracts = read_contracts(settings.project / "expectations" / "contracts")
    with duckdb.connect(str(settings.build_file), read_only=True) as connection:
        for contract in contracts.values():
            listed = [column for column in contract.columns if column.valid_values_from]
            if not listed:
                continue
            compiled = compile_contract(contract, agreed)
            held = "audit.quarantine inner join audit.loads using (load_id)"
            which = "quarantine.system = ? and quarantine.object = ? and not quarantine.is_unparseable"
            place = [contract.system, contract.object]
            for (headers,) in connection.execute(
                f"select distinct headers from {held} where {which}", place
            ).fetchall():
                places = match_headers(compiled, headers)
                for column in listed:
                    if column.name not in places:
                        continue
                    values = connection.execute(
                        f"select distinct raw_row ->> ? from {held} where {which} and headers = ?",
                        [json_path(headers[places[column.name]]), *place, headers],
                    ).fetchall()
                    table, _, name = str(column.valid_values_from).partition(":")
                    found.setdefault((table, name), set()).update(value.strip() for (value,) in values if value)
    for values in found.values():
        values.discard("")
    return {
        place: sorted(values - {row[place[1]] for row in agreed.rows(place[0])})
        for place, values in found.items()
        if values - {row[place[1]] for row in agreed.rows(place[0])}
    }


# Deleted rows are not counted, but what they say is listed: some figures look at all of history.
_COUNTED = "case when is_deleted then 0 else 1 end"
_PERSON_FIELDS = ("status", "status_reason", "lifecycle_stage", "rating", "source", "self_reported_source")

_PEOPLE = f"""
    select system, object, field, value, sum(records)::bigint as records, null as details
    from (
        unpivot (
            select system, object, {", ".join(f"trim({name}) as {name}" for name in _PERSON_FIELDS)},
                {_COUNTED} as records
            from intermediate.int_person_records_unioned
        ) on {", ".join(_PERSON_FIELDS)} into name field value value
        union all by name
        select system, object, field, unnest([trim(old_value), trim(new_value)]) as value, 0 as records
        from intermediate.int_person_changes_unioned
        where field in ('status', 'status_reason', 'lifecycle_stage', 'rating')
    )
    where value <> ''
    group by system, object, field, value
"""

# As the macro comparable_name spells them.
_COUNTRIES = f"""
    select system, object, 'country' as field, value, sum({_COUNTED})::bigint as records,
        {{'iso2': min(countries.iso2), 'region': min(countries.region)}} as details
    from (
        select system, object, trim(country) as value, is_deleted from intermediate.int_person_records_unioned
        union all
        select system, object, trim(country), is_deleted from intermediate.int_account_records_unioned
    ) as records
    left join intermediate.int_country_regions as countries
        on regexp_replace(strip_accents(lower(value)), '[^a-z0-9]', '', 'g') = countries.country_name
    where value <> ''
    group by system, object, value
"""

_STAGES = f"""
    select system, object, 'stage' as field, value, sum(records)::bigint as records,
        {{'won': sum(won)::bigint, 'lost': sum(lost)::bigint, 'open': sum(still)::bigint}} as details
    from (
        select system, object, trim(stage) as value, {_COUNTED} as records,
            case when is_won then 1 else 0 end as won,
            case when is_closed and not coalesce(is_won, false) then 1 else 0 end as lost,
            case when is_closed or is_won then 0 else 1 end as still
        from intermediate.int_opportunity_records_unioned
        union all
        select changes.system, records.object, trim(changes.stage), 0, 0, 0, 0
        from intermediate.int_opportunity_changes_unioned as changes
        inner join (select distinct system, object from intermediate.int_opportunity_records_unioned) as records
            on changes.system = records.system
    )
    where value <> ''
    group by system, object, value
"""

_DEAL_FIELDS = ("type", "loss_reason", "competitor", "forecast_category", "lead_source")

_DEALS = f"""
    select system, object, field, value, sum(records)::bigint as records, null as details
    from (
        unpivot (
            select system, object, {", ".join(f"trim({name}) as {name}" for name in _DEAL_FIELDS)},
                {_COUNTED} as records
            from (
                select * exclude (opportunity_type, original_type), original_type as type
                from intermediate.int_opportunity_records_unioned
            )
        ) on {", ".join(_DEAL_FIELDS)} into name field value value
    )
    where value <> ''
    group by all
"""

_CURRENCIES = """
    select system, object, 'currency' as field, upper(trim(currency)) as value, count(*) as records, null as details
    from (
        select system, object, currency from intermediate.int_opportunity_records_unioned
        union all
        select system, object, currency from intermediate.int_campaign_records_unioned
        union all
        select system, object, currency from intermediate.int_ad_spend_records_unioned
        union all
        select system, object, currency from intermediate.int_product_records_unioned
    )
    where trim(currency) <> ''
    group by all
"""

_KINDS = """
    select system, object, 'activity' as field, source_value as value, sum(activity_records)::bigint as records,
        {'type': min(activity_type), 'weight': min(weight)::varchar, 'team': min(team)} as details
    from intermediate.int_activity_kinds
    group by system, object, source_value
"""

_OUTCOMES = """
    select system, object, 'outcome' as field, outcome as value, sum(activity_records)::bigint as records,
        {'is_touch': bool_or(is_human_touch)} as details
    from intermediate.int_activity_kinds
    where outcome <> '' and team = 'sales'
    group by system, object, outcome
"""

# What sales did needs no source; what marketing did without any is counted under an empty one.
_CHANNELS = """
    select records.system, records.object, 'source / medium' as field,
        coalesce(records.source, '(no source)') || ' / ' || coalesce(records.medium, '(no medium)') as value,
        count(*) as records, {'channels': list_sort(list(distinct channels.channel))} as details
    from intermediate.int_activity_records_unioned as records
    inner join (
        select distinct system, object, source_value, team
        from intermediate.int_activity_kinds
        where is_touch or not is_mapped
    ) as kinds
        on records.system = kinds.system and records.object = kinds.object
            and coalesce(records.source_value, '') = kinds.source_value
    inner join intermediate.int_activity_channels as channels
        on records.system = channels.system
            and coalesce(records.source, '') = channels.source
            and coalesce(records.medium, '') = channels.medium
            and coalesce(records.campaign, '') = channels.campaign
            and coalesce(records.campaign_record_id, '') = channels.campaign_record_id
    where kinds.team = 'marketing'
    group by records.system, records.object, records.source, records.medium
"""

_CAMPAIGNS = """
    select records.system, records.object, 'campaign' as field, trim(records.campaign_name) as value,
        count(*) as records, {'channels': list_sort(list(distinct channels.channel))} as details
    from intermediate.int_campaign_records_unioned as records
    inner join intermediate.int_activity_channels as channels
        on records.system = channels.system
            and coalesce(records.channel, '') = channels.source
            and channels.medium = ''
            and coalesce(records.campaign_name, '') = channels.campaign
            and records.record_id = channels.campaign_record_id
    where trim(records.campaign_name) <> ''
    group by all
    union all by name
    select spend.system, spend.object, 'platform' as field, trim(spend.platform) as value, count(*) as records,
        {'channels': list_sort(list(distinct channels.channel))} as details
    from intermediate.int_ad_spend_records_unioned as spend
    inner join intermediate.int_activity_channels as channels
        on spend.system = channels.system
            and coalesce(spend.platform, '') = channels.source
            and channels.medium = ''
            and coalesce(spend.campaign_name, '') = channels.campaign
            and coalesce(spend.campaign_record_id, '') = channels.campaign_record_id
    where trim(spend.platform) <> ''
    group by all
"""

_CONTENT = """
    select coalesce(content.system, '*') as system, coalesce(content.object, '*') as object, 'content' as field,
        coalesce(content.content_id, used.content_id) as value, coalesce(used.records, 0) as records,
        {'job': content.job, 'team': content.team} as details
    from (
        select min(system) as system, min(object) as object, trim(content_id) as content_id, max(job) as job,
            max(team) as team
        from intermediate.int_content_records_unioned
        where not coalesce(is_deleted, false)
        group by trim(content_id)
    ) as content
    full outer join (
        select trim(content_id) as content_id, count(*) as records
        from intermediate.int_activity_records_unioned
        where trim(content_id) <> ''
        group by trim(content_id)
    ) as used on content.content_id = used.content_id
"""

_USERS = """
    select system, object, 'owner' as field, record_id as value, 1 as records,
        {'team': max(trim(team)), 'role': max(trim(role)), 'region': max(trim(region)), 'is_user': true} as details
    from intermediate.int_user_records_unioned
    where not coalesce(is_deleted, false) and not coalesce(is_queue, false)
    group by system, object, record_id
    union all by name
    select owned.system, owned.object, 'owner' as field, owned.owner_record_id as value, count(*) as records,
        {'team': null, 'role': null, 'region': null, 'is_user': false} as details
    from (
        select system, object, owner_record_id from intermediate.int_person_records_unioned
        union all
        select system, object, owner_record_id from intermediate.int_opportunity_records_unioned
    ) as owned
    anti join intermediate.int_user_records_unioned as users
        on owned.system = users.system and owned.owner_record_id = users.record_id
    where trim(owned.owner_record_id) <> ''
    group by all
"""

_DOMAINS = """
    select lower(split_part(trim(users.email), '@', 2)) as domain, count(*) as users
    from intermediate.int_user_records_unioned as users
    anti join definitions.free_mail_domains as free on lower(split_part(trim(users.email), '@', 2)) = free.domain
    where users.email like '%_@_%._%'
    group by 1
    order by 1
"""

# Rows that say when they were changed are never after the build's now; those that do not may be.
_LAST_DAY = """
    select max(moment) from (
        select max(created_at) as moment from intermediate.int_person_records_unioned
        where modified_at is null and created_at <= $today
        union all
        select max(created_at) from intermediate.int_opportunity_records_unioned
        where modified_at is null and created_at <= $today
        union all
        select max(cast(close_date as timestamp)) from intermediate.int_opportunity_records_unioned
        where modified_at is null and is_closed and close_date <= $today
        union all
        select max(occurred_at) from intermediate.int_activity_records_unioned
        where modified_at is null and not coalesce(is_planned, false) and occurred_at <= $today
    )
"""


def _look(connection: duckdb.DuckDBPyConnection, landing: LandingReport, has_own_now: bool) -> Profile:
    found = [
        Found(system, place, name, value, int(records), details or {})
        for query in (
            *(_PEOPLE, _COUNTRIES, _STAGES, _DEALS, _CURRENCIES, _KINDS, _OUTCOMES),
            *(_CHANNELS, _CAMPAIGNS, _CONTENT, _USERS),
        )
        for system, place, name, value, records, details in _rows(connection, query)
    ]
    today = datetime.now(UTC).replace(tzinfo=None)
    ((last_day,),) = connection.execute(_LAST_DAY, {"today": today}).fetchall()
    return Profile(
        found=tuple(sorted(found, key=lambda each: (each.system, each.object, each.field, each.value))),
        landing=landing,
        last_day=last_day,
        has_own_now=has_own_now and (last_day is None or last_day <= landing.as_of),
        crm_systems=frozenset(_column(connection, "select distinct system from intermediate.int_crm_systems_in_use")),
        user_domains=tuple(_column(connection, _DOMAINS)),
        currencies_with_rate=frozenset(_column(connection, "select distinct currency from intermediate.int_fx_rates")),
        people=frozenset(_column(connection, _NAMES)),
        held=tuple(connection.execute(_HELD).fetchall()),
    )


# Enough to know a name again wherever it stands in a text, in either order of its parts.
_NAMES = """
    select distinct lower(trim(first_name)) || ' ' || lower(trim(last_name))
    from intermediate.int_person_records_unioned
    where length(trim(first_name)) > 1 and length(trim(last_name)) > 1
    union
    select lower(trim(user_name)) from intermediate.int_user_records_unioned where trim(user_name) like '% %'
"""


_HELD = """
    select system || '.' || object, rule, owner, rows_held
    from audit.quarantine_counts
    order by rows_held desc, 1, 2
"""


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return connection.execute(
        f"select system, object, field, value, records, details from ({query}) order by 1, 2, 3, 4"
    ).fetchall()


def _column(connection: duckdb.DuckDBPyConnection, query: str) -> list[Any]:
    return [row[0] for row in connection.execute(query).fetchall()]
