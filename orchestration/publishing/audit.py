"""What a new warehouse must satisfy before anybody reads it. It is audited as a reader would see it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import duckdb

from orchestration.publishing.tables import PublishedTable

MEMORY_LIMIT = "1500MB"  # of DuckDB while it publishes; it spills beyond
# Names of companies and deals are public in here, and may look like anything.
_NAMES_ALLOWED = frozenset({"account_name", "opportunity_name"})
EMAIL_PATTERN = r"[A-Za-z0-9._%+''-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"
# International form, or the North American one with its area code in brackets; bare digits are mostly ids.
PHONE_PATTERN = (
    r"(^|[^0-9A-Za-z.:+-])\+[1-9][0-9]{0,2}[ ().-]{0,2}([0-9][ ().-]{0,2}){6,12}($|[^0-9A-Za-z:])"
    r"|\([2-9][0-9]{2}\) ?[0-9]{3}-[0-9]{4}"
)


class AuditError(Exception):
    """The new warehouse breaks a promise and is not published; the message has one line a finding."""


def audit(
    draft: Path,
    tables: Sequence[PublishedTable],
    copied: Mapping[str, int],
    searched: Mapping[str, int] | None = None,
) -> None:
    """Check a new warehouse file.

    Args:
        draft: The file, closed by its writer.
        tables: What it must hold.
        copied: Rows by `schema.table` that were read from the build file.
        searched: By `schema.table`, the digest that a table must have whose writer has searched its new rows for
            personal data itself; the rows that it kept were searched when they were new.

    Raises:
        AuditError: with every finding.
    """
    with duckdb.connect(str(draft), read_only=True) as connection:
        connection.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
        columns = columns_by_table(connection)
        findings = [f"{name}: missing" for name in sorted(set(copied) - set(columns))]
        findings += [f"{name}: nobody published it" for name in sorted(set(columns) - set(copied))]
        for table in tables:
            if table.full_name in columns:
                findings += _findings_of_table(
                    connection,
                    table,
                    columns[table.full_name],
                    copied[table.full_name],
                    (searched or {}).get(table.full_name),
                )
        if "audit.loads" in columns:
            findings += _ledger_findings(connection)
    if findings:
        raise AuditError("the new warehouse is not published:\n" + "\n".join(f"  {finding}" for finding in findings))


def columns_by_table(connection: duckdb.DuckDBPyConnection, database: str | None = None) -> dict[str, dict[str, str]]:
    """Type by column, by `schema.table`, of tables and views, columns in their order."""
    rows = connection.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns()"
        " where not internal and database_name = coalesce(?, current_database()) order by table_name, column_index",
        [database],
    ).fetchall()
    found: dict[str, dict[str, str]] = {}
    for table, column, data_type in rows:
        found.setdefault(table, {})[column] = data_type
    return found


def digest_of(columns: Iterable[str], alias: str = "") -> str:
    """SQL: a digest of rows in whatever order; rows that differ in one value have another one."""
    return f"coalesce(sum({row_hash(columns, alias)}::hugeint), 0)"


def row_hash(columns: Iterable[str], alias: str = "") -> str:
    """SQL: the hash of all values of a row."""
    place = f"{alias}." if alias else ""
    return "hash(" + ", ".join(f'{place}"{name}"' for name in columns) + ")"


def _findings_of_table(
    connection: duckdb.DuckDBPyConnection,
    table: PublishedTable,
    columns: Mapping[str, str],
    rows_copied: int,
    digest_copied: int | None,
) -> list[str]:
    """Row count, keys and content or personal data of one table, in one scan."""
    keys = [key for key in table.keys if set(key) <= set(columns)]
    findings = [f"{table.full_name}: personal column {name} is published" for name in columns if name in table.personal]
    asked = ["count(*)"]
    for key in keys:
        is_null = " or ".join(f'"{name}" is null' for name in key)
        # Texts and tuples take far more memory than their hashes.
        asked += [f"count(distinct {row_hash(key)})", f"count(*) filter ({is_null})"]
    asked += _personal_counts(columns) if digest_copied is None else [digest_of(columns)]
    (answers,) = connection.execute(f"select {', '.join(asked)} from {table.full_name}").fetchall()
    figures = iter(answers)
    rows = next(figures)
    if rows != rows_copied:
        findings.append(f"{table.full_name}: {rows} rows, but {rows_copied} were to be copied")
    for key in keys:
        distinct, nulls = next(figures), next(figures)
        named = ", ".join(key)
        if nulls:
            findings.append(f"{table.full_name}: key ({named}) is null in {nulls} rows")
        elif distinct != rows:
            # As many hashes as rows are as many keys. Fewer may be two keys with one hash.
            values = _distinct(connection, table, key)
            if values != rows:
                findings.append(f"{table.full_name}: key ({named}) has {values} values in {rows} rows")
    if digest_copied is None:
        findings += _personal_findings(table, columns, figures)
    elif next(figures) != digest_copied:
        findings.append(f"{table.full_name}: its rows are not those of the build file")
    return findings


def _distinct(connection: duckdb.DuckDBPyConnection, table: PublishedTable, key: Sequence[str]) -> int:
    listed = ", ".join(f'"{name}"' for name in key)
    ((values,),) = connection.execute(
        f"select count(*) from (select distinct {listed} from {table.full_name})"
    ).fetchall()
    return int(values)


def search_personal(
    connection: duckdb.DuckDBPyConnection, table: PublishedTable, columns: Mapping[str, str], relation: str
) -> list[str]:
    """Findings of personal data in the texts of some rows of a table."""
    counts = _personal_counts(columns)
    if not counts:
        return []
    (answers,) = connection.execute(f"select {', '.join(counts)} from {relation}").fetchall()
    return _personal_findings(table, columns, iter(answers))


def _texts(columns: Mapping[str, str]) -> list[str]:
    return [name for name, data_type in columns.items() if "VARCHAR" in data_type and name not in _NAMES_ALLOWED]


def _personal_counts(columns: Mapping[str, str]) -> list[str]:
    """SQL: for each text, the rows with an e-mail address and those with a phone number."""
    asked = []
    for name in _texts(columns):
        value = f'"{name}"' if columns[name] == "VARCHAR" else f'"{name}"::varchar'
        asked += [
            f"count(*) filter (contains({value}, '@') and regexp_matches({value}, '{EMAIL_PATTERN}'))",
            f"count(*) filter ((contains({value}, '+') or contains({value}, '('))"
            f" and regexp_matches({value}, '{PHONE_PATTERN}'))",
        ]
    return asked


def _personal_findings(table: PublishedTable, columns: Mapping[str, str], counts: Iterator[int]) -> list[str]:
    findings = []
    for name in _texts(columns):
        for kind in ("an e-mail address", "a phone number"):
            count = next(counts)
            if count:
                findings.append(
                    f"{table.full_name}, column {name}: {count} rows hold {kind}; take it out of the model, or tag the"
                    " column as personal, and it will not be published"
                )
    return findings


def _ledger_findings(connection: duckdb.DuckDBPyConnection) -> list[str]:
    return [
        f"audit.loads, {load}: {delivered} rows delivered, but {accounted} accounted for"
        for load, delivered, accounted in connection.execute(
            "select load_id || ' (' || file_name || ')', rows_delivered,"
            " rows_accepted + rows_quarantined + rows_unparseable + rows_superseded as accounted"
            " from audit.loads where rows_delivered is distinct from accounted order by load_id limit 20"
        ).fetchall()
    ]
