"""Staging: every new row of an extract once in one table, typed and flagged, whatever format it came in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from expectations.contract import Column, Contract
from expectations.rules import (
    CELL_LIMIT,
    CompiledContract,
    identifier,
    literal,
    match_headers,
)
from orchestration.landing.scan import BadRecord, CsvScan, UnreadableFileError, clean_copy

SCRATCH = "gate"
STAGED = f"{SCRATCH}.main.staged"
ROWS = f"{SCRATCH}.main.staged_rows"
_UNIT, _NULL = "chr(31)", "chr(30)"


@dataclass
class Batch:
    """One delivered file (or the held-back rows of an earlier one) on its way through the gate."""

    load_id: str
    load_number: int
    file_name: str
    file_sha256: str
    file_bytes: int
    format: str
    landed_at: datetime
    headers: tuple[str, ...] = ()
    rows_delivered: int = 0
    is_new: bool = True
    is_judged_as_file: bool = True
    path: Path | None = None
    scan: CsvScan | None = None
    bad: list[BadRecord] = field(default_factory=list)
    refusal: str | None = None
    bad_is_stored: int = 0  # unparseable rows that quarantine has from an earlier landing
    order_name: str = ""  # greatest file name under which the content came; the file's own unless it came again
    order_number: int = 0  # number of the newest delivery under that name
    first_rowid: int = 0
    rows_staged: int = 0

    def __post_init__(self) -> None:
        self.order_name = self.order_name or self.file_name
        self.order_number = self.order_number or self.load_number

    @property
    def rows_unparseable(self) -> int:
        """Records that are no rows."""
        return len(self.bad) + self.bad_is_stored


@dataclass(frozen=True)
class _Source:
    """A relation that yields rows of loads with the same headers: SQL of each column's text and typed value."""

    relation: str
    load_number: str
    row_number: str  # SQL; null where the order of staging says it
    landed_at: str
    headers: tuple[str, ...]
    cells: tuple[str, ...]  # SQL of each header's value
    types: tuple[str, ...]  # type of each cell; varchar where it is text
    has_long_cells: bool


def _timestamp(text: str) -> str:
    """A text as naive UTC: an offset is converted, none means UTC, 13 digits are milliseconds since 1970."""
    return (
        f"coalesce(try_cast({text} as timestamptz) at time zone 'UTC', "
        f"case when regexp_full_match({text}, '-?\\d{{11,14}}') then make_timestamp(try_cast({text} as bigint) * 1000) "
        f"end)"
    )


def typed(column: Column, text: str) -> str:
    """SQL that reads a text as the column's type, null where it is none."""
    if column.physical_type == "timestamp":
        return _timestamp(text)
    if column.physical_type == "date":
        return f"coalesce(try_cast({text} as date), cast({_timestamp(text)} as date))"
    if column.logical_type == "integer":
        exact = f"try_cast({text} as decimal(38, 6))"
        return f"case when {exact} = trunc({exact}) then try_cast({exact} as {column.physical_type}) end"
    if column.physical_type == "double":
        return f"case when isfinite(try_cast({text} as double)) then try_cast({text} as double) end"
    return f"try_cast({text} as {column.physical_type})"


_DIRECT = {  # Parquet types that become the column's type without a detour over text
    "timestamp": (
        "TIMESTAMP",
        "TIMESTAMP_S",
        "TIMESTAMP_MS",
        "TIMESTAMP_NS",
        "TIMESTAMP WITH TIME ZONE",
        "DATE",
    ),
    "date": ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"),
    "boolean": ("BOOLEAN",),
    "bigint": ("BIGINT", "INTEGER", "SMALLINT", "TINYINT", "UINTEGER", "USMALLINT", "UTINYINT"),
    "integer": ("INTEGER", "SMALLINT", "TINYINT", "USMALLINT", "UTINYINT"),
    "double": ("BIGINT", "INTEGER", "SMALLINT", "TINYINT"),
}


