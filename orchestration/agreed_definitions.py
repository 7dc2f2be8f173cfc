"""The agreed definitions of a build: our tables, each replaced by the company's of the same name, checked and bound.

Every table is described once, in the YAML beside our CSV: its columns, types, keys and accepted values. The
company's folder is only ever read. What dbt reads is a merged copy inside the project's scratch folder, named by
its content, so that two builds with different definitions never share one.

On the command line: `python -m orchestration.agreed_definitions check` says how each version stands, and
`… hash [VERSION]` prints the content hash that a signature is bound to, and the short hash of each table in it.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import io
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from orchestration.settings import Settings, SettingsError, read_settings

VERSIONS_TABLE = "definition_versions"
SIGNED_ROWS = "signed_rows"
_SIGNATURES = ("signed_by_marketing", "signed_by_sales")
# In C where it is there, which takes a tenth of the time.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Tests of the tables' YAML that are made here, with file and line, before anything runs.
_CHECKED = frozenset({"unique", "not_null", "unique_combination", "accepted_values"})
_SHORT = 12
_ROWS_NAMED = 5
_SIGNED_ON = {"signed_by_marketing": "marketing_signed_on", "signed_by_sales": "sales_signed_on"}


class DefinitionsError(Exception):
    """Agreed tables that cannot be built on; the message has one line a finding: file, row, column, value."""


@dataclass(frozen=True)
class ColumnSpec:
    """One column as its table's YAML describes it.

    `default` fills the column where a company's file leaves it out; without `has_default` it must be there.
    `references` is the table and column that its values stand in; only a strict reference has to hold.
    """

    name: str
    data_type: str = "varchar"
    is_required_value: bool = False
    accepted: tuple[str, ...] = ()
    has_default: bool = False
    default: str = ""
    description: str = ""
    references: tuple[str, str] | None = None
    is_strict_reference: bool = False


@dataclass(frozen=True)
class Key:
    """Columns that together occur once; compared without case where the table says so."""

    columns: tuple[str, ...]
    ignores_case: bool = False


@dataclass(frozen=True)
class TableSpec:
    """One agreed table as its YAML describes it."""

    name: str
    description: str
    columns: tuple[ColumnSpec, ...]
    keys: tuple[Key, ...] = ()
    owner: str = "analytics"

    @property
    def is_versioned(self) -> bool:
        """Whether its rows belong to definition versions and are bound by their signatures."""
        return self.name != VERSIONS_TABLE and any(column.name == "version" for column in self.columns)


@dataclass(frozen=True)
class Place:
    """Where rows stand: a file and its lines, or a sheet of a workbook and its rows."""

    path: Path
    unit: str = "line"
    says_rules: bool = False

    def at(self, number: int | None, column: str | None, words: str, rule: str) -> str:
        """What is wrong at a place of it, in words."""
        where = [self.path.name]
        where += [f"{self.unit} {number}"] if number is not None else []
        where += [f"column {column}"] if column is not None else []
        return f"{', '.join(where)}: {words}" + (f" (rule {rule})" if self.says_rules else "")


@dataclass(frozen=True)
class Table:
    """The rows of one table: canonical text by column, empty for null; `lines` are their places in the file.

    `unit` is what a place is called: a line of a file, a row of a sheet.
    """

    spec: TableSpec
    path: Path
    rows: tuple[Mapping[str, str], ...]
    lines: tuple[int, ...]
    is_company: bool
    unit: str = "line"

    @property
    def place(self) -> Place:
        """Where its rows stand."""
        return Place(self.path, self.unit, says_rules=self.unit != "line")


@dataclass(frozen=True)
class VersionState:
    """How one definition version stands.

    Attributes:
        version: Its name.
        effective_from: Since when it is in force (naive UTC); None where it is only proposed.
        content_hash: Hash of its present content.
        missing: What a full signature still lacks.
    """

    version: str
    effective_from: datetime | None
    content_hash: str
    missing: tuple[str, ...]

    @property
    def is_signed(self) -> bool:
        """Whether both teams have signed exactly this content."""
        return not self.missing


@dataclass(frozen=True)
class Definitions:
    """All agreed tables of a build and the state of every version."""

    tables: Mapping[str, Table]
    versions: tuple[VersionState, ...]
    folder: Path = field(default=Path())

    @cached_property
    def content_hash(self) -> str:
        """The hash of every table as it is, versioned or not: another hash is another build."""
        digest = hashlib.sha256()
        for name in sorted(self.tables):
            digest.update(_csv_text(self.tables[name]).encode())
            digest.update(b"\0")
        return digest.hexdigest()

    def in_force(self, as_of: datetime) -> VersionState | None:
        """The version in force at an instant (naive UTC); the earliest reaches back to the beginning."""
        scheduled = [version for version in self.versions if version.effective_from is not None]
        begun = [version for version in scheduled if version.effective_from <= as_of]
        return begun[-1] if begun else next(iter(scheduled), None)

    def unsigned(self, as_of: datetime) -> tuple[VersionState, ...]:
        """Versions in force by `as_of` without both signatures: they make a build PROVISIONAL."""
        present = self.in_force(as_of)
        return tuple(
            version
            for version in self.versions
            if not version.is_signed
            and (version == present or (version.effective_from is not None and version.effective_from <= as_of))
        )


def load_definitions(settings: Settings) -> Definitions:
    """Read, check and merge the agreed tables, and lay the merged copy where dbt will read it.

    The demo company has noted things of its own, unless a folder of definitions is given.

    Raises:
        DefinitionsError: with every finding, one a line.
    """
    ours = settings.project / "seeds"
    specs = read_specs(ours)
    invented = settings.project / "sample" / "definitions"
    company = (
        invented if settings.definitions is None and settings.is_demo and invented.is_dir() else settings.definitions
    )
    tables = read_tables(specs, ours, company)
    definitions = Definitions(tables, version_states(tables))
    folder = _write_merged(definitions, ours, settings.scratch / "seeds")
    return Definitions(tables, definitions.versions, folder)


def read_specs(ours: Path) -> dict[str, TableSpec]:
    """The description of every agreed table, by name, from the YAML files beside our CSV files."""
    specs: dict[str, TableSpec] = {}
    for path in sorted(ours.glob("*.yml")):
        for seed in (yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER) or {}).get("seeds", []):
            specs[seed["name"]] = _table_spec(seed)
    undescribed = sorted({path.stem for path in ours.glob("*.csv")} - set(specs))
    if undescribed:
        raise DefinitionsError("\n".join(f"seeds/{name}.csv has no YAML that describes it" for name in undescribed))
    return specs


def _table_spec(seed: Mapping[str, Any]) -> TableSpec:
    config = seed.get("config", {})
    types = {**config.get("column_types", {})}
    keys: list[Key] = []
    columns = []
    names = [column["name"] for column in seed.get("columns", [])]
    for column in seed.get("columns", []):
        tests = dict(_named(test) for test in column.get("data_tests", []))
        meta = {**column.get("meta", {}), **column.get("config", {}).get("meta", {})}
        if "unique" in tests:
            keys.append(Key((column["name"],)))
        columns.append(
            ColumnSpec(
                name=column["name"],
                data_type=str(types.get(column["name"], column.get("data_type", "varchar"))).lower(),
                is_required_value="not_null" in tests and "where" not in tests["not_null"].get("config", {}),
                accepted=tuple(str(v) for v in _arguments(tests.get("accepted_values", {})).get("values", [])),
                has_default="default" in meta,
                default="" if meta.get("default") is None else _yaml_text(meta["default"]),
                description=" ".join(column.get("description", "").split()),
                references=_reference(tests.get("relationships")),
                is_strict_reference="relationships" in tests and not _is_warning(tests["relationships"]),
            )
        )
    for name, test in (_named(test) for test in seed.get("data_tests", [])):
        if name.startswith("unique"):
            arguments = _arguments(test)
            given = arguments.get("columns") or arguments.get("combination_of_columns") or arguments.get("column_name")
            # A key may be an expression over columns: those it names are the key.
            text = given if isinstance(given, str) else " || ".join(given or [])
            key = tuple(column for column in names if re.search(rf"\b{re.escape(column)}\b", text))
            keys.append(Key(key, ignores_case="lower(" in text or "normalised_name(" in text))
    return TableSpec(
        name=seed["name"],
        description=" ".join(seed.get("description", "").split()),
        columns=tuple(columns),
        keys=tuple(key for key in keys if key.columns),
        owner=str(config.get("group", "analytics")),
    )


def _reference(test: Mapping[str, Any] | None) -> tuple[str, str] | None:
    arguments = _arguments(test or {})
    named = re.fullmatch(r"\s*ref\(\s*['\"](\w+)['\"]\s*\)\s*", str(arguments.get("to", "")))
    return (named[1], str(arguments["field"])) if named else None


def _is_warning(test: Mapping[str, Any]) -> bool:
    return str(test.get("config", {}).get("severity", "error")).lower() == "warn"


def _named(test: str | Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    if isinstance(test, str):
        return test, {}
    name = next(key for key in test if key not in {"name", "config", "description"})
    return name, test[name] or {}


def _arguments(test: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**test, **test.get("arguments", {})}


def _yaml_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def read_tables(specs: Mapping[str, TableSpec], ours: Path, company: Path | None) -> dict[str, Table]:
    """Read every table, the company's file where it has one, and check all of them.

    Raises:
        DefinitionsError: with every finding in every table.
    """
    findings: list[str] = []
    files: dict[str, Path] = {}
    for path in sorted(company.iterdir()) if company else []:
        if path.name.startswith(".") or path.suffix.lower() == ".md":
            continue
        if path.suffix == ".csv" and path.is_file() and path.stem in specs:
            files[path.stem] = path
        else:
            known = [f"{name}.csv" for name in sorted(specs)]
            near = difflib.get_close_matches(path.name.lower(), known, n=1)
            meant = f". Is it {near[0]}?" if near else f"; the folder may hold {', '.join(known)}"
            findings.append(f"{path.name}: not an agreed table{meant}")
    tables = {}
    for name, spec in sorted(specs.items()):
        path = files.get(name, ours / f"{name}.csv")
        table, found = _read_table(spec, path, is_company=name in files)
        findings += found
        if table is not None:
            tables[name] = table
    if not findings:
        findings = findings_across(tables)
    if findings:
        raise DefinitionsError("\n".join(findings))
    return tables


def _read_table(spec: TableSpec, path: Path, *, is_company: bool) -> tuple[Table | None, list[str]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        return None, [f"{path.name}: cannot be read ({error.strerror})"]
    except UnicodeDecodeError as error:
        return None, [f"{path.name}: not UTF-8 (byte {error.start + 1}); save it as CSV UTF-8"]
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        numbered = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        return None, [f"{path.name}, line {reader.line_num}: not CSV ({error})"]

    return check_table(spec, Place(path), header, numbered, is_company=is_company)


def check_table(
    spec: TableSpec,
    place: Place,
    header: Sequence[str],
    numbered: Sequence[tuple[int, Sequence[str]]],
    *,
    is_company: bool,
) -> tuple[Table | None, list[str]]:
    """Check rows of texts under a header; returns the table, None where its columns are wrong, and every finding."""
    findings = _header_findings(spec, place, header, is_company=is_company)
    if findings:
        return None, findings
    rows, lines = [], []
    for line, cells in numbered:
        if len(cells) != len(header):
            words = f"{len(cells)} values for {len(header)} columns"
            findings.append(place.at(line, None, words, "columns"))
            continue
        delivered = dict(zip(header, (cell.strip() for cell in cells), strict=True))
        row = {}
        for column in spec.columns:
            value = delivered.get(column.name, column.default)
            canonical, problem = _canonical(value, column)
            if problem:
                rule, words = problem
                findings.append(place.at(line, column.name, f"{value!r} {words}", rule))
            row[column.name] = canonical
        rows.append(row)
        lines.append(line)
    findings += _duplicate_findings(spec, place, rows, lines)
    return Table(spec, place.path, tuple(rows), tuple(lines), is_company, place.unit), findings


def _header_findings(spec: TableSpec, place: Place, header: Sequence[str], *, is_company: bool) -> list[str]:
    known = {column.name for column in spec.columns}
    if not header:
        needed = ",".join(c.name for c in spec.columns)
        return [place.at(None, None, f"empty; it needs at least the header {needed}", "columns")]
    if len(header) == 1 and (separator := next((each for each in ";\t|" if each in header[0]), None)):
        return [place.at(None, None, f"its columns are separated by {separator!r}; save it with commas", "columns")]
    words = [f"column {name!r} is delivered twice" for name in sorted({n for n in header if header.count(n) > 1})]
    words += [
        f"unknown column {name!r}; known are {', '.join(c.name for c in spec.columns)}"
        for name in header
        if name not in known
    ]
    words += [
        f"column {column.name!r} is missing"
        for column in spec.columns
        if column.name not in header and not (is_company and column.has_default)
    ]
    return [place.at(None, None, each, "columns") for each in words]


def _canonical(value: str, column: ColumnSpec) -> tuple[str, tuple[str, str] | None]:
    """One value in its canonical text, and which rule it breaks, in words, if any."""
    if value == "":
        return "", ("not_null", "is empty, but a value is needed") if column.is_required_value else None
    kind = column.data_type
    try:
        if kind in {"integer", "int", "bigint", "smallint"}:
            value = str(int(value))
        elif kind.startswith(("decimal", "numeric", "double", "float", "real")):
            number = Decimal(value)
            if not number.is_finite():
                return value, (f"type {kind}", "is not a number")
            value = format(number.normalize(), "f")
        elif kind in {"boolean", "bool"}:
            if value.lower() not in {"true", "false"}:
                return value, (f"type {kind}", "is neither true nor false")
            value = value.lower()
        elif kind == "date":
            value = date.fromisoformat(value).isoformat()
        elif kind.startswith("timestamp"):
            instant = datetime.fromisoformat(value)
            if instant.tzinfo is not None:
                return value, (f"type {kind}", "has a time zone; times of agreed tables are UTC and have none")
            value = instant.isoformat(sep=" ")
        elif kind == "time":
            value = datetime.strptime(value if value.count(":") > 1 else f"{value}:00", "%H:%M:%S").time().isoformat()
    except (ValueError, InvalidOperation):
        return value, (f"type {kind}", f"is not a valid {kind}")
    if column.accepted and value not in column.accepted:
        return value, ("accepted_values", f"is not one of {', '.join(column.accepted)}")
    return value, None


def _duplicate_findings(
    spec: TableSpec, place: Place, rows: Sequence[Mapping[str, str]], lines: Sequence[int]
) -> list[str]:
    findings = []
    for key in spec.keys:
        first: dict[tuple[str, ...], int] = {}
        for row, line in zip(rows, lines, strict=True):
            value = tuple(row[c].casefold() if key.ignores_case else row[c] for c in key.columns)
            if value in first:
                named = ", ".join(f"{c}={row[c]!r}" for c in key.columns)
                words = f"{named} is already on {place.unit} {first[value]}"
                findings.append(place.at(line, None, words, "unique"))
            first.setdefault(value, line)
    return findings


def findings_across(tables: Mapping[str, Table]) -> list[str]:
    """What only shows between tables: rows of versions that nobody declared, or no version at all."""
    if VERSIONS_TABLE not in tables:
        return []
    declared = [row["version"] for row in tables[VERSIONS_TABLE].rows]
    findings = [] if declared else [f"{VERSIONS_TABLE}.csv: no version is declared"]
    for _, table in sorted(tables.items()):
        if not table.spec.is_versioned:
            continue
        # Ours may hold versions that a company's own schedule no longer declares: those rows apply to nothing.
        if table.is_company:
            for row, line in zip(table.rows, table.lines, strict=True):
                if row["version"] not in declared:
                    words = f"{row['version']!r} is not declared in {VERSIONS_TABLE}.csv"
                    findings.append(table.place.at(line, "version", words, "version"))
    return findings + reference_findings(tables)


def reference_findings(tables: Mapping[str, Table], *, is_strict: bool = True) -> list[str]:
    """Values of the company's tables that stand nowhere in the table that they refer to."""
    findings = []
    for _, table in sorted(tables.items()):
        for column in table.spec.columns:
            if column.references is None or column.references[0] not in tables:
                continue
            if column.is_strict_reference != is_strict or not table.is_company:
                continue
            other, name = column.references
            known = {row[name] for row in tables[other].rows}
            findings += [
                table.place.at(line, column.name, f"{row[column.name]!r} is no {name} of {other}", "relationships")
                for row, line in zip(table.rows, table.lines, strict=True)
                if row[column.name] and row[column.name] not in known
            ]
    return findings


