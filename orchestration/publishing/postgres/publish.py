"""Publish a file into PostgreSQL: load its tables beside the old ones, turn the views, drop what is too old."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.dsn import PostgresDsn
from orchestration.publishing.postgres.schemas import BUILDS, prepare_schemas
from orchestration.publishing.postgres.server import (
    DEPENDENTS_EXIST,
    LOCK_NOT_AVAILABLE,
    PostgresError,
    Server,
    identifier,
    literal,
)
from orchestration.publishing.postgres.shape import BuildRow, TableShape, indexes_of, read_build, read_shapes
from orchestration.publishing.postgres.views import (
    current_publication,
    plan_views,
    read_tables,
    registered_views,
    settle_views,
    switch_views,
    turn_views,
)
from orchestration.publishing.tables import PublishedTable

KEPT_PUBLICATIONS = 2
_BATCH_ROWS = 50_000
_READING_MEMORY = "256MB"
_LOCK_KEY = int.from_bytes(b"concord", "big")
_LOCK_SECONDS = 30.0
_SNAPSHOT_SECONDS = 5.0
_SWITCH_SECONDS = 60.0
_DROP_MILLISECONDS = 200
_PROGRESS_SECONDS = 5.0
_LONGEST_NAME = 63

__all__ = ["PostgresPublication", "indexes_of", "publish_to_postgres"]


@dataclass(frozen=True)
class PostgresPublication:
    """What stands in PostgreSQL now.

    Attributes:
        place: The database, without its password.
        build_id: The build that its views show.
        rows: Rows by `schema.table`, the `_publish` row left out.
        is_unchanged: Whether that build was there before.
        notes: What an administrator should know.
    """

    place: str
    build_id: str
    rows: Mapping[str, int]
    is_unchanged: bool = False
    notes: tuple[str, ...] = ()


def publish_to_postgres(
    dsn: PostgresDsn,
    file: Path,
    tables: Sequence[PublishedTable],
    *,
    indexes: Mapping[str, Sequence[str]],
    progress: Callable[[str], None] = lambda line: None,
    patience: float = _SWITCH_SECONDS,
) -> PostgresPublication:
    """Publish a file that was published before; readers see the old build until they see the new one.

    The tables are loaded in one transaction, and become what the views show in another: so no lock that readers feel is
    held while rows travel. A publication that is killed in between leaves the old build, and tables that nobody reads,
    which the next one drops.

    Args:
        dsn: The database.
        file: The published file, which is only read.
        tables: The published tables, for their keys.
        indexes: Columns to index by `schema.table`.
        progress: Called with a line now and then.
        patience: Seconds in which the views' locks must be had.

    Raises:
        PostgresError: it is not published, with the reason; what was published there before stands.
    """
    with _open_file(file) as source:
        build = read_build(source)
        shapes = read_shapes(source, tables, indexes)
        rows = {shape.full_name: shape.rows for shape in shapes[:-1]}
        progress(f"Publishing into PostgreSQL at {dsn}")
        with Server(dsn, f"concord {build.build_id}") as server:
            _lock(server)
            prepare_schemas(server, shapes)
            _check_standing(server, build)
            notes = _sweep(server)
            number = _published_number(server, build)
            if number is not None and _is_shown(server, shapes, number):
                return PostgresPublication(str(dsn), build.build_id, rows, is_unchanged=True, notes=notes)
            # Refused before anything is loaded, where it can be known.
            plan_views(server, shapes)
            number = _load(server, source, build, shapes, progress)
            names = {shape.full_name: _table_name(shape, number) for shape in shapes}
            try:
                progress("Publishing into PostgreSQL: turning the views")
                turn_views(server, shapes, names, number, patience=patience)
                progress("Publishing into PostgreSQL: switching to the new build")
                switch_views(server, shapes, names, number, patience=patience)
            except PostgresError:
                _take_back(server)
                raise
            _wait_for_older_snapshots(server)
            with suppress(PostgresError):
                settle_views(server)
            notes = _sweep(server)
    return PostgresPublication(str(dsn), build.build_id, rows, notes=notes)


@contextmanager
def _open_file(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The file in an instance of its own, whose limits are nobody else's."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        # Rows stream through; what is more would only be pages of the file that nobody reads twice.
        connection.execute(f"set memory_limit = '{_READING_MEMORY}'")
        connection.execute(f"attach {literal(str(file))} as published (read_only)")
        connection.execute("use published")
        yield connection


def _lock(server: Server) -> None:
    """One publisher at a time; the lock falls with its connection."""
    until = time.monotonic() + _LOCK_SECONDS
    while not server.query(f"select pg_try_advisory_lock({_LOCK_KEY})")[0][0]:
        if time.monotonic() > until:
            holders = server.query(
                "select held.pid, coalesce(session.application_name, '') from pg_locks as held"
                " left join pg_stat_activity as session on session.pid = held.pid where held.locktype = 'advisory'"
                f" and held.granted and (held.classid::bigint << 32) + held.objid::bigint = {_LOCK_KEY}"
            )
            named = ", ".join(f"process {pid} {application}".strip() for pid, application in holders)
            raise PostgresError(
                f"another publication into {server.dsn} is under way ({named or 'unknown'}); nothing was changed there."
                " Run again when it has ended"
            )
        time.sleep(0.5)


def _check_standing(server: Server, build: BuildRow) -> None:
    """Neither does a demo replace a company's figures, nor an old build a newer one."""
    for build_id, origin, published_at in server.query(
        f"select build_id, origin, build_published_at from {identifier(BUILDS, 'publications')}"
        " where status = 'published'"
    ):
        if origin != build.origin:
            raise PostgresError(
                f"{server.dsn} holds a build from {origin}, this one is from {build.origin}: it is not replaced."
                f" Choose another database, or empty that one with `drop schema {BUILDS} cascade`, which takes all"
                " views on it along"
            )
        if published_at > build.published_at:
            raise PostgresError(
                f"{server.dsn} holds the build {build_id}, which was published later than {build.build_id}: it is not"
                " replaced. Is another warehouse publishing there?"
            )


