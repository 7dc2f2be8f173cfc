"""What a build is made of, written into the build file: its number, its now, its definitions and its code."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration.agreed_definitions import Definitions
from orchestration.definition_schedule import content_hashes, schedule_hash
from orchestration.settings import Settings

# Whatever decides what the marts and the published file hold beside rows, definitions and as_of.
_CODE = (
    "models",
    "macros",
    "expectations/contracts",
    "dbt_project.yml",
    "requirements.lock",
    "orchestration/metric_tables.py",
    *(f"orchestration/publishing/{name}.py" for name in ("audit", "publish", "reported", "tables", "visibility")),
)

RESTATEMENT_COLUMNS = """
    metric varchar not null, period_month date not null, build_id varchar not null, cause varchar not null,
    causes varchar not null, evidence varchar not null, reported_value decimal(38, 2) not null,
    previous_value decimal(38, 2) not null, current_value decimal(38, 2) not null,
    difference decimal(38, 2) not null, reported_build_id varchar not null, previous_build_id varchar,
    restated_at timestamp not null, primary key (metric, period_month, build_id, cause)"""
_TABLES = {
    "builds": """
        build_id varchar primary key, build_number bigint not null, started_at timestamp not null,
        published_at timestamp, status varchar not null, as_of timestamp not null, origin varchar not null,
        is_demo boolean not null, definition_version varchar, definitions_hash varchar not null,
        code_hash varchar not null, is_provisional boolean not null, is_full_refresh boolean not null,
        stale_extracts varchar not null, schedule_hash varchar, last_load_number bigint""",
    "reported_builds": """
        metric varchar not null, period_month date not null, reported_value decimal(38, 2) not null,
        build_id varchar not null, reported_at timestamp not null, definition_version varchar,
        definitions_hash varchar not null, code_hash varchar not null, is_provisional boolean not null,
        primary key (metric, period_month)""",
    "restatements": RESTATEMENT_COLUMNS,
    # Builds whose models were all built: the only ones that the next may add to.
    "complete_builds": "build_number bigint primary key",
    # What each version says in the definitions of the present build: a replay of other words is stale.
    "version_contents": "version varchar primary key, content_hash varchar not null",
}
_CONTEXT_COLUMNS = (
    "build_id, build_number, started_at, as_of, origin, is_demo, definition_version, definitions_hash, code_hash,"
    " is_provisional, is_full_refresh, stale_extracts, schedule_hash, last_load_number"
)
# Columns that build files of earlier releases lack.
_ADDED = {"builds": {"schedule_hash": "varchar", "last_load_number": "bigint"}}


class BuildError(Exception):
    """A build cannot begin on this build file; the message says why and what to do."""


@dataclass(frozen=True)
class BuildContext:
    """One build. `as_of` and `started_at` are naive UTC; the hashes say what code and definitions it runs.

    `is_full_refresh` is set where incremental models may not build on what an earlier build left behind.
    `schedule_hash` covers only what decides figures: no proposals, signatures or notes. `last_load_number` is the
    newest load that the build saw.
    """

    build_id: str
    build_number: int
    started_at: datetime
    as_of: datetime
    origin: str
    is_demo: bool
    definition_version: str | None
    definitions_hash: str
    code_hash: str
    is_provisional: bool
    is_full_refresh: bool
    stale_extracts: tuple[str, ...] = ()
    schedule_hash: str | None = None
    last_load_number: int | None = None

    @property
    def marks(self) -> str:
        """What every page and table comment of the build begins with; empty for a signed, real build."""
        marks = [mark for mark, holds in (("PROVISIONAL", self.is_provisional), ("DEMO", self.is_demo)) if holds]
        return f"[{', '.join(marks)}] " if marks else ""


def check_origin(settings: Settings) -> None:
    """Refuse to mix the demo with a company's extracts, or two demos, in one warehouse.

    Raises:
        BuildError: the build file was made from something else.
    """
    if not settings.build_file.exists():
        return
    with duckdb.connect(str(settings.build_file), read_only=True) as connection:
        if not _exists(connection, "builds"):
            return
        origins = connection.execute("select distinct origin from audit.builds").fetchall()
    for (origin,) in origins:
        if origin != settings.origin:
            raise BuildError(
                f"{settings.warehouse} was built from {origin}, this run is from {settings.origin}: rows of the two"
                " would mix. Choose another CONCORD_WAREHOUSE, or delete that folder if nothing in it is needed."
            )


def begin_build(
    settings: Settings,
    definitions: Definitions,
    *,
    as_of: datetime,
    stale_extracts: Iterable[str] = (),
    started_at: datetime | None = None,
) -> BuildContext:
    """Number a new build, decide how it builds, and write its context for dbt (audit.build_context).

    Raises:
        BuildError: the build file was made from another origin.
    """
    check_origin(settings)
    settings.private.mkdir(parents=True, exist_ok=True)
    started_at = started_at or datetime.now(UTC).replace(tzinfo=None)
    code = code_hash(settings.project)
    version = definitions.in_force(as_of)
    with duckdb.connect(str(settings.build_file)) as connection:
        prepare_tables(connection)
        adopt_published(connection, settings.published)
        last = connection.execute(
            "select build_number, status = 'published' and code_hash = ? and definitions_hash = ? and as_of <= ?"
            " and build_number in (select build_number from audit.complete_builds), as_of"
            " from audit.builds order by build_number desc limit 1",
            [code, definitions.content_hash, as_of],
        ).fetchall()
        number, is_continued, previous_as_of = last[0] if last else (0, False, None)
        context = BuildContext(
            build_id=f"{started_at:%Y%m%dT%H%M%S}-{number + 1:06d}",
            build_number=number + 1,
            started_at=started_at,
            as_of=as_of,
            origin=settings.origin,
            is_demo=settings.is_demo,
            definition_version=version.version if version else None,
            definitions_hash=definitions.content_hash,
            code_hash=code,
            is_provisional=version is None or bool(definitions.unsigned(as_of)),
            is_full_refresh=not is_continued,
            stale_extracts=tuple(sorted(stale_extracts)),
            schedule_hash=schedule_hash(definitions.tables, as_of),
            last_load_number=_last_load_number(connection),
        )
        connection.begin()
        connection.execute("update audit.builds set status = 'failed' where status = 'building'")
        _insert_build(connection, context)
        write_version_contents(connection, definitions)
        connection.execute(
            "create or replace table audit.build_context as select ?::timestamp as as_of, ?::boolean as is_demo,"
            " ?::varchar as build_id, ?::bigint as build_number, ?::timestamp as previous_as_of",
            [
                context.as_of,
                context.is_demo,
                context.build_id,
                context.build_number,
                previous_as_of if is_continued else None,
            ],
        )
        connection.commit()
    return context


def begin_republication(settings: Settings, definitions: Definitions) -> BuildContext:
    """Number a build that publishes what the last published one has built once more, with what was added beside it.

    Raises:
        BuildError: the last build was not published, or did not build every model.
    """
    with duckdb.connect(str(settings.build_file)) as connection:
        last = last_build(connection)
        if last is None:
            raise BuildError(f"{settings.build_file} has no published build: run `make run` first")
        started_at = datetime.now(UTC).replace(tzinfo=None)
        context = replace(
            last,
            build_id=f"{started_at:%Y%m%dT%H%M%S}-{last.build_number + 1:06d}",
            build_number=last.build_number + 1,
            started_at=started_at,
            is_full_refresh=False,
        )
        connection.begin()
        _insert_build(connection, context)
        connection.execute("insert into audit.complete_builds values (?)", [context.build_number])
        write_version_contents(connection, definitions)
        connection.commit()
    return context


def take_back(build_file: Path, build: BuildContext) -> None:
    """Forget a republication that failed: what the build before it built stands, and the next may add to that."""
    with duckdb.connect(str(build_file)) as connection:
        connection.begin()
        connection.execute("delete from audit.complete_builds where build_number = ?", [build.build_number])
        connection.execute("delete from audit.builds where build_id = ? and status = 'building'", [build.build_id])
        connection.commit()


def last_build(connection: duckdb.DuckDBPyConnection) -> BuildContext | None:
    """The newest build of a build file, if it was published and built every model; None else."""
    if not _exists(connection, "builds") or not _exists(connection, "complete_builds"):
        return None
    rows = connection.execute(
        f"select {_CONTEXT_COLUMNS} from audit.builds where build_number = (select max(build_number) from audit.builds)"
        " and status = 'published' and build_number in (select build_number from audit.complete_builds)"
    ).fetchall()
    return _context(rows[0]) if rows else None


def _context(row: tuple) -> BuildContext:
    values = dict(zip(_CONTEXT_COLUMNS.split(", "), row, strict=True))
    values["stale_extracts"] = tuple(name for name in values["stale_extracts"].split(", ") if name)
    return BuildContext(**values)


def _insert_build(connection: duckdb.DuckDBPyConnection, context: BuildContext) -> None:
    columns = _CONTEXT_COLUMNS.split(", ")
    values = {name: getattr(context, name) for name in columns} | {"stale_extracts": ", ".join(context.stale_extracts)}
    connection.execute(
        f"insert into audit.builds ({_CONTEXT_COLUMNS}, status) values ({', '.join('?' * len(columns))}, 'building')",
        [values[name] for name in columns],
    )


def write_version_contents(connection: duckdb.DuckDBPyConnection, definitions: Definitions) -> None:
    """Note what each version says now."""
    connection.execute("delete from audit.version_contents")
    for version, content in content_hashes(definitions.tables).items():
        connection.execute("insert into audit.version_contents values (?, ?)", [version, content])


def _last_load_number(connection: duckdb.DuckDBPyConnection) -> int | None:
    found = connection.execute(
        "select 1 from duckdb_columns() where schema_name = 'audit' and table_name = 'loads'"
        " and column_name = 'load_number' and database_name = current_database()"
    ).fetchall()
    if not found:
        return None
    ((number,),) = connection.execute("select max(load_number)::bigint from audit.loads").fetchall()
    return number


def note_models_built(build_file: Path) -> None:
    """Note that every model of the build in the making was built, so that the next build may add to them."""
    with duckdb.connect(str(build_file)) as connection:
        prepare_tables(connection)
        connection.execute(
            "insert into audit.complete_builds select build_number from audit.build_context on conflict do nothing"
        )


def current_build(build_file: Path) -> BuildContext:
    """The build in the making.

    Raises:
        BuildError: none has begun on this file.
    """
    try:
        with duckdb.connect(str(build_file), read_only=True) as connection:
            rows = connection.execute(
                f"select {_CONTEXT_COLUMNS} from audit.builds where status = 'building'"
                " order by build_number desc limit 1"
            ).fetchall()
    except (duckdb.IOException, duckdb.CatalogException):
        rows = []
    if not rows:
        raise BuildError(f"no build has begun on {build_file}: run the whole main job")
    return _context(rows[0])


def mark_published(build_file: Path, published: Path) -> None:
    """Note in the build file what the published file says of its builds and reported figures."""
    with duckdb.connect(str(build_file)) as connection:
        prepare_tables(connection)
        adopt_published(connection, published)


def prepare_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of this module where they are missing."""
    connection.execute("create schema if not exists audit")
    for name, columns in _TABLES.items():
        connection.execute(f"create table if not exists audit.{name} ({columns})")
    for name, added in _ADDED.items():
        for column, data_type in added.items():
            connection.execute(f"alter table audit.{name} add column if not exists {column} {data_type}")