def version_hash(tables: Mapping[str, Table], version: str) -> str:
    """The sha256 that signatures of a version are bound to.

    It covers all rows of that version in all versioned tables: tables by name, and in each a CSV with the
    columns in their documented order and the rows sorted as text. Values are in canonical form, so another
    program that saves `TRUE` or `90.0` changes nothing; a column without any value in this version is left
    out, so that a column added to a table later unbinds no signature.
    """
    digest = hashlib.sha256()
    for text in _version_texts(tables, version).values():
        digest.update(text.encode())
    return digest.hexdigest()


def table_hashes(tables: Mapping[str, Table], version: str) -> dict[str, str]:
    """The beginning of the sha256 of a version's rows in each versioned table that has any, by table."""
    return {
        name: hashlib.sha256(text.encode()).hexdigest()[:_SHORT]
        for name, text in _version_texts(tables, version).items()
    }


def _version_texts(tables: Mapping[str, Table], version: str) -> dict[str, str]:
    texts = {}
    for name in sorted(tables):
        table = tables[name]
        if not table.spec.is_versioned:
            continue
        rows = [row for row in table.rows if row["version"] == version]
        columns = [c.name for c in table.spec.columns if any(row[c.name] for row in rows)]
        lines = sorted(_csv_line(row[column] for column in columns) for row in rows)
        if lines:
            texts[name] = "".join([f"{name}\n", _csv_line(columns), *lines])
    return texts


