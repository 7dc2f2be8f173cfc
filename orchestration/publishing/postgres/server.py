"""One connection to a PostgreSQL server through ADBC; its errors are told without the password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

from orchestration.dsn import PostgresDsn

if TYPE_CHECKING:
    import pyarrow as pa

OLDEST_VERSION = 14
LOCK_NOT_AVAILABLE, CANCELED, DEADLOCK = "55P03", "57014", "40P01"
DEPENDENTS_EXIST, NO_PRIVILEGE = "2BP01", "42501"


class PostgresError(Exception):
    """The build is not published into PostgreSQL; the message says why and what to do.

    Attributes:
        sqlstate: PostgreSQL's own code of what went wrong, where it said something.
    """

    def __init__(self, message: str, sqlstate: str | None = None) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class Server:
    """A connection that opens and ends its transactions only where it is told to.

    Args:
        dsn: The database.
        name: What the server's administrator sees of this connection.

    Raises:
        PostgresError: it cannot be reached, does not let us in, or is of a kind that is not served.
    """

    def __init__(self, dsn: PostgresDsn, name: str) -> None:
        from adbc_driver_postgresql import dbapi

        self.dsn = dsn
        try:
            self._connection = dbapi.connect(dsn.with_timeout, autocommit=True)
        except dbapi.Error as error:
            raise PostgresError(f"cannot connect to PostgreSQL at {dsn}: {self._words(error)}") from None
        try:
            self._begin_session(name)
        except BaseException:
            self.close()
            raise

    def _begin_session(self, name: str) -> None:
        ((version, number, encoding),) = self.query(
            "select current_setting('server_version'), current_setting('server_version_num')::integer,"
            " current_setting('server_encoding')"
        )
        if number < OLDEST_VERSION * 10_000:
            raise PostgresError(
                f"the PostgreSQL server at {self.dsn} has version {version}; {OLDEST_VERSION} or newer is needed"
            )
        if encoding != "UTF8":
            raise PostgresError(
                f"the database at {self.dsn} has the encoding {encoding}; UTF8 is needed: create another database with"
                " `create database … encoding 'UTF8' template template0`"
            )
        for setting, value in {
            "application_name": name,
            "TimeZone": "UTC",
            "standard_conforming_strings": "on",
            "search_path": "pg_catalog",
            "client_min_messages": "error",
            # Statements that run when we were killed end soon, instead of going on for nobody.
            "client_connection_check_interval": "2s",
        }.items():
            try:
                self.execute(f"set {setting} = {literal(value)}")
            except PostgresError:
                # Not every system on which a server runs can check for its clients.
                if setting != "client_connection_check_interval":
                    raise

    def execute(self, sql: str) -> None:
        """Run one statement that returns nothing."""
        with self._cursor() as cursor:
            cursor.execute(sql)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self._cursor() as cursor:
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()]

    def ingest(self, schema: str, table: str, batches: pa.RecordBatchReader) -> int:
        """Append batches to a table by COPY; returns the rows."""
        with self._cursor() as cursor:
            return int(cursor.adbc_ingest(table, batches, mode="append", db_schema_name=schema))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements of the block, or none."""
        self.execute("begin")
        try:
            yield
            self.execute("commit")
        except BaseException:
            # Where the connection is lost, so is the transaction; the first error tells.
            with suppress(PostgresError):
                self.execute("rollback")
            raise

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        from adbc_driver_postgresql import dbapi

        cursor = self._connection.cursor()
        try:
            yield cursor
        except dbapi.Error as error:
            raise PostgresError(self._words(error), _sqlstate(error)) from None
        finally:
            # What went wrong was told above.
            with suppress(dbapi.Error):
                cursor.close()

    def _words(self, error: Exception) -> str:
        """What the server said, without the driver's words around it and without secrets."""
        details = getattr(error, "details", None) or ()
        told = {_text(name): _text(value) for name, value in details}
        words = told.get("PG_DIAG_MESSAGE_PRIMARY")
        if words is None:
            words = " ".join(str(error).split()).removeprefix("IO: ").removeprefix("[libpq] ")
            words = words.removeprefix("Failed to connect: ")
        for part in ("PG_DIAG_MESSAGE_DETAIL", "PG_DIAG_MESSAGE_HINT", "PG_DIAG_CONTEXT"):
            # The context of a statement of ours is the statement itself.
            is_ours = told.get(part, "").startswith("SQL statement")
            # The hint there is to drop what others built.
            is_advice = part == "PG_DIAG_MESSAGE_HINT" and _sqlstate(error) == DEPENDENTS_EXIST
            if part in told and not is_ours and not is_advice:
                words += f"; {'; '.join(told[part].splitlines())}"
        return self.dsn.mask(words)

    def close(self) -> None:
        """End the connection, and with it its locks."""
        self._connection.close()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _sqlstate(error: Exception) -> str | None:
    return getattr(error, "sqlstate", None)


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def identifier(*names: str) -> str:
    """A quoted name, such as `"core"."dim_people"`."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def literal(text: str | None) -> str:
    """A quoted text."""
    return "null" if text is None else "'" + text.replace("'", "''") + "'"