def _pair(column: Column, cell: str | None, cell_type: str) -> tuple[str, str]:
    """SQL of a column's typed value and of its text as delivered (null where the value says it all)."""
    if cell is None:
        return f"cast(null as {column.physical_type})", "cast(null as varchar)"
    if cell_type in _DIRECT.get(column.physical_type, ()):
        value = f"{cell} at time zone 'UTC'" if "ZONE" in cell_type else cell
        # A typed moment has no text that could say or leave out an offset, so its day stands for it.
        text = f"cast({cell} as date)" if column.logical_type == "timestamp" else cell
        return f"cast({value} as {column.physical_type})", f"cast({text} as varchar)"
    text = cell if cell_type == "VARCHAR" else f"cast({cell} as varchar)"
    if column.is_text:
        return f"nullif({text}, '')", "null"
    text = f"nullif(trim({text}), '')"
    return typed(column, text), text


def staged_columns(compiled: CompiledContract) -> list[tuple[str, str]]:
    """Names and types of the staged table's columns."""
    columns = [("_load_number", "bigint"), ("_stored_row_number", "bigint")]
    columns += [(column.name, column.physical_type) for column in compiled.contract.columns]
    columns += [(f"{column.name}$text", "varchar") for column in compiled.contract.columns if not column.is_text]
    columns += [
        ("_extra", "varchar"),
        ("_key", "varchar"),
        ("_row_hash", "varchar"),
        ("_modified_at", "timestamp"),
        ("_is_deleted", "boolean"),
    ]
    return columns + [(compiled.flag(rule), "boolean") for rule in compiled.row_rules]


def create_staged(connection: duckdb.DuckDBPyConnection, compiled: CompiledContract) -> None:
    """An empty staged table for an extract."""
    columns = ", ".join(f"{identifier(name)} {kind}" for name, kind in staged_columns(compiled))
    connection.execute(f"drop view if exists {ROWS}")
    connection.execute(f"create or replace table {STAGED} ({columns})")


def _key(contract: Contract) -> str:
    names = contract.key
    if len(names) == 1:
        return f"cast({identifier(names[0])} as varchar)"
    needed = [name for name in names if contract.by_name[name].is_required]
    # A part that may be empty keeps its place in the key: an empty text between the bars.
    escaped = ", ".join(f"coalesce(replace(cast({identifier(n)} as varchar), '|', '\\|'), '')" for n in names)
    missing = " or ".join(f"{identifier(n)} is null" for n in needed)
    return f"case when {missing} then null else concat_ws('|', {escaped}) end"


def _insert(compiled: CompiledContract, source: _Source) -> str:
    """The statement that stages a source: text, then types, then key, hash and flags, in one pass."""
    contract = compiled.contract
    places = match_headers(compiled, source.headers)
    rest = sorted((h, i) for i, h in enumerate(source.headers) if i not in places.values())
    inner: list[str] = []
    for column in contract.columns:
        at = places.get(column.name)
        value, text = _pair(column, None if at is None else source.cells[at], "" if at is None else source.types[at])
        inner.append(f"{value} as {identifier(column.name)}")
        if not column.is_text:
            inner.append(f"{text} as {identifier(column.name + '$text')}")
    extra = "cast(null as varchar)"
    if rest:
        pairs = ", ".join(f"{literal(h)}, nullif(cast({source.cells[i]} as varchar), '')" for h, i in rest)
        extra = f"nullif(cast(json_merge_patch('{{}}', json_object({pairs})) as varchar), '{{}}')"
    modified = [f"cast({identifier(name)} as timestamp)" for name in contract.modified_at]
    content = ", ".join(
        f"coalesce(cast({identifier(name)} as varchar), {_NULL})"
        for name in (*(column.name for column in contract.columns), "_extra")
    )
    flags: list[str] = []
    for rule in compiled.row_rules:
        broken = rule.predicate
        absent = rule.column is not None and rule.column not in places
        column = None if rule.column is None else contract.by_name[rule.column]
        unlimited = rule.kind == "max_length" and column is not None and column.max_length is None
        # A join would lose the order of the file's rows, by which they are numbered: see flag_orphans.
        is_join = rule.kind == "reference"
        if (
            broken is None
            or absent
            or is_join
            or ((unlimited or rule.kind == "max_cell") and not source.has_long_cells)
        ):
            broken = "false"
        flags.append(f"coalesce({broken}, false) as {identifier(compiled.flag(rule))}")
    names = [identifier(name) for name, _ in staged_columns(compiled)]
    return f"""
        insert into {STAGED} ({", ".join(names)})
        select {", ".join(names)} from (
            select *,
                {_key(contract)} as _key,
                md5(concat_ws({_UNIT}, {content})) as _row_hash,
                {"coalesce(" + ", ".join(modified) + ")" if modified else "cast(null as timestamp)"} as _modified_at,
                {f"coalesce({identifier(contract.is_deleted)}, false)" if contract.is_deleted else "false"}
                    as _is_deleted,
                {", ".join(flags)}
            from (
                select {source.load_number} as _load_number, {source.row_number} as _stored_row_number,
                    {source.landed_at} as _landed_at, {", ".join(inner)}, {extra} as _extra
                from {source.relation}
            )
        )
    """