def _changed_tables(tables: Mapping[str, Table], version: str, signed: str) -> str:
    """Which tables are not what was signed, and whose they are; `signed` has the hashes of then."""
    then = dict(part.split(":", 1) for part in signed.split() if ":" in part)
    now = table_hashes(tables, version)
    if not then:
        return f"which of its tables ({', '.join(now)}) changed is not known, because table_hashes is empty"
    changed = []
    for name in sorted(then.keys() | now.keys()):
        if then.get(name) == now.get(name):
            continue
        how = "has no rows of it any more" if name not in now else "was added" if name not in then else "changed"
        table = tables.get(name)
        place = f" ({table.path}; owner: {table.spec.owner.replace('_', ' ')})" if table else ""
        rows = changed_rows(tables, version, name)
        named = f": {', '.join(rows)}" if rows else ""
        changed.append(f"{name}{place} {how}{named}")
    return "; ".join(changed) or "its tables are as table_hashes has them, so content_hash itself was changed"


def signed_row(row: Mapping[str, str]) -> str:
    """A row of a version as `signed_rows` keeps it: what it says, without the version."""
    return json.dumps({name: value for name, value in row.items() if value and name != "version"}, ensure_ascii=False)


def changed_rows(tables: Mapping[str, Table], version: str, name: str | None = None) -> list[str]:
    """The rows of a version that are not as they were signed, in words; none where `signed_rows` does not know them."""
    kept = tables[SIGNED_ROWS].rows if SIGNED_ROWS in tables else ()
    signed: dict[str, list[dict[str, str]]] = {}
    for row in kept:
        if row["signed_version"] == version and (name is None or row["table_name"] == name):
            signed.setdefault(row["table_name"], []).append(json.loads(row["row_values"]))
    if not signed:
        return []
    found = []
    for table in (tables[each] for each in sorted(tables) if tables[each].spec.is_versioned):
        if name is None or table.spec.name == name:
            found += _changed_rows_of(table, version, signed.get(table.spec.name, []))
    shown = found[:_ROWS_NAMED]
    return shown if len(found) <= _ROWS_NAMED else [*shown, f"and {len(found) - _ROWS_NAMED} more rows"]