def _published_number(server: Server, build: BuildRow) -> int | None:
    found = server.query(
        f"select publication from {identifier(BUILDS, 'publications')} where status = 'published'"
        f" and build_id = {literal(build.build_id)} and build_published_at = '{build.published_at}'"
    )
    return int(found[0][0]) if found else None


def _is_shown(server: Server, shapes: Sequence[TableShape], number: int) -> bool:
    """Whether all views stand and show this publication."""
    shown = read_tables(server, [place for shape in shapes for place in shape.places])
    return current_publication(server) == number and all(
        _table_name(shape, number) in shown.get(place, ()) for shape in shapes for place in shape.places
    )


def _table_name(shape: TableShape, number: int) -> str:
    """`schema__table__p<publication>`, shortened where a name may not be so long."""
    name, end = f"{shape.schema}__{shape.name}", f"__p{number}"
    if len(name) + len(end) > _LONGEST_NAME:
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        name = f"{name[: _LONGEST_NAME - len(end) - 9]}_{digest}"
    return name + end


def _load(
    server: Server,
    source: duckdb.DuckDBPyConnection,
    build: BuildRow,
    shapes: Sequence[TableShape],
    progress: Callable[[str], None],
) -> int:
    """Load all tables in one transaction; returns the number of the publication."""
    publications = identifier(BUILDS, "publications")
    with server.transaction():
        ((number,),) = server.query(f"select coalesce(max(publication), 0) + 1 from {publications}")
        server.execute(
            f"insert into {publications} (publication, build_id, build_published_at, origin, is_demo, status)"
            f" values ({number}, {literal(build.build_id)}, '{build.published_at}', {literal(build.origin)},"
            f" {build.is_demo}, 'loaded')"
        )
        told = _Told(progress, len(shapes), sum(shape.rows for shape in shapes))
        for shape in shapes:
            _load_table(server, source, shape, _table_name(shape, number), build, told)
    for shape in shapes:
        # Not only the planner's statistics: with its visibility map, an index alone answers many a dashboard.
        server.execute(f"vacuum (analyze) {identifier(BUILDS, _table_name(shape, number))}")
    return int(number)


@dataclass
class _Told:
    """How far the load is, said now and then."""

    progress: Callable[[str], None]
    tables: int
    rows: int
    tables_done: int = 0
    rows_done: int = 0
    at: float = 0.0

    def count(self, batches: Iterator[object]) -> Iterator[object]:
        for batch in batches:
            self.rows_done += batch.num_rows  # type: ignore[attr-defined]
            if time.monotonic() - self.at >= _PROGRESS_SECONDS:
                if self.at:
                    self.progress(
                        f"Publishing into PostgreSQL: {self.rows_done:,} of {self.rows:,} rows,"
                        f" {self.tables_done} of {self.tables} tables"
                    )
                self.at = time.monotonic()
            yield batch


