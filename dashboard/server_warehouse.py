"""The published file as the server reads it: always the newest build, read-only, within limits of time and memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from dashboard.drill_downs_query import Query

# A publish swaps the link between two steps of ours only so often.
_ATTEMPTS = 20


class WarehouseError(Exception):
    """The published file cannot answer; the message is fit for the viewer and holds nothing of the file.

    Attributes:
        status: the HTTP status that fits.
    """

    def __init__(self, message: str, status: int = 503) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Limits:
    """What one server process may take.

    Attributes:
        memory: DuckDB's memory for one open build.
        threads: DuckDB's threads for one open build.
        seconds: how long the queries of one request may run before they are interrupted.
        queries: how many requests query at once; more wait their turn.
        waiting_seconds: how long a request waits for its turn.
    """

    memory: str = "1GB"
    threads: int = 2
    seconds: float = 10.0
    queries: int = 4
    waiting_seconds: float = 15.0


@dataclass(frozen=True)
class BuildFacts:
    """What `audit.builds` says of a build, for the head of every page."""

    build_id: str
    build_number: int
    published_at: datetime | None
    as_of: datetime | None
    is_demo: bool
    is_provisional: bool
    definition_version: str | None
    stale_extracts: tuple[str, ...]


class _OpenBuild:
    """One open file, kept for as long as somebody reads it."""

    def __init__(self, path: Path, identity: tuple[int, int], limits: Limits) -> None:
        self.identity = identity
        self.readers = 0
        self.is_retired = False
        self.connection = duckdb.connect(
            str(path),
            read_only=True,
            config={
                "memory_limit": limits.memory,
                "threads": str(limits.threads),
                "enable_external_access": "false",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                # The folder of the builds is for builds; what does not fit into memory is refused.
                "temp_directory": "",
            },
        )
        try:
            self.connection.execute("set enable_progress_bar = false")
            self.connection.execute("set TimeZone = 'UTC'")
            # From here on no statement can loosen what was set above.
            self.connection.execute("set lock_configuration = true")
            self.facts = _facts(self.connection)
            self.comments, self.types = _tables(self.connection)
        except BaseException:
            self.connection.close()
            raise


class Reader:
    """The newest build as one request sees it, from its start to its end."""

    def __init__(self, build: _OpenBuild, seconds: float) -> None:
        self._cursor = build.connection.cursor()
        self._deadline = time.monotonic() + seconds
        self._seconds = seconds
        self.facts: BuildFacts = build.facts
        self.comments: Mapping[str, str] = build.comments
        self.types: Mapping[str, Mapping[str, str]] = build.types

    @contextmanager
    def connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The connection itself, for queries of our own that are made elsewhere; within the request's time.

        Raises:
            WarehouseError: it took too long or too much memory.
        """
        with self._limited():
            yield self._cursor

    def has(self, tables: Sequence[str]) -> bool:
        """Whether the build has these tables."""
        return all(table in self.types for table in tables)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The rows of a query, by column name."""
        return list(self.each(Query(sql, tuple(values))))

    def each(self, query: Query) -> Iterator[dict[str, Any]]:
        """The rows of a query, one by one, within the request's time.

        Raises:
            WarehouseError: it took too long or too much memory.
        """
        with self._limited():
            self._cursor.execute(query.sql, list(query.values))
            names = [column[0] for column in self._cursor.description or ()]
            while chunk := self._cursor.fetchmany(1000):
                if time.monotonic() > self._deadline:
                    raise duckdb.InterruptException
                for row in chunk:
                    yield dict(zip(names, row, strict=True))

    @contextmanager
    def _limited(self) -> Iterator[None]:
        remaining = self._deadline - time.monotonic()
        alarm = threading.Timer(max(remaining, 0.001), self._cursor.interrupt)
        alarm.daemon = True
        alarm.start()
        try:
            yield
        except duckdb.InterruptException:
            raise WarehouseError(
                f"this took longer than {self._seconds:g} seconds and was stopped; narrow the filters"
            ) from None
        except duckdb.OutOfMemoryException:
            raise WarehouseError("this needs more memory than a request may take; narrow the filters") from None
        finally:
            alarm.cancel()

    def close(self) -> None:
        """End the request's reading."""
        self._cursor.close()


class Warehouse:
    """Hands out readers of the newest build. A build that was replaced is closed when its last reader is done."""

    def __init__(self, link: Path, limits: Limits | None = None) -> None:
        self.link = link
        self.limits = limits or Limits()
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(self.limits.queries)
        self._open: _OpenBuild | None = None

    @contextmanager
    def newest(self) -> Iterator[Reader]:
        """A reader of the newest build; the same file from the beginning to the end of the block.

        Raises:
            WarehouseError: nothing is published, or too many are reading.
        """
        if not self._turns.acquire(timeout=self.limits.waiting_seconds):
            raise WarehouseError("too many requests at once; try again in a moment")
        try:
            build = self._acquire()
            try:
                reader = Reader(build, self.limits.seconds)
                try:
                    yield reader
                finally:
                    reader.close()
            finally:
                self._release(build)
        finally:
            self._turns.release()

    def close(self) -> None:
        """Close the open build, at once or when its last reader is done."""
        with self._lock:
            build, self._open = self._open, None
            self._retire(build)

    def _acquire(self) -> _OpenBuild:
        with self._lock:
            for attempt in range(_ATTEMPTS):
                try:
                    path = self.link.resolve(strict=True)
                    stat = path.stat()
                    identity = (stat.st_ino, stat.st_mtime_ns)
                    if self._open is None or self._open.identity != identity:
                        opened = _OpenBuild(path, identity, self.limits)
                        self._retire(self._open)
                        self._open = opened
                    self._open.readers += 1
                    return self._open
                except FileNotFoundError:
                    # Swept between the look at the link and the opening, or nothing was ever published.
                    if not self.link.is_symlink() and attempt:
                        break
                except duckdb.IOException as error:
                    if attempt == _ATTEMPTS - 1:
                        raise WarehouseError("the published file cannot be opened") from error
                time.sleep(0.01)
        raise WarehouseError("nothing is published yet; the main job publishes the first build")

    def _release(self, build: _OpenBuild) -> None:
        with self._lock:
            build.readers -= 1
            if build.is_retired and build.readers == 0:
                build.connection.close()

    @staticmethod
    def _retire(build: _OpenBuild | None) -> None:
        if build is not None:
            build.is_retired = True
            if build.readers == 0:
                with suppress(duckdb.Error):
                    build.connection.close()


def _facts(connection: duckdb.DuckDBPyConnection) -> BuildFacts:
    (row,) = connection.execute(
        "select build_id, build_number, published_at, as_of, is_demo, is_provisional, definition_version,"
        " stale_extracts from audit.builds order by build_number desc limit 1"
    ).fetchall()
    stale = tuple(name.strip() for name in (row[7] or "").split(",") if name.strip())
    return BuildFacts(row[0], int(row[1]), row[2], row[3], bool(row[4]), bool(row[5]), row[6], stale)


def _tables(connection: duckdb.DuckDBPyConnection) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """The comments of columns by `schema.table.column`, and of each table the types of its columns."""
    comments: dict[str, str] = {}
    types: dict[str, dict[str, str]] = {}
    for table, column, data_type, comment in connection.execute(
        "select schema_name || '.' || table_name, column_name, data_type, comment from duckdb_columns()"
        " where database_name = current_database() and not internal order by 1, column_index"
    ).fetchall():
        types.setdefault(table, {})[column] = data_type
        if comment:
            comments[f"{table}.{column}"] = comment
    return comments, types
