"""The SQLAlchemy dialect through which Great Expectations reads a lent DuckDB connection."""

from __future__ import annotations

from typing import Any

from duckdb_engine import ConnectionWrapper, Dialect
from sqlalchemy import pool
from sqlalchemy.engine.url import URL


class LentConnection(ConnectionWrapper):
    """A connection that belongs to the caller: closing it is the caller's business."""

    def close(self) -> None:
        self.closed = True


class LentConnectionDialect(Dialect):
    """DuckDB on a connection that is lent by token (the URL's database); it never touches transactions."""

    name = "duckdb"
    supports_statement_cache = False

    def connect(self, *args: Any, **kwargs: Any) -> Any:
        from expectations.judge import lent_connection

        return LentConnection(lent_connection(kwargs["database"]))

    @classmethod
    def get_pool_class(cls, url: URL) -> type[pool.Pool]:
        return pool.StaticPool

    def do_begin(self, connection: Any) -> None:
        """The caller's transaction is the only one."""

    def do_commit(self, connection: Any) -> None:
        """The caller commits."""

    def do_rollback(self, connection: Any) -> None:
        """The caller rolls back; a rollback here would discard results that are still unread."""