def _load_table(
    server: Server, source: duckdb.DuckDBPyConnection, shape: TableShape, name: str, build: BuildRow, told: _Told
) -> None:
    import pyarrow as pa

    table = identifier(BUILDS, name)
    columns = ", ".join(f"{identifier(column.name)} {column.data_type}" for column in shape.columns)
    server.execute(f"create table {table} ({columns})")
    reader = source.sql(shape.query).to_arrow_reader(_BATCH_ROWS)
    try:
        loaded = server.ingest(BUILDS, name, pa.RecordBatchReader.from_batches(reader.schema, told.count(iter(reader))))
    except PostgresError as error:
        raise PostgresError(
            f"{shape.full_name} cannot be loaded into {server.dsn}: {error}; the build that was published there before"
            " stands",
            error.sqlstate,
        ) from None
    finally:
        reader.close()
    if loaded != shape.rows:
        raise PostgresError(f"{shape.full_name}: {loaded} rows came to {server.dsn}, but the file has {shape.rows}")
    for at, key in enumerate(shape.keys):
        listed = ", ".join(identifier(column) for column in key)
        kind = "unique" if at else "primary key"
        server.execute(f"alter table {table} add {kind} ({listed})")
    for column in shape.indexes:
        server.execute(f"create index on {table} ({identifier(column)})")
    server.execute(f"comment on table {table} is {literal(f'{shape.full_name} of build {build.build_id}')}")
    told.tables_done += 1


def _wait_for_older_snapshots(server: Server) -> None:
    """Let transactions end that took their snapshot before the switch, for some seconds.

    Such a transaction, at REPEATABLE READ, sees the old build in every view as long as views show both. Once they show
    the new table alone, one that opens its first view would find a table whose rows it cannot see.
    """
    held = (
        "select held.pid, held.virtualtransaction from pg_locks as held"
        " inner join pg_stat_activity as session on session.pid = held.pid"
        " where held.locktype = 'virtualxid' and held.granted and held.pid <> pg_backend_pid()"
        " and held.virtualxid = held.virtualtransaction and session.datname = current_database()"
        # Without the right to see other sessions we do not know whether they hold a snapshot.
        " and (session.backend_xmin is not null or session.query = '<insufficient privilege>')"
        " and coalesce(session.backend_type, 'client backend') = 'client backend'"
    )
    older = set(server.query(held))
    until = time.monotonic() + _SNAPSHOT_SECONDS
    while older and time.monotonic() < until:
        time.sleep(0.05)
        older &= set(server.query(held))


def _sweep(server: Server) -> tuple[str, ...]:
    """Drop the tables of publications that are too old or were never shown; returns what could not go.

    Readers are not waited for beyond a moment: what they hold goes with a later publication.
    """
    publications = identifier(BUILDS, "publications")
    kept = [
        number
        for (number,) in server.query(
            f"select publication from {publications} where status <> 'loaded'"
            f" order by status = 'published' desc, publication desc limit {KEPT_PUBLICATIONS}"
        )
    ]
    # What a publication left behind that was killed before its switch; its views are turned anew by the next one.
    shown = {name for names in read_tables(server, registered_views(server)).values() for name in names}
    numbered = "substring(relname from '__p([0-9]+)$')::integer"
    tables = server.query(
        f"select relname, {numbered} from pg_class where relkind = 'r' and relname ~ '__p[0-9]+$'"
        f" and relnamespace = '{BUILDS}'::regnamespace order by relname"
    )
    stuck: dict[int, str] = {}
    server.execute(f"set lock_timeout = {_DROP_MILLISECONDS}")
    for name, number in tables:
        if number in kept or number in stuck or name in shown:
            continue
        try:
            server.execute(f"drop table {identifier(BUILDS, name)}")
        except PostgresError as error:
            if error.sqlstate == LOCK_NOT_AVAILABLE:
                stuck[number] = f"readers still hold {BUILDS}.{name}; it goes with a later publication"
            elif error.sqlstate == DEPENDENTS_EXIST:
                stuck[number] = f"{error}; what is built on {BUILDS} keeps an old build: build it on the views"
            else:
                raise
    server.execute("set lock_timeout = 0")
    staying = ", ".join(str(number) for number in {*kept, *stuck, *(n for name, n in tables if name in shown)}) or "0"
    server.execute(f"delete from {publications} where publication not in ({staying})")
    return tuple(stuck.values())


def _take_back(server: Server) -> None:
    """Undo what was done for nothing; where even that fails, the views show the old build, and the next run sweeps."""
    with suppress(PostgresError):
        settle_views(server)
        _sweep(server)
