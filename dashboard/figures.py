"""What the page computes: rows of the published warehouse, filtered, grouped and put into sentences.

The page's script does exactly the same with the same rows when a reader filters, from the same compiled programs. Sums
are made of whole numbers (cents where the column has decimals), so that both come to the same figure to the last digit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

import duckdb

from dashboard.calendar import Calendar
from dashboard.expressions import Program, evaluate
from dashboard.formats import NUMERIC, write
from dashboard.spec import Alternative, Column, Panel, Slot, View

MAX_ROWS = 12_000
UNKNOWN = "(unknown)"


class FigureError(Exception):
    """A panel's query cannot be answered; the message names the panel, the view and the column."""


@dataclass
class ViewData:
    """The rows of a view, one for each period, combination of filters and group.

    Attributes:
        filters: The filters that apply: those of the spec, without any left out because there were too many rows.
        left_out: Those left out.
        period: For each row the place of its month in the calendar; None where the period does not matter.
        texts: Codes of each text column's values in `words`, by column.
        words: The values, by column.
        numbers: Whole numbers by column; a value is number ÷ scale.
        scales: 1 or a power of ten by column.
    """

    view: View
    filters: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    period: list[int] | None = None
    texts: dict[str, list[int]] = field(default_factory=dict)
    words: dict[str, list[str | None]] = field(default_factory=dict)
    numbers: dict[str, list[float | None]] = field(default_factory=dict)
    scales: dict[str, int] = field(default_factory=dict)
    rows: int = 0


def is_text(view: View, column: Column) -> bool:
    """Whether a column of the query holds labels; those of `group_by` that are numbers are labels too."""
    return column.name in view.group_by


def read_view(
    connection: duckdb.DuckDBPyConnection, panel: Panel, view: View, calendar: Calendar, max_rows: int = MAX_ROWS
) -> ViewData:
    """Read a view's rows, grouped as finely as filters and groups need and no finer.

    Raises:
        FigureError: where there are too many rows even without any filter.
    """
    filters = view.filters
    while True:
        data = _read(connection, panel, view, filters, calendar)
        if data.rows <= max_rows or not filters:
            break
        # A page that grows with the company is no page: the last filter named is the first to go.
        filters = filters[:-1]
    if data.rows > MAX_ROWS:
        raise FigureError(f"{panel.file}: view {view.name} has {data.rows} rows; at most {MAX_ROWS} fit a page")
    data.left_out = tuple(name for name in view.filters if name not in filters)
    return data


def _read(
    connection: duckdb.DuckDBPyConnection, panel: Panel, view: View, filters: tuple[str, ...], calendar: Calendar
) -> ViewData:
    read = [column for column in view.columns if column.value is None]
    keys = [column for column in read if is_text(view, column)]
    measures = [column for column in read if not is_text(view, column)]
    selected = [f"cast(q.{view.period} as date) as _period"] if view.period else []
    selected += [f"coalesce(cast(q.{name} as varchar), '{UNKNOWN}') as _filter_{name}" for name in filters]
    selected += [f'cast(q."{column.name}" as varchar) as "{column.name}"' for column in keys]
    selected += [f'{column.fold}(q."{column.name}") as "{column.name}"' for column in measures]
    places = [str(place + 1) for place in range(len(selected) - len(measures))]
    where = f"where q.{view.period} between $first and $last" if view.period else ""
    group = f"group by {', '.join(places)} order by {', '.join(f'{place} nulls last' for place in places)}"
    # Without groups one row is meant, and a view of nothing has none.
    having = "" if places else "having count(*) > 0"
    query = f"select {', '.join(selected)} from ({view.query}\n) as q {where} {group if places else having}"
    parameters = {"first": calendar.months[0], "last": calendar.months[-1]} if view.period else {}
    try:
        result = connection.execute(query, parameters)
        names = [item[0] for item in result.description]
        rows = result.fetchall()
    except duckdb.Error as error:
        raise FigureError(f"{panel.file}: view {view.name}: {error}") from None
    data = ViewData(view, filters=filters, rows=len(rows))
    by_name = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(names, ())
    if view.period:
        data.period = [calendar.month_number(_month(value)) for value in by_name["_period"]]
    for name in [*(f"_filter_{name}" for name in filters), *(column.name for column in keys)]:
        words = list(dict.fromkeys(by_name[name]))
        codes = {word: code for code, word in enumerate(words)}
        data.words[name], data.texts[name] = words, [codes[word] for word in by_name[name]]
    for column in measures:
        data.numbers[column.name], data.scales[column.name] = whole_numbers(by_name[column.name], panel, column.name)
    return data


