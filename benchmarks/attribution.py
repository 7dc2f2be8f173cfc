"""All credit models over many touches, beside a scan and a sort of the same touches and beside a package for the same.

The touches are invented: accounts with two people and some twenty touches over half a year on twenty channels; six
accounts in a hundred come to an accepted opportunity, half of those to a win. What runs is the project's own models:
the SQL as dbt compiles it, from the touches on, and the two Python models. Each way has a process of its own.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb

from benchmarks import compiled
from benchmarks.processes import BenchmarkError, Usage, measure
from orchestration.settings import PROJECT_ROOT

# The package as delivered, and by how near its removal effects come to the exact ones: its settings for that. As
# delivered a simulated path ends after as many steps as the longest journey has, which is an error that no number of
# paths mends; of the settings tried these are the cheapest. Ten times as near takes a hundred times as many paths.
PEERS: dict[str, tuple[float | None, dict[str, int]]] = {
    "peer": (None, {}),
    "peer_near": (0.01, {"nsim_start": 4_000_000, "max_step": 1_000}),
    "peer_nearer": (0.003, {"nsim_start": 40_000_000, "max_step": 1_000}),
}
WAYS = ("scan", "sort", "models", "day", *PEERS)
MEMORY_LIMIT = "2500MB"
THREADS = 2
SQL_MODELS = ("int_party_touches", "int_journey_touches", "int_channel_transitions")
LOOKUPS, EFFECTS, CREDITS = "int_conversion_lookups", "int_channel_removal_effects", "int_touch_credits"
MODELS = (*SQL_MODELS, EFFECTS, LOOKUPS, CREDITS)
# What a day brings: as much of all touches, and one in so many accounts comes to an opportunity.
NEW_TOUCHES, CONVERTING = 0.003, 1800
CHANNELS = [
    "direct", "organic_search", "paid_search", "organic_social", "paid_social", "display", "email", "referral",
    "partner", "events", "webinar", "content", "direct_mail", "product", "sales", "podcast", "community", "affiliate",
    "video", "(unmapped)",
]  # fmt: skip
_AS_OF = "timestamp '2026-06-30 00:00:00'"


@dataclass(frozen=True)
class AttributionRun:
    """One way over the touches once.

    Attributes:
        usage: of the whole process.
        seconds: of the work alone, without opening, reading agreed tables, or making paths for the package.
        processor_seconds: of the same work.
        steps: seconds by step.
        error: greatest difference of a removal effect to the exact one, where the way has removal effects.
        figures: what the way found, to be compared.
    """

    usage: Usage
    seconds: float
    processor_seconds: float
    steps: dict[str, float]
    error: float | None
    figures: dict[str, Any]


def prepare(folder: Path, touches: int) -> Path:
    """Write the inputs of the models into a DuckDB file: `touches` touches, people, conversions, agreed tables."""
    path = folder / str(touches) / "touches.duckdb"
    if path.exists():
        return path
    draft = path.with_name("draft.duckdb")
    draft.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _opened(draft, path.parent) as connection:
        for schema in ("staging", "intermediate", "definitions"):
            connection.execute(f"create schema {schema}")
        connection.execute(
            f"create table staging.stg_concord__build_context as select {_AS_OF} as as_of, 1 as build_number"
        )
        for name in ("attribution_models", "attribution_parameters"):
            connection.execute(
                f"create table definitions.{name} as"
                f" select * from read_csv('{PROJECT_ROOT / 'seeds' / name}.csv', nullstr = '')"
            )
        people = max(touches // 10, 10)
        connection.execute(
            f"""
            create table intermediate.int_people as
            select md5('person' || i) as person_id,
                'salesforce:001NW' || lpad(cast(i // 2 as varchar), 10, '0') as account_id
            from range({people}) as numbers (i)
            """
        )
        connection.execute(
            f"create table intermediate.int_activities as {_touches(0, touches, people, '2026-01-02', 179)}"
        )
        connection.execute(f"create table intermediate.int_conversions as {_conversions(people, 'i % 100 < 6')}")
    draft.rename(path)
    return path


def _touches(first: int, end: int, people: int, since: str, days: int) -> str:
    """SQL of the touches of those numbers, of `people` people, on days from `since` on."""
    listed = ", ".join(f"'{channel}'" for channel in CHANNELS)
    return f"""
        select
            'web_analytics:sessions:' || lpad(cast(i as varchar), 12, '0') as activity_id,
            md5('person' || person) as person_id,
            'salesforce:001NW' || lpad(cast(person // 2 as varchar), 10, '0') as account_id,
            'salesforce:701NW' || lpad(cast(spread % 400 as varchar), 6, '0') as campaign_id,
            case when spread % 3 = 0 then 'content-' || (spread % 300) end as content_id,
            case when spread % 50 = 0 then 'salesforce:006NW' || (spread % 90000) end as opportunity_id,
            case when spread % 9 = 0 then 'salesforce:005NW' || (spread % 60) end as rep_id,
            'web_analytics' as system,
            'sessions' as object,
            lpad(cast(i as varchar), 12, '0') as record_id,
            case when spread % 4 = 0 then 'ad_click' else 'session' end as activity_type,
            [{listed}][1 + cast(hash(i, 2) % (1 + hash(i, 3) % {len(CHANNELS)}) as integer)] as channel,
            case when spread % 9 = 0 then 'sales' else 'marketing' end as team,
            'inbound' as direction,
            spread % 2 = 0 as is_response,
            false as is_hand_raise,
            spread % 9 = 0 as is_human_touch,
            true as is_touch,
            timestamp '{since}' + to_seconds(hash(i, 1) % {days * 86400}) as occurred_at
        from (
            select i, hash(i, 4) % {people} as person, hash(i, 5) as spread from range({first}, {end}) as numbers (i)
        )
    """


def _conversions(
    people: int, accounts: str, at: str = "timestamp '2026-02-15' + to_seconds(hash(i, 6) % 8640000)"
) -> str:
    """SQL of what the accounts of that condition converted to, an acceptance each and half of them a win."""
    return f"""
        with accounts as (
            select i, 'salesforce:001NW' || lpad(cast(i as varchar), 10, '0') as account_id, {at} as sqo_at,
                1 + hash(i, 7) % 9000000 as cents
            from range({people // 2}) as numbers (i) where {accounts}
        ),
        moments as (
            select 'sqo' as conversion_type, sqo_at as converted_at, null::timestamp as close_at, * from accounts
            union all
            select 'won', sqo_at + interval 30 day, sqo_at + interval 30 day, * from accounts where i % 2 = 0
        )
        select conversion_type || ':' || account_id as conversion_id, account_id as party_id, conversion_type,
            cast(cents * 0.01 as decimal(18, 2)) as value, sqo_at - interval 20 day as lead_at,
            sqo_at as opportunity_at, close_at, converted_at
        from moments
    """


def run(way: str, path: Path) -> AttributionRun:
    """Go one way in a process of its own.

    Raises:
        BenchmarkError: it failed.
    """
    usage, output = measure([sys.executable, "-m", "benchmarks.attribution", way, str(path)], os.environ, PROJECT_ROOT)
    try:
        said = json.loads(output.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise BenchmarkError(f"{way} said nothing that can be read: {output[-1000:]}") from None
    return AttributionRun(
        usage,
        sum(said["steps"].values()),
        said["processor_seconds"],
        said["steps"],
        said.get("error"),
        said["figures"],
    )


def without_order(run: AttributionRun) -> float:
    """Seconds of the models once touches are in order and counted: nearest to what the package is given."""
    return sum(seconds for step, seconds in run.steps.items() if step not in SQL_MODELS)


class _Dbt:
    """What the Python models ask of dbt: their inputs."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def config(self, **_: Any) -> None:
        """Nothing to configure here."""

    def ref(self, name: str) -> duckdb.DuckDBPyRelation:
        """The table of a model or of an agreed table."""
        schema = {"attribution_models": "definitions", "stg_concord__build_context": "staging"}.get(
            name, "intermediate"
        )
        return self._connection.table(f"{schema}.{name}")


def compile_models(folder: Path) -> None:
    """Write the SQL of the models, as dbt compiles it for a file `touches.duckdb`, into the folder.

    Below `day` goes that of the model which is another one where a build adds to the last one.
    """
    compiled.compile_models(folder, (*SQL_MODELS, LOOKUPS), "touches.duckdb")
    before = folder / "day" / "compiled" / "touches.duckdb"
    before.parent.mkdir(parents=True, exist_ok=True)
    before.unlink(missing_ok=True)
    # All that tells dbt of a last build: when it was, and that the model was built.
    with duckdb.connect(str(before)) as connection:
        connection.execute(
            f"""
            create schema audit;
            create table audit.build_context as
                select {_AS_OF} + interval 1 day as as_of, 2 as build_number, {_AS_OF} as previous_as_of;
            create schema intermediate;
            create table intermediate.{LOOKUPS} (lookup_kind varchar, lookup_key varchar);
            """
        )
    compiled.compile_models(folder / "day", (LOOKUPS,), "touches.duckdb")


def _model(name: str) -> ModuleType:
    path = PROJECT_ROOT / "models" / "intermediate" / "attribution" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _opened(path: Path, folder: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(
        str(path), config={"threads": THREADS, "memory_limit": MEMORY_LIMIT, "temp_directory": str(folder / "spill")}
    )
    connection.execute("set TimeZone = 'UTC'; set preserve_insertion_order = false; set enable_progress_bar = false")
    return connection


class _Clock:
    def __init__(self) -> None:
        self.steps: dict[str, float] = {}
        self.processor_seconds = 0.0

    def __call__(self, name: str, work: Callable[[], Any]) -> Any:
        began, spent = time.monotonic(), time.process_time()
        result = work()
        self.steps[name] = time.monotonic() - began
        self.processor_seconds += time.process_time() - spent
        return result

    def read(self) -> dict[str, Any]:
        """What it showed."""
        return {"steps": self.steps, "processor_seconds": self.processor_seconds}


def go(way: str, path: Path) -> dict[str, Any]:
    """Go one way over the touches, in this process."""
    clock = _Clock()
    with _opened(path, path.parent) as connection:
        if way == "scan":
            found = clock(
                "scan", lambda: connection.execute(
                    "select sum(hash(columns_of)) from intermediate.int_activities as columns_of"
                ).fetchall()
            )  # fmt: skip
            return {**clock.read(), "figures": {"sum": str(found[0][0])}}
        if way == "sort":
            clock(
                "sort", lambda: connection.execute(
                    "create or replace temp table sorted as select * from intermediate.int_activities"
                    " order by person_id, occurred_at, activity_id"
                )
            )  # fmt: skip
            return {**clock.read(), "figures": {}}
        if way == "models":
            return _models(connection, path, clock)
        if way == "day":
            return _day(connection, path, clock)
        return _peer(connection, clock, *PEERS[way])


def _models(connection: duckdb.DuckDBPyConnection, path: Path, clock: _Clock) -> dict[str, Any]:
    """Everything from the touches on, as a build that is made anew computes it."""
    _prepare_imports()
    sql_of = compiled.read_compiled(path.parent.parent)
    for name in MODELS:
        clock(name, lambda n=name: _build(connection, n, sql_of.get(n)))
    figures = clock("channel sums", lambda: _sums(connection))
    _check(connection, figures)
    return {**clock.read(), "error": 0.0, "figures": figures}


def _day(connection: duckdb.DuckDBPyConnection, path: Path, clock: _Clock) -> dict[str, Any]:
    """One more day on top of what `models` left behind, which is there again afterwards."""
    _prepare_imports()
    sql_of = compiled.read_compiled(path.parent.parent)
    sql_of |= {f"{LOOKUPS}, the day": compiled.read_compiled(path.parent.parent / "day")[LOOKUPS]}
    ((touches,),) = connection.execute("select count(*) from intermediate.int_activities").fetchall()
    ((people,),) = connection.execute("select count(*) from intermediate.int_people").fetchall()
    connection.execute("begin")
    connection.execute(
        "insert into intermediate.int_activities "
        + _touches(touches, touches + round(touches * NEW_TOUCHES), people, "2026-06-30", 1)
    )
    connection.execute(
        "insert into intermediate.int_conversions "
        + _conversions(people, f"i % {CONVERTING} = 7", f"{_AS_OF} + to_seconds(hash(i, 6) % 86400)")
        + " where converted_at <= timestamp '2026-07-01'"
    )
    connection.execute("update staging.stg_concord__build_context set as_of = as_of + interval 1 day, build_number = 2")
    connection.execute("alter table intermediate.int_touch_credits rename to kept_credits")
    for name in (*SQL_MODELS, EFFECTS):
        clock(name, lambda n=name: _build(connection, n, sql_of.get(n)))
    clock(LOOKUPS, lambda: _remember(connection, sql_of[f"{LOOKUPS}, the day"]))
    clock(CREDITS, lambda: _build(connection, CREDITS, None))
    clock("credit replaced", lambda: _replace_credit(connection))
    figures = clock("channel sums", lambda: _sums(connection, "kept_credits"))
    _check(connection, figures)
    counted = dict(
        connection.execute(
            "select model = 'markov', count(*) from intermediate.int_touch_credits group by all"
        ).fetchall()
    )
    ((kept,),) = connection.execute("select count(*) from intermediate.kept_credits").fetchall()
    connection.execute("rollback")
    told = {"credit by removal effects": counted[True], "other credit": counted[False], "all credit": kept}
    return {**clock.read(), "error": 0.0, "figures": figures | told}


def _prepare_imports() -> None:
    # What the models import is there before the clock, as it is for the package.
    import pandas  # noqa: F401
    import pyarrow.compute  # noqa: F401


def _build(connection: duckdb.DuckDBPyConnection, name: str, sql: str | None) -> None:
    """Make one table anew: from its SQL, or with its Python model."""
    if sql is not None:
        connection.execute(f"create or replace table intermediate.{name} as {sql}")
        return
    connection.register("found", _model(name).model(_Dbt(connection), connection))
    connection.execute(f"create or replace table intermediate.{name} as select * from found")
    connection.unregister("found")


def _remember(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """What dbt does with the lookups that changed: those of before go, these come."""
    connection.execute(f"create or replace temp table found_changed as {sql}")
    connection.execute(
        f"delete from intermediate.{LOOKUPS} where (lookup_kind, lookup_key) in"
        " (select (lookup_kind, lookup_key) from found_changed)"
    )
    connection.execute(f"insert into intermediate.{LOOKUPS} by name select * from found_changed")


def _replace_credit(connection: duckdb.DuckDBPyConnection) -> None:
    """What fct_credits does before it takes in the credit of the build."""
    changed = f"select lookup_key from intermediate.{LOOKUPS} where changed_in = 2 and lookup_kind = "
    connection.execute(
        f"delete from intermediate.kept_credits where conversion_id in ({changed} 'conversion') or model = 'markov'"
        " and conversion_id in (select conversion_id from intermediate.int_conversions"
        f" where conversion_type in ({changed} 'removal_effects'))"
    )
    connection.execute(f"insert into intermediate.kept_credits select * from intermediate.{CREDITS}")


def _sums(connection: duckdb.DuckDBPyConnection, credits: str = CREDITS) -> dict[str, int]:
    """Cents by type of conversion and model, added up over channels."""
    found = connection.execute(
        f"""
        select conversions.conversion_type, credits.model, touches.channel, sum(credits.credit_cents)
        from intermediate.{credits} as credits
        inner join intermediate.int_journey_touches as touches using (conversion_id, touch_number)
        inner join intermediate.int_conversions as conversions using (conversion_id)
        group by all
        """
    ).fetchall()
    figures: dict[str, int] = {}
    for kind, model, _, cents in found:
        figures[f"{kind} {model}"] = figures.get(f"{kind} {model}", 0) + int(cents)
    return figures


def _check(connection: duckdb.DuckDBPyConnection, figures: dict[str, int]) -> None:
    values = dict(
        connection.execute(
            "select conversion_type, cast(sum(value) * 100 as bigint) from intermediate.int_conversions"
            " where conversion_id in (select conversion_id from intermediate.int_journey_touches) group by 1"
        ).fetchall()
    )
    wrong = {name: cents for name, cents in figures.items() if cents != values[name.split()[0]]}
    if wrong or not figures:
        raise BenchmarkError(f"credit is not the value of {values}: {wrong or 'there is none'}")


def _peer(
    connection: duckdb.DuckDBPyConnection, clock: _Clock, wanted: float | None, settings: dict[str, int]
) -> dict[str, Any]:
    """The package on the same journeys, a row a journey; only its own computation is timed, not the making of paths."""
    import warnings

    warnings.simplefilter("ignore")
    import ChannelAttribution

    error = 0.0
    for kind in ("sqo", "won"):
        paths = connection.execute(
            f"""
            with people as (select person_id, account_id from intermediate.int_people),
            converted as (
                select conversion_id, string_agg(channel, ' > ' order by touch_number) as path
                from intermediate.int_journey_touches group by conversion_id
            ),
            last_conversions as (
                select party_id, max(converted_at) as last_at from intermediate.int_conversions
                where conversion_type = '{kind}' group by party_id
            )
            select path, 1 as converted, cast(value as double) as value, 0 as failed
            from converted inner join intermediate.int_conversions using (conversion_id)
            where conversion_type = '{kind}'
            union all
            select string_agg(channel, ' > ' order by occurred_at, activity_id), 0, 0.0, 1
            from intermediate.int_activities inner join people using (person_id)
            left join last_conversions on people.account_id = last_conversions.party_id
            where occurred_at >= {_AS_OF} - interval 180 day
                and occurred_at > coalesce(last_at, timestamp '1900-01-01')
            group by people.account_id
            """
        ).df()
        clock(
            f"{kind}, heuristic models",
            lambda p=paths: ChannelAttribution.heuristic_models(
                p, "path", "converted", var_value="value", sep=">", flg_pro=False
            ),
        )
        found = clock(
            f"{kind}, markov model",
            lambda p=paths: ChannelAttribution.markov_model(
                p, "path", "converted", var_value="value", var_null="failed", sep=">", out_more=True, verbose=False,
                flg_pro=False, ncore=THREADS, **settings,
            ),
        )  # fmt: skip
        exact = dict(
            connection.execute(
                "select channel, removal_effect from intermediate.int_channel_removal_effects"
                " where conversion_type = ?",
                [kind],
            ).fetchall()
        )
        effects = found["removal_effects"]
        for name, effect in zip(effects["channel_name"], effects["removal_effects_conversion"], strict=True):
            error = max(error, abs(float(effect) - exact[name]))
    if wanted is not None and error > wanted:
        raise BenchmarkError(f"{error:.4f} off the exact removal effects; wanted is {wanted}: {settings}")
    return {**clock.read(), "error": error, "figures": {}}


if __name__ == "__main__":
    print(json.dumps(go(sys.argv[1], Path(sys.argv[2]))))