def _changed_rows_of(table: Table, version: str, signed: Sequence[Mapping[str, str]]) -> list[str]:
    def stated(row: Mapping[str, str], names: Iterable[str]) -> str:
        return ", ".join(f"{name}={row.get(name, '')!r}" for name in names if name != "version" and row.get(name))

    columns = [column.name for column in table.spec.columns if column.name != "version"]
    key = tuple(name for name in (table.spec.keys[0].columns if table.spec.keys else columns) if name != "version")
    then = {tuple(row.get(name, "") for name in columns): row for row in signed}
    now = {
        tuple(row[name] for name in columns): (line, row)
        for row, line in zip(table.rows, table.lines, strict=True)
        if row["version"] == version
    }
    gone = {tuple(row.get(name, "") for name in key): row for values, row in then.items() if values not in now}
    found = []
    for line, row in (place for values, place in now.items() if values not in then):
        before = gone.pop(tuple(row[name] for name in key), None)
        where = f"{table.path.name} {table.unit} {line} ({stated(row, key)})"
        if before is None:
            found.append(f"{where} was added")
            continue
        changes = [f"{c} was {before.get(c, '')!r}, is {row[c]!r}" for c in columns if before.get(c, "") != row[c]]
        found.append(f"{where}: {', '.join(changes)}")
    found += [f"{table.path.name}: the row {stated(row, key)} was removed" for row in gone.values()]
    return found


