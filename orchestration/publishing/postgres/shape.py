"""What goes into PostgreSQL, read from the published file: tables, columns, types, comments, keys and indexes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import duckdb

from orchestration.publishing.postgres.server import PostgresError
from orchestration.publishing.tables import PublishedTable

# One schema with every mart, beside the schemas of the file.
ALL_MARTS = "marts"
_NOT_MARTS = frozenset({"audit", "metrics"})
# What says which build is there; the file says it in audit.builds.
PUBLISH = "_publish"
_LONGEST_NAME = 63

# As PostgreSQL itself writes them, so that they can be compared with what is there.
_TYPES = {
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "UTINYINT": "smallint",
    "SMALLINT": "smallint",
    "USMALLINT": "integer",
    "INTEGER": "integer",
    "UINTEGER": "bigint",
    "BIGINT": "bigint",
    "UBIGINT": "numeric(20,0)",
    "HUGEINT": "numeric(38,0)",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "VARCHAR": "text",
    "UUID": "text",
    "DATE": "date",
    "TIME": "time without time zone",
    "TIMESTAMP": "timestamp without time zone",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "BLOB": "bytea",
}
# What is read from the file in another type than it is stored in.
_READ_AS = {"UBIGINT": "decimal(20,0)", "HUGEINT": "decimal(38,0)", "UUID": "varchar"}


@dataclass(frozen=True)
class Column:
    """One column: its name, its type in PostgreSQL, how it is read from the file, and what it means."""

    name: str
    data_type: str
    source: str
    comment: str = ""


@dataclass(frozen=True)
class TableShape:
    """One table of the file.

    Attributes:
        schema: Its schema in the file.
        name: Its name.
        comment: What it holds.
        columns: In the file's order.
        query: What reads it from the file.
        rows: How many rows it has.
        keys: Sets of columns that are never null and occur once; the first becomes the primary key.
        indexes: Columns by which dashboards filter and join, beside the keys.
    """

    schema: str
    name: str
    comment: str
    columns: tuple[Column, ...]
    query: str
    rows: int
    keys: tuple[tuple[str, ...], ...] = ()
    indexes: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """`schema.name`."""
        return f"{self.schema}.{self.name}"

    @property
    def places(self) -> tuple[tuple[str, str], ...]:
        """Where readers find it: under the file's schema, and marts in the schema of all marts too."""
        is_mart = self.schema not in _NOT_MARTS or self.name == PUBLISH
        return ((self.schema, self.name), (ALL_MARTS, self.name)) if is_mart else ((self.schema, self.name),)


@dataclass(frozen=True)
class BuildRow:
    """The build that the file holds."""

    build_id: str
    build_number: int
    published_at: datetime
    origin: str
    is_demo: bool


def read_build(file: duckdb.DuckDBPyConnection) -> BuildRow:
    """The build of a published file."""
    (row,) = file.execute(
        "select build_id, build_number, published_at, origin, is_demo from audit.builds"
        " order by build_number desc limit 1"
    ).fetchall()
    return BuildRow(*row)


def read_shapes(
    file: duckdb.DuckDBPyConnection, tables: Iterable[PublishedTable], indexes: Mapping[str, Sequence[str]]
) -> tuple[TableShape, ...]:
    """Every table of a published file, and the row that says which build it is.

    Args:
        file: The published file.
        tables: Where the keys are known from.
        indexes: Columns to index by `schema.table`.

    Raises:
        PostgresError: a column has a type, or a table a name, that cannot be in PostgreSQL.
    """
    keys = {table.full_name: table.keys for table in tables}
    # A column that is named like the key of another table refers to it.
    key_names = {key[0] for each in keys.values() for key in each if len(key) == 1 and key[0].endswith("_id")}
    found = [
        TableShape(schema, name, comment or "", (), f"{_quoted(schema)}.{_quoted(name)}", 0)
        for schema, name, comment in file.execute(
            "select schema_name, table_name, comment from duckdb_tables()"
            " where database_name = current_database() and not internal order by schema_name, table_name"
        ).fetchall()
    ]
    columns: dict[tuple[str, str], list[tuple[str, str, str | None]]] = {}
    for schema, table, *column in file.execute(
        "select schema_name, table_name, column_name, data_type, comment from duckdb_columns()"
        " where database_name = current_database() and not internal order by schema_name, table_name, column_index"
    ).fetchall():
        columns.setdefault((schema, table), []).append(tuple(column))
    shapes = []
    for table in found:
        ((rows,),) = file.execute(f"select count(*) from {table.query}").fetchall()
        shaped = tuple(_column(table.full_name, *column) for column in columns[table.schema, table.name])
        names = {column.name for column in shaped}
        own_keys = tuple(key for key in keys.get(table.full_name, ()) if set(key) <= names)
        leading = {key[0] for key in own_keys}
        shapes.append(
            replace(
                table,
                columns=shaped,
                query=f"select {', '.join(column.source for column in shaped)} from {table.query}",
                rows=rows,
                keys=own_keys,
                indexes=tuple(
                    column.name
                    for column in shaped
                    if column.name not in leading
                    and (
                        column.name in indexes.get(table.full_name, ())
                        or column.name in key_names
                        # The days of facts, by which every chart over time filters.
                        or (table.name.startswith("fct_") and column.data_type == "date")
                        or column.name.startswith("metric_time__")
                    )
                ),
            )
        )
    shapes.append(_publish_shape(file, shapes))
    _check_names(shapes)
    return tuple(shapes)