def _month(value: date | datetime) -> date:
    return date(value.year, value.month, 1)


def whole_numbers(values: Sequence[Any], panel: Panel, name: str) -> tuple[list[float | None], int]:
    """Values as whole numbers and their scale; doubles keep nine decimals, or fifteen digits where they are large."""
    digits = 0
    largest = max((abs(value) for value in values if isinstance(value, float)), default=0.0)
    kept = max(min(9, 14 - len(str(int(largest)))), 0)
    decimals: list[Decimal | None] = []
    for value in values:
        if value is None:
            decimals.append(None)
            continue
        if not isinstance(value, int | float | Decimal):
            raise FigureError(f"{panel.file}: column {name} must be a number and holds {value!r}")
        exact = Decimal(value) if isinstance(value, int | Decimal) else round(Decimal(value), kept)
        exponent = exact.normalize().as_tuple().exponent
        digits = max(digits, -exponent if isinstance(exponent, int) and exact else 0)
        decimals.append(exact)
    scale = 10**digits
    return [None if value is None else int(value * scale) for value in decimals], scale


@dataclass(frozen=True)
class State:
    """What a reader has chosen: the quarter's place, and a value for some filters."""

    quarter: int
    filters: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Group:
    """One row of a view: values by column, and whether it is greyed."""

    values: dict[str, Any]
    is_greyed: bool = False


