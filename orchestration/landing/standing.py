"""What landing already knows, read at once: the ledger, the files seen, and how new the accepted rows are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from expectations.contract import Contract
from expectations.rules import identifier, literal


@dataclass
class KnownLoad:
    """One line of the ledger, as far as later landings need it."""

    load_id: str
    load_number: int
    file_name: str
    file_sha256: str
    status: str
    rows_quarantined: int
    rows_unparseable: int
    last_file_name: str
    last_delivery: int

    @property
    def is_accepted(self) -> bool:
        """Whether rows of it are in raw, or would be had it any."""
        return self.status in ("accepted", "partial")


@dataclass(frozen=True)
class Newest:
    """Greatest accepted times of an extract, naive UTC; null where no row says."""

    modified_at: datetime | None = None
    agreed: datetime | None = None  # of the column that its freshness is agreed on
    event_at: datetime | None = None


def known_loads(connection: duckdb.DuckDBPyConnection) -> dict[str, list[KnownLoad]]:
    """The ledger by extract, newest load first."""
    found: dict[str, list[KnownLoad]] = {}
    for name, *row in connection.execute(
        "select system || '.' || object, load_id, load_number, file_name, file_sha256, status, rows_quarantined, "
        "rows_unparseable, last_file_name, last_delivery from audit.loads order by load_number desc"
    ).fetchall():
        found.setdefault(name, []).append(KnownLoad(*row))
    return found


def known_files(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], str]:
    """Content hash of every file seen, by path inside the extracts folder and fingerprint."""
    rows = connection.execute("select path, fingerprint, file_sha256 from audit.delivered_files").fetchall()
    return {(path, fingerprint): sha256 for path, fingerprint, sha256 in rows}


def newest_times(connection: duckdb.DuckDBPyConnection, contracts: Iterable[Contract]) -> dict[str, Newest]:
    """Greatest times of each extract, in one statement."""

    def greatest(names: Iterable[str | None]) -> str:
        columns = [f"max(cast({identifier(name)} as timestamp))" for name in names if name]
        if not columns:
            return "cast(null as timestamp)"
        return columns[0] if len(columns) == 1 else f"greatest({', '.join(columns)})"

    queries = [
        f"select {literal(c.id)} as name, {greatest(c.modified_at)} as modified_at, "
        f"{greatest([c.latency_column])} as agreed, {greatest([c.event_time])} as event_at "
        f"from raw.{identifier(c.raw_table)}"
        for c in contracts
    ]
    if not queries:
        return {}
    return {row[0]: Newest(*row[1:]) for row in connection.execute(" union all ".join(queries)).fetchall()}


def earliest_time(connection: duckdb.DuckDBPyConnection, contracts: Sequence[Contract]) -> tuple[datetime, str] | None:
    """The earliest event of the accepted rows and the extract that has it; where none has events, of modification.

    Lists that say nothing of their own happening (rates, targets, products) may be older than all that they are about.
    """
    named = [[(c, c.event_time) for c in contracts if c.event_time], [(c, "_modified_at") for c in contracts]]
    for columns in named:
        queries = [
            f"select min(cast({identifier(column)} as timestamp)) as earliest, {literal(contract.id)} as id"
            f" from raw.{identifier(contract.raw_table)}"
            for contract, column in columns
        ]
        found = connection.execute(" union all ".join(queries)).fetchall() if queries else []
        said = sorted((earliest, name) for earliest, name in found if earliest is not None)
        if said:
            return said[0]
    return None


def greatest_time(newest: Mapping[str, Newest]) -> datetime | None:
    """The greatest modification or extraction time; where no extract has any, the greatest event time."""
    for times in ([n.modified_at for n in newest.values()], [n.event_at for n in newest.values()]):
        said = [time for time in times if time is not None]
        if said:
            return max(said)
    return None