def version_states(tables: Mapping[str, Table]) -> tuple[VersionState, ...]:
    """How every version stands, in the order of effect.

    Raises:
        DefinitionsError: content was changed under a signature.
    """
    if VERSIONS_TABLE not in tables:
        return ()
    table = tables[VERSIONS_TABLE]
    states, findings = [], []
    for row, line in zip(table.rows, table.lines, strict=True):
        version, actual = row["version"], version_hash(tables, row["version"])
        missing = [name for name in _SIGNATURES if not row.get(name)]
        missing += [on for name, on in _SIGNED_ON.items() if row.get(name) and not row.get(on)]
        signed_hash = row.get("content_hash", "").lower()
        if len([name for name in _SIGNATURES if row.get(name)]) and signed_hash != actual:
            stated = f"The signed content has {signed_hash}" if signed_hash else "content_hash is empty"
            signed_tables = " ".join(f"{name}:{short}" for name, short in table_hashes(tables, version).items())
            findings.append(
                f"{table.path.name}, {table.unit} {line}: version {version!r} is signed, but not with its present"
                f" content: {_changed_tables(tables, version, row.get('table_hashes', ''))}. {stated}, the tables now"
                f" have {actual}. Either undo the change, or give the changed rows a new version, or have both teams"
                " sign again (make definitions-sign does it): put there the present content_hash, the new dates and, so"
                " that the next change can be named,"
                f" table_hashes {signed_tables}"
            )
        states.append(VersionState(version, _effective(row["effective_from"]), actual, tuple(missing)))
    if findings:
        raise DefinitionsError("\n".join(findings))
    return tuple(sorted(states, key=lambda state: (state.effective_from or datetime.max, state.version)))