def _constant(value: datetime) -> str:
    return f"timestamp '{value:%Y-%m-%d %H:%M:%S.%f}'"


def _csv_relation(paths: Sequence[Path], headers: Sequence[str], delimiter: str, longest: int) -> str:
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(headers)))
    files = ", ".join(literal(str(path)) for path in paths)
    line = max(longest + 16, 2_000_000)
    # The buffer must hold several lines; DuckDB's own default suffices for ordinary ones.
    buffer = f", buffer_size={line * 2 + 1024}" if line > 16_000_000 else ""
    return (
        f"read_csv([{files}], columns={{{columns}}}, header=true, auto_detect=false, delim={literal(delimiter)}, "
        f"quote='\"', escape='\"', strict_mode=true, null_padding=false, filename='_path', "
        f"max_line_size={line}{buffer})"
    )


def _stage(connection: duckdb.DuckDBPyConnection, statement: str, batches: Sequence[Batch], expected: int) -> None:
    """Run a staging statement; raises UnreadableFileError where the parser's count is not the scan's."""
    ((last,),) = connection.execute(f"select coalesce(max(rowid), -1) from {STAGED}").fetchall()
    inserted = connection.execute(statement).fetchone()[0]  # type: ignore[index]
    # Rows of an attempt that was taken back leave a gap before these.
    ((first,),) = connection.execute(
        f"select coalesce(min(rowid), {last + 1}) from {STAGED} where rowid > {last}"
    ).fetchall()
    if inserted != expected:
        connection.execute(f"delete from {STAGED} where rowid >= {first}")
        raise UnreadableFileError(f"it has {expected} records, but {inserted} rows could be read")
    if len(batches) > 1 and not _is_in_order(connection, first, batches):
        connection.execute(f"delete from {STAGED} where rowid >= {first}")
        raise UnreadableFileError("its rows were not read in the order of the files")
    for batch in batches:
        batch.first_rowid = first
        first += batch.rows_staged


def _is_in_order(connection: duckdb.DuckDBPyConnection, first: int, batches: Sequence[Batch]) -> bool:
    """Whether files that were read together lie one after the other, each with all its rows."""
    spans = {
        row[0]: row[1:]
        for row in connection.execute(
            f"select _load_number, min(rowid), max(rowid), count(*) from {STAGED} where rowid >= {first} group by all"
        ).fetchall()
    }
    for batch in batches:
        if batch.rows_staged and spans.get(batch.load_number) != (
            first,
            first + batch.rows_staged - 1,
            batch.rows_staged,
        ):
            return False
        first += batch.rows_staged
    return True


def flag_orphans(connection: duckdb.DuckDBPyConnection, compiled: CompiledContract) -> None:
    """Flag staged rows whose strict references point nowhere."""
    for rule in compiled.row_rules:
        if rule.kind == "reference":
            flag = identifier(compiled.flag(rule))
            connection.execute(f"update {STAGED} set {flag} = true where {rule.predicate}")


def stage_csv(
    connection: duckdb.DuckDBPyConnection, compiled: CompiledContract, batches: Sequence[Batch], scratch: Path
) -> None:
    """Stage CSV files with one header and delimiter together; a malformed one on its own, without its bad rows."""
    scans = [batch.scan for batch in batches]
    assert all(scan is not None for scan in scans)
    first = scans[0]
    assert first is not None
    longest = max(scan.longest_record for scan in scans if scan is not None)
    paths = [batch.path for batch in batches if batch.path is not None]
    for batch in batches:
        batch.rows_staged = batch.rows_delivered
    try:
        _stage_csv_files(connection, compiled, batches, paths, first, longest)
        return
    except (duckdb.Error, UnreadableFileError):
        if len(batches) > 1:
            for batch in batches:
                stage_csv(connection, compiled, [batch], scratch)
            return
    batch = batches[0]
    assert batch.path is not None
    target = scratch / f"{batch.load_id}.csv"
    try:
        batch.bad = clean_copy(batch.path, first, target).bad
        batch.rows_staged = batch.rows_delivered - len(batch.bad)
        _stage_csv_files(connection, compiled, [batch], [target], first, longest)
    except (duckdb.Error, UnreadableFileError) as problem:
        batch.refusal = _first_line(problem)
        batch.rows_staged = 0
        batch.bad = []
    finally:
        target.unlink(missing_ok=True)