def adopt_published(connection: duckdb.DuckDBPyConnection, published: Path) -> None:
    """Take over what was really published, so that a writer killed between publishing and noting it lies to nobody."""
    if not published.exists():
        return
    path = str(published.resolve()).replace("'", "''")
    connection.execute(f"attach '{path}' as published (read_only)")
    try:
        connection.begin()
        connection.execute(
            "update audit.builds set status = 'published', published_at = there.published_at"
            " from published.audit.builds as there"
            " where builds.build_id = there.build_id and builds.status <> 'published'"
        )
        for table in ("reported_builds", "restatements"):
            ours, theirs = (
                [
                    name
                    for (name,) in connection.execute(
                        "select column_name from duckdb_columns() where schema_name = 'audit' and table_name = ?"
                        f" and database_name = {database} order by column_index",
                        [table],
                    ).fetchall()
                ]
                for database in ("current_database()", "'published'")
            )
            columns = ", ".join(ours)
            # A file of an earlier release kept no single changes.
            if set(ours) <= set(theirs):
                connection.execute(
                    f"insert into audit.{table} ({columns}) select {columns} from published.audit.{table}"
                    " on conflict do nothing"
                )
        connection.commit()
    finally:
        connection.execute("detach published")


def code_hash(project: Path) -> str:
    """The hash of everything in the project that decides what the marts hold."""
    return hash_files(project, _CODE)


def hash_files(root: Path, places: Iterable[str]) -> str:
    """One sha256 over the names and contents of files and of all files below folders, in a fixed order."""
    digest = hashlib.sha256()
    for place in places:
        path = root / place
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in files:
            if "__pycache__" in file.parts or not file.exists():
                continue
            content = file.read_bytes()
            digest.update(f"{file.relative_to(root).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


def _exists(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    found = connection.execute(
        "select count(*) from duckdb_tables() where schema_name = 'audit' and table_name = ?"
        " and database_name = current_database()",
        [table],
    ).fetchall()
    return bool(found[0][0])