def _effective(value: str) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _csv_line(values: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(list(values))
    return text.getvalue()


def _csv_text(table: Table) -> str:
    names = [column.name for column in table.spec.columns]
    return "".join(
        [table.spec.name + "\n", _csv_line(names), *(_csv_line(row[n] for n in names) for row in table.rows)]
    )


def _write_merged(definitions: Definitions, ours: Path, target: Path) -> Path:
    """Write the merged tables and their YAML under a name made of their content, whole or not at all."""
    digest = hashlib.sha256(f"{definitions.content_hash} {sorted(_CHECKED)}".encode())
    documents = sorted(ours.glob("*.yml")) + sorted(ours.glob("*.md"))
    for path in documents:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    folder = target / digest.hexdigest()[:16]
    if folder.is_dir():
        return folder
    target.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=target))
    try:
        for name, table in definitions.tables.items():
            body = _csv_text(table).split("\n", 1)[1]
            (draft / f"{name}.csv").write_text(body, encoding="utf-8")
        for path in documents:
            text = path.read_text(encoding="utf-8")
            (draft / path.name).write_text(
                _without_checked_tests(text) if path.suffix == ".yml" else text, encoding="utf-8"
            )
        draft.chmod(0o755)
        try:
            draft.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another run was faster, with the same content
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _without_checked_tests(text: str) -> str:
    """A seeds' YAML without the tests that `read_tables` has made, so that no build makes them again."""
    document = yaml.safe_load(text) or {}
    for seed in document.get("seeds", []):
        for tested in (seed, *seed.get("columns", [])):
            left = [test for test in tested.pop("data_tests", []) if not _is_checked(*_named(test))]
            if left:
                tested["data_tests"] = left
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def _is_checked(name: str, test: Mapping[str, Any]) -> bool:
    return name in _CHECKED and "where" not in test.get("config", {})