def _first_line(problem: Exception) -> str:
    return str(problem).split("\n\n")[0].replace("\n", " ")[:500]


def _stage_csv_files(
    connection: duckdb.DuckDBPyConnection,
    compiled: CompiledContract,
    batches: Sequence[Batch],
    paths: Sequence[Path],
    scan: CsvScan,
    longest: int,
) -> None:
    numbers = ", ".join(f"{literal(str(p))}: {b.load_number}" for p, b in zip(paths, batches, strict=True))
    source = _Source(
        relation=_csv_relation(paths, scan.headers, scan.delimiter, longest),
        load_number=f"map {{{numbers}}}[_path]" if len(batches) > 1 else str(batches[0].load_number),
        row_number="null",
        landed_at=_constant(batches[0].landed_at),
        headers=scan.headers,
        cells=tuple(f"c{i}" for i in range(len(scan.headers))),
        types=("VARCHAR",) * len(scan.headers),
        has_long_cells=longest > CELL_LIMIT,
    )
    expected = sum(batch.rows_staged for batch in batches)
    _stage(connection, _insert(compiled, source), batches, expected)


def stage_parquet(connection: duckdb.DuckDBPyConnection, compiled: CompiledContract, batch: Batch) -> None:
    """Stage a Parquet file; `rows_delivered` is what its footer says."""
    file = literal(str(batch.path))
    try:
        batch.rows_delivered = batch.rows_staged = connection.execute(
            f"select coalesce(sum(num_rows), 0)::bigint from parquet_file_metadata({file})"
        ).fetchone()[0]  # type: ignore[index]
        described = connection.execute(f"describe select * from read_parquet({file})").fetchall()
        batch.headers = tuple(row[0] for row in described)
        source = _Source(
            relation=f"read_parquet({file})",
            load_number=str(batch.load_number),
            row_number="null",
            landed_at=_constant(batch.landed_at),
            headers=batch.headers,
            cells=tuple(identifier(row[0]) for row in described),
            types=tuple(str(row[1]) for row in described),
            has_long_cells=True,
        )
        _stage(connection, _insert(compiled, source), [batch], batch.rows_delivered)
    except (duckdb.Error, UnreadableFileError) as problem:
        batch.refusal = f"it is no complete Parquet file ({_first_line(problem)}); deliver it again"
        batch.rows_staged = batch.rows_delivered = 0


def stage_jsonl(connection: duckdb.DuckDBPyConnection, compiled: CompiledContract, batch: Batch) -> None:
    """Stage a JSONL file: one object a line; other lines are unparseable, blank ones are none."""
    lines = f"{SCRATCH}.main.json_lines"
    size = batch.file_bytes
    buffer = f", max_line_size={size + 16}, buffer_size={size * 2 + 1024}" if size > 2_000_000 else ""
    if size > 2_000_000:
        longest = _longest_line(batch.path)
        buffer = f", max_line_size={longest + 16}" if longest > 2_000_000 else ""
        buffer += f", buffer_size={longest * 2 + 1024}" if longest > 16_000_000 else ""
    try:
        connection.execute(
            f"""create or replace table {lines} as
                select row_number() over () as number, line, coalesce(json_type(try_cast(line as json)), '') = 'OBJECT'
                    as is_object
                from read_csv({literal(str(batch.path))}, columns={{'line': 'VARCHAR'}}, header=false,
                    auto_detect=false, delim=chr(1), quote='', escape='', comment=''{buffer})
                where trim(line) <> ''"""
        )
        batch.rows_delivered = connection.execute(f"select count(*) from {lines}").fetchone()[0]  # type: ignore[index]
        batch.bad = [
            BadRecord(number, line, "is no JSON object")
            for number, line in connection.execute(
                f"select number, line from {lines} where not is_object order by number"
            ).fetchall()
        ]
        batch.rows_staged = batch.rows_delivered - len(batch.bad)
        keys = connection.execute(
            f"""select key from (select unnest(json_keys(line)) as key, number from {lines} where is_object)
                group by key order by min(number), key"""
        ).fetchall()
        batch.headers = tuple(row[0] for row in keys)
        if batch.headers:
            source = _json_source(
                f"(select number, line from {lines} where is_object order by number)",
                str(batch.load_number),
                "number",
                _constant(batch.landed_at),
                batch.headers,
                "line",
            )
            _stage(connection, _insert(compiled, source), [batch], batch.rows_staged)
    except (duckdb.Error, UnreadableFileError) as problem:
        batch.refusal = _first_line(problem)
        batch.rows_staged = batch.rows_delivered = 0
        batch.bad = []
    finally:
        connection.execute(f"drop table if exists {lines}")


