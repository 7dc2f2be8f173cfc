"""What a build is made of, written into the build file: its number, its now, its definitions and its code."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration.agreed_definitions import Definitions
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

_TABLES = {
    "builds": """
        build_id varchar primary key, build_number bigint not null, started_at timestamp not null,
        published_at timestamp, status varchar not null, as_of timestamp not null, origin varchar not null,
        is_demo boolean not null, definition_version varchar, definitions_hash varchar not null,
        code_hash varchar not null, is_provisional boolean not null, is_full_refresh boolean not null,
        stale_extracts varchar not null""",
    "reported_builds": """
        metric varchar not null, period_month date not null, reported_value decimal(38, 2) not null,
        build_id varchar not null, reported_at timestamp not null, definition_version varchar,
        definitions_hash varchar not null, code_hash varchar not null, is_provisional boolean not null,
        primary key (metric, period_month)""",
    # Builds whose models were all built: the only ones that the next may add to.
    "complete_builds": "build_number bigint primary key",
}


class BuildError(Exception):
    """A build cannot begin on this build file; the message says why and what to do."""


@dataclass(frozen=True)
class BuildContext:
    """One build. `as_of` and `started_at` are naive UTC; the hashes say what code and definitions it runs.

    `is_full_refresh` is set where incremental models may not build on what an earlier build left behind.
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
        )
        connection.begin()
        connection.execute("update audit.builds set status = 'failed' where status = 'building'")
        connection.execute(
            "insert into audit.builds by name select ? as build_id, ? as build_number, ? as started_at,"
            " null as published_at, 'building' as status, ? as as_of, ? as origin, ? as is_demo,"
            " ? as definition_version, ? as definitions_hash, ? as code_hash, ? as is_provisional,"
            " ? as is_full_refresh, ? as stale_extracts",
            [
                context.build_id,
                context.build_number,
                context.started_at,
                context.as_of,
                context.origin,
                context.is_demo,
                context.definition_version,
                context.definitions_hash,
                context.code_hash,
                context.is_provisional,
                context.is_full_refresh,
                ", ".join(context.stale_extracts),
            ],
        )
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
                "select build_id, build_number, started_at, as_of, origin, is_demo, definition_version,"
                " definitions_hash, code_hash, is_provisional, is_full_refresh, stale_extracts"
                " from audit.builds where status = 'building' order by build_number desc limit 1"
            ).fetchall()
    except (duckdb.IOException, duckdb.CatalogException):
        rows = []
    if not rows:
        raise BuildError(f"no build has begun on {build_file}: run the whole main job")
    *values, stale = rows[0]
    return BuildContext(*values, stale_extracts=tuple(name for name in stale.split(", ") if name))


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
        columns = ", ".join(
            name
            for (name,) in connection.execute(
                "select column_name from duckdb_columns() where database_name = current_database()"
                " and schema_name = 'audit' and table_name = 'reported_builds' order by column_index"
            ).fetchall()
        )
        connection.execute(
            f"insert into audit.reported_builds ({columns}) select {columns} from published.audit.reported_builds"
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