class Shown:
    """A view as a state shows it: its groups, in order, and its totals."""

    def __init__(self, data: ViewData, calendar: Calendar, state: State) -> None:
        self.data, self.view, self._calendar, self._state = data, data.view, calendar, state
        self._totals: dict[str, dict[str, Any] | None] = {}
        self.all_groups = self._groups()
        self.groups = self.all_groups[: self.view.limit] if self.view.limit else self.all_groups

    @cached_property
    def _matching(self) -> list[int]:
        wanted = []
        for name in self.data.filters:
            if value := self._state.filters.get(name):
                words = self.data.words[f"_filter_{name}"]
                wanted.append((self.data.texts[f"_filter_{name}"], words.index(value) if value in words else -1))
        return [row for row in range(self.data.rows) if all(codes[row] == code for codes, code in wanted)]

    def months(self, scope: str) -> tuple[int, int]:
        """First and last month of a scope, as places in the calendar."""
        quarter = self._calendar.quarters[self._state.quarter]
        last = self._calendar.month_number(quarter.months[-1])
        if scope == "previous":
            last -= len(quarter.months)
            return (last - len(quarter.months) + 1, last)
        if self.view.span == "year":
            return (last - 11, last)
        return (0, last) if self.view.span == "all" else (last - len(quarter.months) + 1, last)

    def _rows(self, scope: str) -> list[int]:
        if self.data.period is None:
            return self._matching if scope == "now" else []
        first, last = self.months(scope)
        period = self.data.period
        return [row for row in self._matching if first <= period[row] <= last]

    def _folded(self, rows: Sequence[int]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, numbers in self.data.numbers.items():
            known = [number for row in rows if (number := numbers[row]) is not None]
            fold = self.view.by_name[name].fold
            if not known:
                values[name] = None
            else:
                whole = sum(known) if fold == "sum" else max(known) if fold == "max" else min(known)
                values[name] = whole / self.data.scales[name] if self.data.scales[name] > 1 else whole
        return values

    def _computed(self, values: dict[str, Any]) -> dict[str, Any]:
        for column in self.view.columns:
            if column.value is not None:
                values[column.name] = evaluate(column.value, values.get)
        return values

    def total(self, scope: str) -> dict[str, Any] | None:
        """All rows of a scope as one."""
        if scope not in self._totals:
            rows = self._rows(scope)
            self._totals[scope] = self._computed(self._folded(rows)) if rows else None
        return self._totals[scope]

    def _groups(self) -> list[Group]:
        members: dict[tuple[int, ...], list[int]] = {}
        keys = self.view.group_by
        codes = [self.data.texts[name] for name in keys]
        for row in self._rows("now"):
            members.setdefault(tuple(column[row] for column in codes), []).append(row)
        groups = []
        for key, rows in members.items():
            values: dict[str, Any] = {name: self.data.words[name][code] for name, code in zip(keys, key, strict=True)}
            values |= self._folded(rows)
            group = Group(self._computed(values))
            if self.view.greyed is not None:
                group.is_greyed = bool(evaluate(self.view.greyed, group.values.get))
            groups.append(group)
        # Equal rows stand in the order of their labels.
        groups.sort(key=lambda group: [_text_key(group.values[name]) for name in keys])
        for name in reversed(self.view.order_by):
            descending = name.startswith("-")
            groups = _sorted(groups, name.removeprefix("-"), descending)
        return groups

    def look_up(self, rest: str) -> Any:
        """`groups`, or `<scope>.<column>`."""
        if rest == "groups":
            return len(self.all_groups)
        scope, _, name = rest.partition(".")
        place = {"first": 0, "second": 1, "last": len(self.all_groups) - 1}.get(scope)
        if place is None:
            return (self.total(scope) or {}).get(name)
        return self.all_groups[place].values[name] if 0 <= place < len(self.all_groups) else None


def _text_key(value: str | None) -> tuple[bool, str]:
    return (value is None, value or "")


def _sorted(groups: list[Group], name: str, descending: bool) -> list[Group]:
    known = [group for group in groups if group.values[name] is not None]
    unknown = [group for group in groups if group.values[name] is None]
    if descending:
        # Stable both ways: equal rows keep their order.
        known.reverse()
        known.sort(key=lambda group: _sort_key(group.values[name]))
        known.reverse()
    else:
        known.sort(key=lambda group: _sort_key(group.values[name]))
    return known + unknown


def _sort_key(value: Any) -> Any:
    return str(value) if isinstance(value, str | bool) else value


@dataclass(frozen=True)
class Piece:
    """A part of a said text: plain words, or a figure with the program that it came from."""

    text: str
    value: Any = None
    source: str | None = None


class PanelFigures:
    """A panel in a state: its views shown, and what its texts say."""

    def __init__(self, panel: Panel, shown: Mapping[str, Shown], page: Mapping[str, Any]) -> None:
        self.panel, self.shown, self.page = panel, shown, page

    def look_up(self, name: str) -> Any:
        """The value of a name of the panel's texts."""
        head, _, rest = name.partition(".")
        return self.page.get(rest) if head == "page" else self.shown[head].look_up(rest)

    def value(self, program: Program | None) -> Any:
        """The value of a program; None of none."""
        return None if program is None else evaluate(program, self.look_up)

    def say(self, clauses: Sequence[Sequence[Alternative]]) -> list[Piece]:
        """The text: of each clause the first wording that holds."""
        pieces: list[Piece] = []
        for clause in clauses:
            wording = next((item for item in clause if item.when is None or self.value(item.when)), None)
            if wording is None:
                continue
            if pieces:
                pieces.append(Piece(" "))
            for part in wording.parts:
                if isinstance(part, Slot):
                    value = self.value(part.value)
                    pieces.append(Piece(write(value, part.style, self.page["currency"]), value, part.source))
                else:
                    pieces.append(Piece(part))
        return pieces

    @property
    def is_empty(self) -> bool:
        """Whether no view has a row in this state."""
        return bool(self.shown) and all(not shown.all_groups for shown in self.shown.values())


def show(
    panel: Panel, data: Mapping[str, ViewData], calendar: Calendar, state: State, page: Mapping[str, Any]
) -> PanelFigures:
    """A panel in a state."""
    return PanelFigures(panel, {name: Shown(rows, calendar, state) for name, rows in data.items()}, page)


__all__ = [
    "NUMERIC",
    "FigureError",
    "Group",
    "PanelFigures",
    "Piece",
    "Shown",
    "State",
    "ViewData",
    "read_view",
    "show",
]
