"""Dagster's run history: where it lies, how it is kept, and that keeping it costs little."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dagster import DagsterEventType, DagsterInstance
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool

_INSTANCE = """\
# Written by Concord at every start.
telemetry:
  enabled: false
concurrency:
  # The single writer is a lock of the operating system; the pool only makes runs wait for each other. By run, so
  # that a killed run keeps no slot.
  pools:
    granularity: run
    default_limit: 1
run_coordinator:
  module: dagster._core.run_coordinator.queued_run_coordinator
  class: QueuedRunCoordinator
# Steps say what matters as events; dbt keeps a log of its own.
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
event_log_storage:
  module: orchestration.history
  class: RunHistory
  config:
    base_dir: {base}
"""
# How many events are written in one transaction; read by Dagster when it writes events in bulk.
EVENTS_AT_ONCE = "500"
_END_OF_RUN = frozenset({DagsterEventType.RUN_SUCCESS, DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_CANCELED})


def prepare_history(home: Path) -> None:
    """Lay Dagster's instance settings into its home, and make its databases where they are not there yet.

    Dagster makes them as it goes, and two processes that do so at once leave a history that no process can open any
    more: one at a time.
    """
    home.mkdir(parents=True, exist_ok=True)
    config, made = home / "dagster.yaml", home / f"made-by-{version('dagster')}"
    wanted = _INSTANCE.format(base=home / "history" / "runs")
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not config.exists() or config.read_text() != wanted:
            config.write_text(wanted)
        if not made.exists():
            with DagsterInstance.from_config(str(home)) as instance:
                instance.get_runs(limit=1)
                instance.all_instigator_state()
                instance.all_asset_keys()
            made.touch()


class RunHistory(SqliteEventLogStorage):
    """Dagster's own event storage, writing over connections that stay open.

    Dagster opens and closes a connection for every event, and closing the last one syncs the disk. A run of the main
    job has some thousand events, so that it would spend a minute on its history. Here the two files that a run writes
    stay open until it ends, and events that come in bulk are one transaction. What is stored is the same, the files
    are the same, and every reader is Dagster's own.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._open: dict[str, Connection] = {}
        self._writer = threading.local()
        self._writing = threading.RLock()
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> RunHistory:
        """Made by Dagster from dagster.yaml."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        if not getattr(self._writer, "is_writing", False):
            with self._reading(shard) as connection:
                yield connection
            return
        connection = self._open.get(shard) or self._keep_open(shard)
        # Committed by _transaction, with all that belongs together.
        yield connection

    @contextmanager
    def _reading(self, shard: str) -> Iterator[Connection]:
        # Dagster looks into its history for every check and every asset that it notes.
        with self._writing:
            connection = self._open.get(shard)
            if connection is not None:
                try:
                    yield connection
                finally:
                    # A reader that stays in its transaction would not see what others write.
                    connection.rollback()
                return
        with super()._connect(shard) as connection:
            yield connection

    def _keep_open(self, shard: str) -> Connection:
        engine = create_engine(
            self.conn_string_for_shard(shard),
            poolclass=NullPool,
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
        )
        if shard not in self._initialized_dbs:
            self._initdb(engine)
            self._initialized_dbs.add(shard)
        connection = engine.connect()
        # With the write-ahead log a crash keeps the files whole; a power cut may cost the last events of a run.
        connection.execute(text("pragma synchronous = normal"))
        connection.commit()
        self._open[shard] = connection
        return connection

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._writing:
            if getattr(self._writer, "is_writing", False):
                yield
                return
            self._writer.is_writing = True
            try:
                yield
                for connection in self._open.values():
                    connection.commit()
            except BaseException:
                for connection in self._open.values():
                    connection.rollback()
                raise
            finally:
                self._writer.is_writing = False

    def store_event(self, event: EventLogEntry) -> None:
        """Store one event; the end of a run closes its file."""
        with self._transaction():
            super().store_event(event)
        if event.is_dagster_event and event.dagster_event_type in _END_OF_RUN:
            self._close(event.run_id, INDEX_SHARD_NAME)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events that came in bulk, all or none."""
        with self._transaction():
            super().store_event_batch(events)

    def has_table(self, table_name: str) -> bool:
        """Whether there is such a table. Dagster asks for every check; one that was there is not looked for again."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def dispose(self) -> None:
        """Close what is open."""
        self._close(*self._open)
        super().dispose()

    def _close(self, *shards: str) -> None:
        with self._writing:
            for shard in shards:
                connection = self._open.pop(shard, None)
                if connection is not None:
                    connection.close()