def _column(table: str, name: str, data_type: str, comment: str | None) -> Column:
    base, of_lists = re.fullmatch(r"(.*?)((?:\[\d*\])*)", data_type).groups()  # type: ignore[union-attr]
    decimal = re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", base)
    if decimal:
        known: str | None = f"numeric({decimal[1]},{decimal[2]})"
    elif base.startswith("ENUM("):
        known, base = "text", "ENUM"
    else:
        known = _TYPES.get(base)
    if known is None or (of_lists and (known.startswith("numeric") or of_lists.count("[") > 1)):
        raise PostgresError(
            f"{table}, column {name}: PostgreSQL gets no values of type {data_type}; give the model's column a simple"
            " type"
        )
    source = _quoted(name)
    if base in ("ENUM", *_READ_AS):
        source = f"{source}::{_READ_AS.get(base, 'varchar')}{of_lists}"
    if known == "text":
        # PostgreSQL's texts cannot hold the character of code 0.
        cleaned = "replace({}, chr(0), chr(65533))"
        source = f"list_transform({source}, lambda x: {cleaned.format('x')})" if of_lists else cleaned.format(source)
    if of_lists:
        known += "[]"
    return Column(name, known, source if source == _quoted(name) else f"{source} as {_quoted(name)}", comment or "")


_PUBLISH_COLUMNS = (
    ("build_id", "VARCHAR", "Identifier of the build whose figures all tables here hold."),
    ("build_number", "BIGINT", "Rising number of the build."),
    ("as_of", "TIMESTAMP", "The now of the build, the data cut, UTC."),
    ("definition_version", "VARCHAR", "Definition version in force at as_of; null before the first."),
    ("is_provisional", "BOOLEAN", "Whether a version that took effect lacks a signature."),
    ("is_demo", "BOOLEAN", "Whether the build is the generated demo."),
    ("marks", "VARCHAR", "What every chart must say: PROVISIONAL, DEMO, both, or nothing."),
    ("origin", "VARCHAR", "What it was built from: extracts, or the demo at a scale."),
    ("stale_extracts", "VARCHAR", "Extracts that kept older data, separated by commas."),
    ("definitions_hash", "VARCHAR", "Hash of all agreed tables."),
    ("code_hash", "VARCHAR", "Hash of the models, macros and contracts."),
    ("tables", "BIGINT", "How many tables the build has."),
    ("rows", "BIGINT", "How many rows they have together."),
    ("published_at", "TIMESTAMP", "When the build was published, UTC."),
    ("loaded_at", "TIMESTAMP", "When it was loaded into this database, UTC."),
)


def _publish_shape(file: duckdb.DuckDBPyConnection, shapes: Sequence[TableShape]) -> TableShape:
    loaded_at = datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" ")
    made = {
        "marks": "concat_ws(', ', case when is_provisional then 'PROVISIONAL' end, case when is_demo then 'DEMO' end)",
        "tables": f"{len(shapes)}::bigint",
        "rows": f"{sum(shape.rows for shape in shapes)}::bigint",
        "loaded_at": f"timestamp '{loaded_at}'",
    }
    listed = ", ".join(f"{made.get(name, name)} as {_quoted(name)}" for name, *_ in _PUBLISH_COLUMNS)
    ((marks,),) = file.execute(
        f"select {made['marks']} from audit.builds order by build_number desc limit 1"
    ).fetchall()
    return TableShape(
        "audit",
        PUBLISH,
        (f"[{marks}] " if marks else "") + "One row: the build that all tables here hold.",
        tuple(_column("audit._publish", *column) for column in _PUBLISH_COLUMNS),
        f"select {listed} from audit.builds order by build_number desc limit 1",
        1,
        keys=(("build_id",),),
    )


def _check_names(shapes: Sequence[TableShape]) -> None:
    names = [
        (shape.full_name, name) for shape in shapes for name in (shape.name, *(column.name for column in shape.columns))
    ]
    long = [f"{table}: {name}" for table, name in names if len(name.encode()) > _LONGEST_NAME]
    if long:
        raise PostgresError(f"names in PostgreSQL have at most {_LONGEST_NAME} bytes: rename {', '.join(long)}")
    places = [place for shape in shapes for place in shape.places]
    twice = sorted({".".join(place) for place in places if places.count(place) > 1})
    if twice:
        raise PostgresError(f"two tables would both be {', '.join(twice)}: rename one of them")


def indexes_of(manifest: Mapping[str, Any], semantic: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The columns by which tables are joined and filtered, by `schema.table`.

    They are the foreign keys that dbt tests, and the entities and times of the semantic layer.

    Args:
        manifest: dbt's manifest.
        semantic: The semantic manifest of the same project.
    """
    found: dict[str, dict[str, None]] = {}
    nodes = manifest["nodes"]
    for node in nodes.values():
        if (node.get("test_metadata") or {}).get("name") == "relationships" and node.get("attached_node") in nodes:
            parent = nodes[node["attached_node"]]
            column = node["test_metadata"]["kwargs"].get("column_name")
            found.setdefault(f"{parent['schema']}.{parent['alias']}", {})[str(column)] = None
    for model in semantic["semantic_models"]:
        relation = model["node_relation"]
        columns = found.setdefault(f"{relation['schema_name']}.{relation['alias']}", {})
        for part in (*model["entities"], *(one for one in model["dimensions"] if one["type"] == "time")):
            column = part.get("expr") or part["name"]
            if str(column).isidentifier():
                columns[column] = None
    return {table: tuple(columns) for table, columns in found.items()}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
