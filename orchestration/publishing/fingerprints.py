"""Whether two warehouses hold the same rows."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import duckdb

# What says when a build was made, rather than what it holds.
_ABOUT_BUILDS = frozenset({"audit.builds"})


def fingerprints(warehouse: Path, *, leave_out: Collection[str] = _ABOUT_BUILDS) -> dict[str, str]:
    """The row count and an order-independent hash of every table of a published warehouse, by `schema.table`.

    Two tables with the same fingerprint hold the same rows in the same columns, in whatever order.
    """
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name, list(column_name order by column_name)"
            " from duckdb_columns() where not internal and database_name = current_database()"
            " group by all order by all"
        ).fetchall()
        found = {}
        for schema, table, columns in tables:
            if f"{schema}.{table}" in leave_out:
                continue
            listed = ", ".join(f'"{column}"' for column in columns)
            query = f'select count(*), coalesce(sum(hash({listed})::hugeint), 0) from "{schema}"."{table}"'
            ((rows, digest),) = connection.execute(query).fetchall()
            found[f"{schema}.{table}"] = f"{rows} rows, {len(columns)} columns, {digest}"
        return found
