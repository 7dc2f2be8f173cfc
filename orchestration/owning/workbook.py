"""The agreed tables as one workbook for people, and back: every cell is checked, and all or nothing is taken over.

A sheet a table: line 1 says what it holds, line 2 what each column means, line 3 has the columns' names; the rows
follow. All cells are texts, so that no program turns `1.10` into a number or a word into a formula. What the sheets
were made from is kept in a hidden sheet: a table that somebody changed in the folder since is not written over.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import Cell
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill, Protection
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from orchestration.agreed_definitions import (
    SIGNED_ROWS,
    VERSIONS_TABLE,
    ColumnSpec,
    DefinitionsError,
    Place,
    Table,
    TableSpec,
    check_table,
    findings_across,
    read_specs,
    reference_findings,
    version_states,
)
from orchestration.owning.folder import csv_text
from orchestration.owning.harmless import looks_like_formula
from orchestration.owning.signing import Company, OwningError

_GUIDE, _LISTS, _MADE_FROM = "Read me", "_lists", "_made_from"
_HEADER_ROW = 3
_LONGEST_CELL = 32_767
_SPARE_ROWS = 1000
_MOST_BYTES = 200_000_000
_HINT = "FFF2F2F2"
# What XML cannot hold or changes on the way, and what workbooks take for such a character written out.
_NO_CELL_TEXT = re.compile(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|_x[0-9A-Fa-f]{4}_|x005F_")
# Columns that commands fill in, or that say what was: locked, so that nobody writes there by mistake.
_LOCKED = {
    VERSIONS_TABLE: (
        *("content_hash", "signed_by_marketing", "marketing_signed_on", "signed_by_sales", "sales_signed_on"),
        "table_hashes",
    ),
    "found_values": ("system", "object", "field", "value", "records", "counts_as", "agreed_in"),
    SIGNED_ROWS: ("signed_version", "table_name", "row_values"),
}


@dataclass
class Import:
    """What an import took over.

    Attributes:
        changed: Tables that were written, with rows before and after.
        warnings: References to what is not there, where that is allowed.
        missing: Tables of which the workbook has no sheet; they stay as they are.
        kept: Tables that somebody changed in the folder since the export, and whose sheets nobody touched.
    """

    changed: dict[str, tuple[int, int]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


# Out -------------------------------------------------------------------------------------------------------------


def export(company: Company, target: Path) -> dict[str, int]:
    """Write the tables in force as one workbook; returns rows by table.

    Raises:
        OwningError: a cell cannot stand in a workbook, or the file is there already and is none of ours.
    """
    tables = company.tables()
    specs = read_specs(company.ours)
    findings = [
        finding for table in tables.values() for line, row in _placed(table) for finding in _unfit(table, line, row)
    ]
    if findings:
        raise OwningError("\n".join(findings))
    book = Workbook()
    guide = book.active
    assert isinstance(guide, Worksheet)
    guide.title = _GUIDE
    _write_guide(guide, tables)
    lists = book.create_sheet(_LISTS)
    ranges = _write_lists(lists, tables)
    made_from = book.create_sheet(_MADE_FROM)
    for number, (name, table) in enumerate(sorted(tables.items()), start=1):
        _text(made_from.cell(number, 1), name)
        _text(made_from.cell(number, 2), _digest(table.rows, specs[name]))
    for name, table in sorted(tables.items()):
        _write_sheet(book.create_sheet(name), table, ranges)
    # The first sheets are for people.
    for sheet in (lists, made_from):
        sheet.sheet_state = "hidden"
        book.move_sheet(sheet, offset=len(book.sheetnames))
    _save(book, target)
    return {name: len(table.rows) for name, table in sorted(tables.items())}


def _save(book: Workbook, target: Path) -> None:
    """Write the file whole or not at all; a file that is there is kept as it was."""
    if target.exists():
        raise OwningError(f"FILE={target} is there already: name another one, or move it away")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise OwningError(f"FILE={target} cannot be written ({error.strerror})") from None
    os.close(descriptor)
    try:
        book.save(draft)
        Path(draft).chmod(0o644)
        # A link, unlike a renaming, never replaces what somebody put there meanwhile.
        os.link(draft, target)
    except FileExistsError:
        raise OwningError(f"FILE={target} is there already: name another one, or move it away") from None
    finally:
        Path(draft).unlink(missing_ok=True)


def _placed(table: Table) -> Iterator[tuple[int, Mapping[str, str]]]:
    return zip(table.lines, table.rows, strict=True)


def _unfit(table: Table, line: int, row: Mapping[str, str]) -> list[str]:
    """Cells that would not come back from a workbook as they are."""
    place = Place(table.path, table.unit)
    found = []
    for name, value in row.items():
        if len(value) > _LONGEST_CELL:
            found.append(place.at(line, name, f"longer than the {_LONGEST_CELL:,} characters of a cell", "length"))
        elif _NO_CELL_TEXT.search(value):
            found.append(place.at(line, name, "holds characters that no cell can; take them out first", "characters"))
    return found


def _text(cell: Cell, value: str) -> None:
    """Put a text into a cell, whatever it looks like."""
    cell.number_format = "@"
    if value == "":
        return
    cell.value = value
    cell.data_type = "s"
    if looks_like_formula(value) or value[:1] in "=+-@'":
        # Else a program that edits the cell would compute it.
        cell.quotePrefix = True


def _write_guide(sheet: Worksheet, tables: Mapping[str, Table]) -> None:
    lines = [
        ("The agreed definitions", ""),
        ("", "One sheet for each agreed table; the rows begin below the line with the columns' names."),
        (
            "",
            "Change, add or delete rows, save, and give the file to make definitions-import: it names every cell that",
        ),
        (
            "",
            "cannot be, and takes over all sheets or none. Grey columns are filled in by commands, such as signatures.",
        ),
        ("", "A version that somebody signed is not changed: begin another with make definitions-propose."),
        ("", ""),
        ("Table", "What it holds"),
    ]
    lines += [(name, table.spec.description) for name, table in sorted(tables.items())]
    for number, (first, second) in enumerate(lines, start=1):
        _text(sheet.cell(number, 1), first)
        _text(sheet.cell(number, 2), second)
        sheet.cell(number, 2).alignment = Alignment(wrap_text=True, vertical="top")
        sheet.cell(number, 1).alignment = Alignment(vertical="top")
        if first in tables:
            sheet.cell(number, 1).hyperlink = f"#'{first}'!A{_HEADER_ROW}"
            sheet.cell(number, 1).font = Font(underline="single", color="FF0563C1")
        elif first:
            sheet.cell(number, 1).font = Font(bold=True)
    sheet.column_dimensions["A"].width = 28
    sheet.column_dimensions["B"].width = 110


def _write_lists(sheet: Worksheet, tables: Mapping[str, Table]) -> dict[tuple[str, str], str]:
    """Write the values that columns may have, and return where, by table and column."""
    ranges: dict[tuple[str, str], str] = {}
    known: dict[tuple[str, ...], str] = {}
    for name, table in sorted(tables.items()):
        for column in table.spec.columns:
            values = _choices(column, tables)
            if not values:
                continue
            if values not in known:
                place = len(known) + 1
                for number, value in enumerate(values, start=1):
                    _text(sheet.cell(number, place), value)
                letter = get_column_letter(place)
                known[values] = f"{_LISTS}!${letter}$1:${letter}${len(values)}"
            ranges[name, column.name] = known[values]
    return ranges


def _choices(column: ColumnSpec, tables: Mapping[str, Table]) -> tuple[str, ...]:
    if column.data_type in {"boolean", "bool"}:
        return ("true", "false")
    if column.accepted:
        return column.accepted
    if column.references is not None:
        table, name = column.references
        return tuple(sorted({row[name] for row in tables[table].rows if row[name]})) if table in tables else ()
    return ()


def _write_sheet(sheet: Worksheet, table: Table, ranges: Mapping[tuple[str, str], str]) -> None:
    columns = table.spec.columns
    locked = set(_LOCKED.get(table.spec.name, ()))
    bold, hint = Font(bold=True), PatternFill("solid", start_color=_HINT)
    _text(sheet.cell(1, 1), table.spec.description)
    sheet.cell(1, 1).alignment = Alignment(vertical="top")
    for number, column in enumerate(columns, start=1):
        letter = get_column_letter(number)
        meaning, header = sheet.cell(2, number), sheet.cell(_HEADER_ROW, number)
        _text(meaning, _explained(column))
        meaning.alignment = Alignment(wrap_text=True, vertical="top")
        meaning.fill = hint
        _text(header, column.name)
        header.font = bold
        header.comment = Comment(_explained(column), "Concord", height=140, width=320)
        longest = max([len(column.name), *(len(row[column.name]) for row in table.rows[:200])], default=0)
        dimension = sheet.column_dimensions[letter]
        dimension.width = min(max(longest + 2, 14), 48)
        dimension.number_format = "@"
        dimension.protection = Protection(locked=column.name in locked)
        if (table.spec.name, column.name) in ranges:
            _drop_down(sheet, letter, ranges[table.spec.name, column.name], column, len(table.rows))
    sheet.row_dimensions[2].height = 75
    open_cell, closed_cell = Protection(locked=False), Protection(locked=True)
    for place, row in enumerate(table.rows, start=_HEADER_ROW + 1):
        for number, column in enumerate(columns, start=1):
            cell = sheet.cell(place, number)
            _text(cell, row[column.name])
            cell.protection = closed_cell if column.name in locked else open_cell
            if column.name in locked:
                cell.fill = hint
    sheet.freeze_panes = f"A{_HEADER_ROW + 1}"
    sheet.auto_filter.ref = f"A{_HEADER_ROW}:{get_column_letter(len(columns))}{_HEADER_ROW + max(len(table.rows), 1)}"
    # Without a password: it keeps people from slips, not from their own tables.
    sheet.protection.sheet = True
    for allowed in ("insertRows", "deleteRows", "sort", "autoFilter", "formatColumns", "formatRows", "formatCells"):
        setattr(sheet.protection, allowed, False)


def _explained(column: ColumnSpec) -> str:
    kind = {"varchar": "text"}.get(column.data_type, column.data_type)
    return f"{column.description} ({kind}{', needed' if column.is_required_value else ''})".strip()


def _drop_down(sheet: Worksheet, letter: str, values: str, column: ColumnSpec, rows: int) -> None:
    validation = DataValidation(type="list", formula1=f"={values}", allow_blank=not column.is_required_value)
    # A reference that only warns may name what is not there yet.
    validation.showErrorMessage = column.references is None
    validation.errorTitle = column.name
    validation.error = "One of the values in the list"
    sheet.add_data_validation(validation)
    validation.add(f"{letter}{_HEADER_ROW + 1}:{letter}{_HEADER_ROW + rows + _SPARE_ROWS}")


def _digest(rows: Iterable[Mapping[str, str]], spec: TableSpec) -> str:
    return hashlib.sha256(csv_text([column.name for column in spec.columns], rows).encode()).hexdigest()


# In --------------------------------------------------------------------------------------------------------------


def take_over(
    company: Company, source: Path, checks: Sequence[Callable[[Mapping[str, Table]], list[str]]] = ()
) -> Import:
    """Check a workbook and write its tables into the company's folder, all or none.

    Args:
        company: The company's folder.
        source: The workbook.
        checks: Further checks, each a function of the tables that returns findings.

    Raises:
        DefinitionsError: with every finding: sheet, row, column and rule.
        OwningError: it is no workbook of this kind.
    """
    specs = read_specs(company.ours)
    present = company.tables()
    with _opened(source) as book:
        sheets, findings = _sheets(book, specs)
        base = _made_from(book)
        tables = dict(present)
        for name, sheet in sheets.items():
            table, found = _read_sheet(sheet, specs[name])
            findings += found
            if table is not None:
                tables[name] = table
            else:
                tables.pop(name, None)
    done = Import(missing=tuple(sorted(set(specs) - set(sheets))))
    kept, conflicts = [], []
    for name in sorted(sheets):
        if name not in tables or tables[name].rows == present[name].rows:
            continue
        now, then = _digest(present[name].rows, specs[name]), base.get(name)
        if then is None or now == then:
            continue
        if _digest(tables[name].rows, specs[name]) == then:
            tables[name] = present[name]
            kept.append(name)
        else:
            conflicts.append(
                f"sheet {name}: {present[name].path} was changed since the workbook was made: export again and bring"
                " the changes over (rule unchanged since export)"
            )
    done.kept = tuple(kept)
    done.warnings = tuple(reference_findings(tables, is_strict=False))
    findings += conflicts
    findings += _findings_of_all(tables, specs)
    for check in checks:
        findings += check(tables)
    if findings:
        raise DefinitionsError("\n".join(dict.fromkeys(findings)))
    changed = {name: list(tables[name].rows) for name in sorted(sheets) if tables[name].rows != present[name].rows}
    if changed:
        company.write(changed)
    done.changed = {name: (len(present[name].rows), len(rows)) for name, rows in changed.items()}
    return done


def _findings_of_all(tables: Mapping[str, Table], specs: Mapping[str, TableSpec]) -> list[str]:
    """What only shows between tables, as far as their columns can be read: versions, references, signatures."""
    findings = findings_across(tables)
    if set(tables) == set(specs):
        try:
            version_states(tables)
        except DefinitionsError as error:
            findings += [f"{finding} (rule signature)" for finding in str(error).split("\n")]
    return findings


@contextlib.contextmanager
def _opened(source: Path) -> Iterator[Workbook]:
    if not source.is_file():
        raise OwningError(f"FILE={source}: there is no such file")
    try:
        with zipfile.ZipFile(source) as archive:
            size = sum(part.file_size for part in archive.infolist())
        if size > _MOST_BYTES:
            raise OwningError(f"FILE={source}: it unpacks to {size:,} bytes, which no agreed tables need")
        # Read whole, so that the file can be saved again meanwhile.
        book = load_workbook(io.BytesIO(source.read_bytes()), read_only=True, keep_links=False)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, OSError, ValueError) as error:
        raise OwningError(f"FILE={source}: it is no workbook (.xlsx) that can be read ({error})") from None
    try:
        yield book
    finally:
        book.close()


def _sheets(book: Workbook, specs: Mapping[str, TableSpec]) -> tuple[dict[str, Any], list[str]]:
    known = {name.casefold(): name for name in specs}
    sheets, findings = {}, []
    for title in book.sheetnames:
        if title in (_GUIDE, _LISTS, _MADE_FROM):
            continue
        name = known.get(title.strip().casefold())
        if name is None or name in sheets:
            findings.append(
                f"sheet {title}: not an agreed table; the sheets are {', '.join(sorted(specs))} (rule sheets)"
            )
        else:
            sheets[name] = book[title]
    return sheets, findings


def _made_from(book: Workbook) -> dict[str, str]:
    if _MADE_FROM not in book.sheetnames:
        return {}
    return {
        str(row[0]): str(row[1])
        for row in book[_MADE_FROM].iter_rows(values_only=True)
        if len(row) > 1 and row[0] and row[1]
    }


def _read_sheet(sheet: Any, spec: TableSpec) -> tuple[Table | None, list[str]]:
    place = Place(Path(f"sheet {spec.name}"), "row", says_rules=True)
    names = {column.name for column in spec.columns}
    rows = sheet.iter_rows()
    header: list[str] = []
    header_row = 0
    for header_row, cells in enumerate(rows, start=1):
        texts = [_shown(cell.value).strip().lower() for cell in cells]
        while texts and not texts[-1]:
            texts.pop()
        if len(names & set(texts)) >= len(names) / 2:
            header = texts
            break
        if header_row >= 20:
            break
    if not header:
        words = f"no row holds the names of its columns: {', '.join(column.name for column in spec.columns)}"
        return None, [place.at(None, None, words, "columns")]
    findings: list[str] = []
    numbered = []
    for number, cells in enumerate(rows, start=header_row + 1):
        texts = []
        for position, cell in enumerate(cells):
            column = header[position] if position < len(header) else get_column_letter(position + 1)
            text, problem = _cell_text(cell)
            if problem:
                findings.append(place.at(number, column, problem, "value"))
            if text.strip() and position >= len(header):
                findings.append(place.at(number, column, f"{text!r} stands beside the table", "columns"))
            texts.append(text)
        texts = [*texts, *[""] * (len(header) - len(texts))][: len(header)]
        if any(text.strip() for text in texts):
            numbered.append((number, texts))
    table, found = check_table(spec, place, header, numbered, is_company=True)
    return table, findings + found


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _cell_text(cell: Any) -> tuple[str, str | None]:
    """The text of a cell, and why it cannot be taken, if so."""
    value = cell.value
    if value is None:
        return "", None
    if cell.data_type == "f":
        return "", f"{_shown(getattr(value, 'text', value))!r} is a formula; put its result there"
    if cell.data_type == "e":
        return "", f"{_shown(value)} is an error of a formula; put its result there"
    if isinstance(value, bool):
        return str(value).lower(), None
    if isinstance(value, datetime):
        return (value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")), None
    if isinstance(value, date | time):
        return value.isoformat(), None
    if isinstance(value, int):
        return str(value), None
    if isinstance(value, float):
        # As the program shows it: the shortest digits that are this number.
        return format(Decimal(repr(value)).normalize(), "f"), None
    return str(value), None
