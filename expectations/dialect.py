"""The SQLAlchemy dialect through which Great Expectations reads a lent DuckDB connection."""

from __future__ import annotations

import warnings
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from duckdb_engine import ConnectionWrapper, CursorWrapper, Dialect

from sqlalchemy import pool
from sqlalchemy.engine.url import URL


class LentConnection(ConnectionWrapper):
    """Whatever connection is lent when a statement runs; closing it is its owner's business."""

    def __init__(self, token: str) -> None:
        super().__init__(None)
        self._token = token

    def cursor(self) -> CursorWrapper:
        """A cursor on the connection that is lent now."""
        from expectations.judge import lent_connection

        return CursorWrapper(lent_connection(self._token), self)

    def close(self) -> None:
        """Mark it closed for SQLAlchemy only."""
        self.closed = True


class LentConnectionDialect(Dialect):
    """DuckDB on a connection lent by token (the URL's database), whose transactions stay the caller's.

    SQLAlchemy rolls back when it takes a connection back; on DuckDB that would discard results that are still
    unread, and the caller's own transaction with them.
    """

    name = "duckdb"
    supports_statement_cache = False

    def connect(self, *args: Any, **kwargs: Any) -> Any:
        """The lent connection in SQLAlchemy's clothes."""
        return LentConnection(kwargs["database"])

    @classmethod
    def get_pool_class(cls, url: URL) -> type[pool.Pool]:
        """One connection, never pooled in earnest."""
        return pool.StaticPool

    def do_begin(self, connection: Any) -> None:
        """Nothing: the caller begins."""

    def do_commit(self, connection: Any) -> None:
        """Nothing: the caller commits."""

    def do_rollback(self, connection: Any) -> None:
        """Nothing: the caller rolls back."""
