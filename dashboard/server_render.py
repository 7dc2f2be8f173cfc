"""How the server's own pages are written: cells for people, cells for exports, templates."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dashboard.drill_downs import Column

TEMPLATES = Path(__file__).parent / "server_templates"
# Spreadsheets read a text that begins like this as a formula, and formulas can fetch and send.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@cache
def templates() -> Environment:
    """The templates; everything that is put into them is escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cell"] = cell
    environment.filters["moment"] = lambda value: cell(value, "moment")
    return environment


@cache
def style() -> str:
    """The style of the server's own pages: the page's, and a little more."""
    files = (TEMPLATES.parent / "page.css", TEMPLATES / "style.css")
    return "".join(file.read_text(encoding="utf-8") for file in files if file.is_file())


@cache
def own_policy() -> str:
    """The policy of the server's own pages: their one style, forms to ourselves, no scripts at all."""
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    )


def cell(value: Any, kind: str) -> str:
    """A value for people. Nothing is a dash, so that it is not taken for a text that is empty."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    if kind == "share":
        return f"{float(value):.1%}"
    if kind == "money":
        return f"{value:,.2f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, (float, Decimal)):
        return f"{value:,.4f}".rstrip("0").rstrip(".")
    return str(value)


def export_cell(value: Any) -> str:
    """A value for a file: exact, and harmless where a spreadsheet opens it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, (int, float, Decimal)):
        return str(value)
    text = str(value)
    return "'" + text if text.lstrip(" ").startswith(_FORMULA_STARTS) else text


def csv_parts(columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """A CSV file, piece by piece; it begins with the mark by which spreadsheets know UTF-8."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_MINIMAL, lineterminator="\r\n")
    writer.writerow([column.name for column in columns])
    yield b"\xef\xbb\xbf"
    for number, row in enumerate(rows):
        writer.writerow([export_cell(row[column.name]) for column in columns])
        if number % 1000 == 999:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()
