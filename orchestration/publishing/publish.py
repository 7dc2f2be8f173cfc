"""A new warehouse file beside the old one: copied from the build file, audited, then swapped in at once.

Where the published file was made by the same code, the new one begins as its copy, and large tables are brought up to
date by their differences: most of their rows are as they were, and writing rows is what costs. The audit then compares
the digest of all rows with that of the build file.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration.build_context import BuildContext, mark_published
from orchestration.publishing.audit import (
    MEMORY_LIMIT,
    AuditError,
    audit,
    columns_by_table,
    row_hash,
    search_personal,
)
from orchestration.publishing.replays import REPLAY_TABLES, write_replays
from orchestration.publishing.reported import closed_months_query
from orchestration.publishing.restated import write_restatements
from orchestration.publishing.tables import AUDIT_TABLES, PublishedTable, not_in
from orchestration.publishing.visibility import (
    GROUPS,
    REPS_TABLE,
    RepVisibility,
    from_list,
    groups_query,
    reps_query,
    select_list,
    shows_single_reps,
)
from orchestration.settings import Settings

KEPT_BUILDS = 5
# The newest format that DuckDB 1.5 opens: today's BI clients are not yet at 2.0.
STORAGE_VERSION = "v1.5.0"
# Beside what dbt and the metrics make.
MADE_BY_PUBLISHING: tuple[PublishedTable, ...] = (*AUDIT_TABLES, *REPLAY_TABLES)
_DRAFT, _LINK_DRAFT = ".draft-", ".link-"
LARGE_TABLE_ROWS = 100_000  # from here on, differences are written instead of all rows
_PLACE = "place_in_build"  # of a row, beside its columns
# Made while publishing, so they are not in the build file under these names.
_MADE_HERE = frozenset(
    {"audit.builds", "audit.reported_builds", "audit.restatements", *(table.full_name for table in REPLAY_TABLES)}
)


class PublishError(Exception):
    """The build cannot be published; what is published stays as it is."""


@dataclass(frozen=True)
class Publication:
    """A published warehouse: the file, the rows of each table, and how many figures of closed months it changes."""

    path: Path
    link: Path
    rows: dict[str, int]
    restatements: int


def publish(
    settings: Settings,
    build: BuildContext,
    tables: Sequence[PublishedTable],
    *,
    visibility: RepVisibility,
    progress: Callable[[str], None] = lambda step: None,
) -> Publication:
    """Publish the build file's tables as a new warehouse.

    Args:
        settings: Where the warehouse lies.
        build: The build in the making; its number and marks go into the file.
        tables: What dbt and the metrics made to be published; the audit tables are added here.
        visibility: How far figures may be traced to a rep.
        progress: Called with the name of each step before it begins.

    Raises:
        PublishError: a table that should be published is not in the build file.
        AuditError: the new file breaks a promise.
    """
    sweep(settings)
    settings.builds.mkdir(parents=True, exist_ok=True)
    tables = (*tables, *MADE_BY_PUBLISHING)
    draft = settings.builds / f"{_DRAFT}{build.build_id}.duckdb"
    try:
        progress("copy")
        rows, digests, restated = _copy(settings, build, tables, visibility, draft)
        progress("audit")
        audit(draft, tables, rows, digests)
        progress("sync")
        _sync(draft)
        path = settings.builds / f"concord-{build.build_id}.duckdb"
        progress("rename")
        draft.rename(path)
        _sync(settings.builds)
        progress("swap")
        _swap(settings, path)
    except BaseException:
        _remove_database(draft)
        raise
    progress("note")
    mark_published(settings.build_file, settings.published)
    progress("sweep")
    sweep(settings)
    return Publication(path, settings.published, rows, restated)


def sweep(settings: Settings) -> list[Path]:
    """Remove what killed publishes left behind, and all but the newest few builds; returns what was removed.

    A whole file that was never swapped in is left behind too. The published build itself is never touched.
    """
    removed = []
    for leftover in settings.warehouse.glob(f"{_LINK_DRAFT}*"):
        leftover.unlink()
        removed.append(leftover)
    drafts = sorted(settings.builds.glob(f"{_DRAFT}*"))
    published = settings.published.resolve() if settings.published.exists() else None
    builds = sorted(settings.builds.glob("concord-*.duckdb"), key=_build_number)
    if published is None or published not in [build.resolve() for build in builds]:
        unswapped: list[Path] = [] if settings.published.is_symlink() else builds
        kept: list[Path] = []
    else:
        unswapped = [build for build in builds if _build_number(build) > _build_number(published)]
        kept = [build for build in builds if build not in unswapped][:-KEPT_BUILDS]
    for path in [*drafts, *unswapped, *kept]:
        _remove_database(path)
        removed.append(path)
    return removed


def _build_number(path: Path) -> int:
    return int(path.stem.rsplit("-", 1)[1])


def _copy(
    settings: Settings,
    build: BuildContext,
    tables: Sequence[PublishedTable],
    visibility: RepVisibility,
    draft: Path,
) -> tuple[dict[str, int], dict[str, int], int]:
    """Write the new file.

    Returns:
        The rows that it must have, by `schema.table`, counted in the build file; the digests of the tables that
        were brought up to date by their differences; and how many figures of closed months it changes.
    """
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set preserve_insertion_order = false")
        connection.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
        connection.execute(f"set temp_directory = '{_escaped(draft.with_name(draft.name + '.tmp'))}'")
        connection.execute(f"attach '{_escaped(settings.build_file)}' as build (read_only)")
        is_added_to = _begin_draft(connection, settings, build, draft)
        columns = columns_by_table(connection, "build")
        missing = not_in((table for table in tables if table.full_name not in _MADE_HERE), columns)
        if missing:
            raise PublishError(f"not in the build file, so not published: {', '.join(missing)}")
        rows: dict[str, int] = {}
        digests: dict[str, int] = {}
        connection.begin()
        before = columns_by_table(connection, "warehouse") if is_added_to else {}
        for schema in sorted({table.schema for table in tables}):
            connection.execute(f"create schema if not exists warehouse.{schema}")
        if visibility.level == "team":
            has_reps = "team" in columns.get(REPS_TABLE, {})
            source = f"build.{REPS_TABLE}" if has_reps else "(select null as rep_id, null as team where false)"
            connection.execute(
                f"create temp table {GROUPS} as {groups_query(visibility, source, columns.get(REPS_TABLE, {}))}"
            )
        for name in set(before) - {table.full_name for table in tables} | (set(before) & _MADE_HERE):
            connection.execute(f"drop table warehouse.{name}")
        for table in tables:
            if table.full_name not in _MADE_HERE:
                rows[table.full_name], digest = _copy_table(
                    connection, table, columns[table.full_name], visibility, before.get(table.full_name)
                )
                if digest is not None:
                    digests[table.full_name] = digest
        about_builds, restated = _write_builds(connection, build, columns, settings.published)
        rows |= about_builds
        rows |= write_replays(connection, columns, build.build_id)
        _comment(connection, tables, build.marks)
        connection.commit()
        connection.execute("detach warehouse")
    return rows, digests, restated


def _begin_draft(connection: duckdb.DuckDBPyConnection, settings: Settings, build: BuildContext, draft: Path) -> bool:
    """Attach the new file as `warehouse`; returns whether it begins as a copy of the published one.

    It does where the published build is of the same code and definitions: then all that it holds was audited by
    the same rules.
    """
    if not build.is_full_refresh and settings.published.exists():
        published = settings.published.resolve()
        connection.execute(f"attach '{_escaped(published)}' as published (read_only)")
        made_by = connection.execute(
            "select code_hash, definitions_hash from published.audit.builds order by build_number desc limit 1"
        ).fetchall()
        connection.execute("detach published")
        if made_by == [(build.code_hash, build.definitions_hash)]:
            shutil.copyfile(published, draft)
            connection.execute(f"attach '{_escaped(draft)}' as warehouse")
            return True
    connection.execute(f"attach '{_escaped(draft)}' as warehouse (storage_version '{STORAGE_VERSION}')")
    return False


def _copy_table(
    connection: duckdb.DuckDBPyConnection,
    table: PublishedTable,
    present: dict[str, str],
    visibility: RepVisibility,
    before: dict[str, str] | None,
) -> tuple[int, int | None]:
    """Write one table; returns its rows and, where only differences were written, the digest of all rows."""
    published = [
        (name, data_type)
        for name, data_type in present.items()
        if name not in table.personal and (name in table.columns or not table.only_these)
    ]
    absent = [name for name in table.columns if name not in present]
    if absent:
        raise PublishError(f"{table.full_name} has no column {', '.join(absent)} in the build file")
    source = f"build.{table.full_name}"
    if table.is_about_single_reps and not shows_single_reps(visibility):
        source = f"(select * from {source} where false)"
    if table.full_name == REPS_TABLE:
        query = reps_query(visibility, published, source)
        rows = _one(connection, f"select count(*) from ({query})")
    else:
        names, relation = select_list(visibility, published), from_list(visibility, published, source)
        query = f"select {names} from {relation}"
        rows = _one(connection, f"select count(*) from {source}")
        if before is not None and table.keys and rows >= LARGE_TABLE_ROWS and list(before.items()) == published:
            placed = f"select {names}, source.rowid as {_PLACE} from {relation}"
            return rows, _write_differences(connection, table, dict(published), placed)
    connection.execute(f"create or replace table warehouse.{table.full_name} as {query}")
    return rows, None


def _write_differences(
    connection: duckdb.DuckDBPyConnection, table: PublishedTable, columns: dict[str, str], query: str
) -> int:
    """Bring a table of the new file up to date; returns the digest of all rows that it must then hold.

    The rows of both sides are read and hashed once; what is in one of them only is then deleted or fetched by its
    place, which DuckDB keeps for as long as a transaction lasts. The rows have a key, so none occurs twice, and one
    that is not as it was has another hash. If two different rows should ever have the same hash, the digest and the
    number of rows tell, and the build is not published.

    Args:
        connection: In the transaction that writes the new file.
        table: What is written.
        columns: Type by column that is published.
        query: The rows as they are to be, with their places as `_PLACE`.
    """
    target = f"warehouse.{table.full_name}"
    connection.execute(
        f"create or replace temp table rows_now as"
        f" select {row_hash(columns, 'r')} as h, r.{_PLACE} as place from ({query}) as r"
    )
    connection.execute(
        "create or replace temp table rows_differing as"
        " select rows_before.place as place_before, rows_now.place as place_now from"
        f" (select {row_hash(columns, 't')} as h, t.rowid as place from {target} as t) as rows_before"
        " full join rows_now on rows_before.h = rows_now.h where rows_before.h is null or rows_now.h is null"
    )
    digest = _one(connection, "select coalesce(sum(h::hugeint), 0) from rows_now")
    connection.execute("drop table rows_now")
    connection.execute(
        f"delete from {target} where rowid in (select place_before from rows_differing where place_before is not null)"
    )
    connection.execute(
        f"create or replace temp table rows_new as select r.* exclude ({_PLACE}) from ({query}) as r"
        f" where r.{_PLACE} in (select place_now from rows_differing where place_now is not null)"
    )
    findings = search_personal(connection, table, columns, "rows_new")
    if findings:
        raise AuditError("the new warehouse is not published:\n" + "\n".join(f"  {finding}" for finding in findings))
    connection.execute(f"insert into {target} by name select * from rows_new")
    connection.execute("drop table rows_differing; drop table rows_new")
    return digest


def _write_builds(
    connection: duckdb.DuckDBPyConnection, build: BuildContext, present: dict[str, dict[str, str]], published: Path
) -> tuple[dict[str, int], int]:
    """The tables about builds: the published ones and this, the frozen figures, and what became of these.

    Returns:
        Rows by `schema.table`, and how many frozen figures this build changes.
    """
    published_at = datetime.now(UTC).replace(tzinfo=None)
    connection.execute(
        "create table warehouse.audit.builds as"
        " select * replace (case when build_id = $build_id then $published_at else published_at end as published_at,"
        " 'published' as status) from build.audit.builds where status = 'published' or build_id = $build_id",
        {"build_id": build.build_id, "published_at": published_at},
    )
    figures = closed_months_query(present, "build")
    connection.execute(f"create temp table figures as {figures}", {"as_of": build.as_of})
    connection.execute(
        "create table warehouse.audit.reported_builds as select * from build.audit.reported_builds union all by name"
        " select metric, period_month, value as reported_value, build_id, $published_at as reported_at,"
        " definition_version, definitions_hash, code_hash, is_provisional"
        " from figures inner join build.audit.builds on build_id = $build_id"
        " anti join build.audit.reported_builds as frozen"
        " on figures.metric = frozen.metric and figures.period_month = frozen.period_month",
        {"build_id": build.build_id, "published_at": published_at},
    )
    restated = write_restatements(connection, present, build.build_id, published)
    names = ("builds", "reported_builds", "restatements")
    rows = {f"audit.{name}": _one(connection, f"select count(*) from warehouse.audit.{name}") for name in names}
    return rows, restated


def _comment(connection: duckdb.DuckDBPyConnection, tables: Sequence[PublishedTable], marks: str) -> None:
    """Describe every table and column; what the list does not describe keeps the build file's comment."""
    ours = {table.full_name: table for table in tables}
    described = connection.execute(
        "select schema_name || '.' || table_name, comment from duckdb_tables() where database_name = 'build'"
    ).fetchall()
    comments = {table: comment or "" for table, comment in described}
    column_comments = {
        (table, column): comment
        for table, column, comment in connection.execute(
            "select schema_name || '.' || table_name, column_name, comment from duckdb_columns()"
            " where database_name = 'build' and comment is not null"
        ).fetchall()
    }
    for name, columns in columns_by_table(connection, "warehouse").items():
        table = ours[name]
        text = marks + (table.description or comments.get(name, ""))
        connection.execute(f"comment on table warehouse.{name} is '{_escaped(text)}'")
        for column in columns:
            comment = table.columns.get(column) or column_comments.get((name, column))
            if comment:
                place = f'warehouse.{name}."{column}"'
                connection.execute(f"comment on column {place} is '{_escaped(comment)}'")


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    ((value,),) = connection.execute(query).fetchall()
    return int(value)


def _escaped(text: Path | str) -> str:
    return str(text).replace("'", "''")


def _swap(settings: Settings, path: Path) -> None:
    """Point the link that readers open to the new file, at once. A reader that has the old one open keeps it."""
    link = settings.warehouse / f"{_LINK_DRAFT}{path.name}"
    link.symlink_to(path.relative_to(settings.warehouse))
    link.replace(settings.published)
    _sync(settings.warehouse)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_database(path: Path) -> None:
    for part in (path, path.with_name(path.name + ".wal"), path.with_name(path.name + ".tmp")):
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink(missing_ok=True)