def describe(definitions: Definitions) -> list[str]:
    """One line a version: since when it is in effect, and whether it is signed."""
    return [
        f"version {v.version}, {f'in force from {v.effective_from:%Y-%m-%d}' if v.effective_from else 'proposed'}: "
        + ("signed" if v.is_signed else f"PROVISIONAL (missing: {', '.join(v.missing)})")
        + f", content {v.content_hash}"
        for v in definitions.versions
    ]


def main(arguments: Sequence[str]) -> int:
    """`check` or `hash [VERSION]`; 0 where the tables can be built on."""
    if not arguments or arguments[0] not in {"check", "hash"} or len(arguments) > (2 if arguments[0] == "hash" else 1):
        print("usage: python -m orchestration.agreed_definitions check | hash [VERSION]", file=sys.stderr)
        return 2
    try:
        settings = read_settings(os.environ)
        if arguments[0] == "check":
            lines = describe(load_definitions(settings))
        else:
            ours = settings.project / "seeds"
            tables = read_tables(read_specs(ours), ours, settings.definitions)
            known = [row["version"] for row in tables[VERSIONS_TABLE].rows] if VERSIONS_TABLE in tables else []
            wanted = list(arguments[1:]) or known
            unknown = [version for version in wanted if version not in known]
            if unknown:
                raise DefinitionsError(f"no version {unknown[0]!r}; declared are {', '.join(known)}")
            lines = []
            for version in wanted:
                lines.append(f"{version} {version_hash(tables, version)}")
                lines += [f"  {name}:{short}" for name, short in table_hashes(tables, version).items()]
    except (SettingsError, DefinitionsError) as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