def _longest_line(path: Path | None) -> int:
    assert path is not None
    with path.open("rb") as file:
        return max((len(line) for line in file), default=0)


def _json_source(
    relation: str, load_number: str, row_number: str, landed_at: str, headers: tuple[str, ...], document: str
) -> _Source:
    return _Source(
        relation=relation,
        load_number=load_number,
        row_number=row_number,
        landed_at=landed_at,
        headers=headers,
        cells=tuple(f"({document} ->> {literal(json_path(h))})" for h in headers),
        types=("VARCHAR",) * len(headers),
        has_long_cells=True,
    )


def json_path(header: str) -> str:
    """JSON path of a delivered header."""
    return '$."' + header.replace("\\", "\\\\").replace('"', '\\"') + '"'


def stage_held(connection: duckdb.DuckDBPyConnection, compiled: CompiledContract, batches: Sequence[Batch]) -> None:
    """Stage the held-back rows of earlier loads again, from what quarantine keeps as delivered."""
    groups: dict[tuple[str, ...], list[Batch]] = {}
    for batch in batches:
        groups.setdefault(batch.headers, []).append(batch)
    for headers, members in groups.items():
        numbers = ", ".join(str(batch.load_number) for batch in members)
        landed = ", ".join(f"{batch.load_number}: {_constant(batch.landed_at)}" for batch in members)
        source = _json_source(
            f"(select * from audit.quarantine where not is_unparseable and load_number in ({numbers}))",
            "load_number",
            "row_number",
            f"map {{{landed}}}[load_number]",
            headers,
            "raw_row",
        )
        connection.execute(_insert(compiled, source))


def finish_staged(connection: duckdb.DuckDBPyConnection, compiled: CompiledContract, batches: Sequence[Batch]) -> None:
    """Give every staged row its number in its file, and the view that says which rows are held back."""
    offsets, shifts = [], []
    for batch in batches:
        if batch.is_new and batch.format != "jsonl" and batch.rows_staged:
            offsets.append((batch.load_number, batch.first_rowid))
            shifts += [
                (batch.load_number, record.number - position, position + 1) for position, record in enumerate(batch.bad)
            ]
    connection.execute(f"create or replace table {SCRATCH}.main.offsets (load_number bigint, first_rowid bigint)")
    insert_rows(connection, f"{SCRATCH}.main.offsets", offsets)
    number = "coalesce(s._stored_row_number, s.rowid - o.first_rowid + 1)"
    join = f"left join {SCRATCH}.main.offsets as o on o.load_number = s._load_number"
    if shifts:
        connection.execute(
            f"create or replace table {SCRATCH}.main.shifts (load_number bigint, threshold bigint, shift bigint)"
        )
        insert_rows(connection, f"{SCRATCH}.main.shifts", shifts)
        join += (
            f" asof left join (select load_number, threshold, max(shift) as shift from {SCRATCH}.main.shifts "
            "group by all) as f on f.load_number = s._load_number and "
            "f.threshold <= s.rowid - o.first_rowid + 1"
        )
        number += " + coalesce(f.shift, 0)"
    held = " or ".join(identifier(compiled.flag(rule)) for rule in compiled.row_rules if rule.severity == "error")
    connection.execute(
        f"create or replace view {ROWS} as select s.*, s.rowid as _rid, {number} as _row_number, ({held}) as _is_held "
        f"from {STAGED} as s {join}"
    )


def insert_rows(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple]) -> None:
    """Insert Python rows in one statement, column by column (executemany runs one statement a row)."""
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        unnested = ", ".join("unnest(?)" for _ in columns)
        connection.execute(f"insert into {table} select {unnested}", columns)
