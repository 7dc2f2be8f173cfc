"""From the parameters of a request to one parameterised query: what is not whitelisted is refused, never passed on."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from dashboard.access_scopes import DIMENSIONS, Scope
from dashboard.drill_downs import DRILL_DOWNS, FIGURES, NO_VALUE, Column, DrillDown

# Nobody needs more; what is longer is not a filter.
MAXIMUM_PARAMETERS, MAXIMUM_VALUE_LENGTH, MAXIMUM_CURSOR_LENGTH = 100, 200, 600
PAGE_SIZE, MAXIMUM_PAGE_SIZE = 50, 500
EXPORT_ROWS = 50_000
# What stands behind a filter's name, and its SQL; `{}` is the column.
OPERATORS = {
    "": "is any of",
    "not": "is not",
    "from": "from",
    "before": "before",
    "month": "in the month",
    "quarter": "in the fiscal quarter",
}
_CONTROL = ("after", "sort", "size")


class RequestRefusedError(Exception):
    """The request asks for something that is not offered; the message says what, and what is.

    Attributes:
        status: the HTTP status that fits.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Condition:
    """A filter that was asked for: column, operator, and the values as they were written."""

    column: Column
    operator: str
    values: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """For people: `Stage is mql`."""
        values = " or ".join("without a value" if value == NO_VALUE else value for value in self.values)
        if self.column.kind == "flag" and not self.operator and self.values in {("true",), ("false",)}:
            return f"{self.column.label}: {'yes' if self.values == ('true',) else 'no'}"
        words = "is" if not self.operator else OPERATORS[self.operator]
        return f"{self.column.label} {words} {values}"

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """As parameters of a link."""
        name = self.column.name + (f".{self.operator}" if self.operator else "")
        return [(name, value) for value in self.values]


@dataclass(frozen=True)
class RowRequest:
    """What a request asks of a row query, checked."""

    drill_down: DrillDown
    conditions: tuple[Condition, ...]
    sort: Column
    is_descending: bool
    size: int
    after: tuple[Any, str] | None

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The filters as parameters of a link."""
        return [pair for condition in self.conditions for pair in condition.pairs]

    @property
    def order(self) -> str:
        """The order as the parameter `sort` writes it."""
        return ("-" if self.is_descending else "") + self.sort.name


@dataclass(frozen=True)
class Query:
    """SQL of the server's own, and the values that are bound to it."""

    sql: str
    values: tuple[Any, ...]


def read_request(drill_down: DrillDown, pairs: Sequence[tuple[str, str]]) -> RowRequest:
    """Check the parameters of a request.

    Raises:
        RequestRefusedError: naming the parameter and what would do.
    """
    if len(pairs) > MAXIMUM_PARAMETERS:
        raise RequestRefusedError(f"{len(pairs)} parameters are too many; at most {MAXIMUM_PARAMETERS} are read")
    control: dict[str, str] = {}
    asked: dict[tuple[str, str], list[str]] = {}
    for name, value in pairs:
        limit = MAXIMUM_CURSOR_LENGTH if name == "after" else MAXIMUM_VALUE_LENGTH
        if len(value) > limit or len(name) > MAXIMUM_VALUE_LENGTH:
            raise RequestRefusedError(f"a parameter is longer than {limit} characters")
        if not value.isprintable() or not name.isprintable():
            raise RequestRefusedError("a parameter holds characters that cannot be printed")
        if not value:
            # A field of the form that was left empty; rows without a value are asked for by `(none)`.
            continue
        if name in _CONTROL:
            if name in control:
                raise RequestRefusedError(f"{name} is given twice")
            control[name] = value
            continue
        if name == "period":
            if not drill_down.date:
                raise RequestRefusedError(f"{drill_down.title} have no date, so there is no period of them")
            name = f"{drill_down.date}.quarter"
        column, _, operator = name.partition(".")
        if drill_down.column(column) is None:
            known = ", ".join(column.name for column in drill_down.all_columns)
            raise RequestRefusedError(f"{drill_down.drill_down_id} has no filter {column!r}; known are {known}")
        if operator not in OPERATORS:
            known = ", ".join(f".{known}" for known in OPERATORS if known)
            raise RequestRefusedError(f"there is no {name!r}; a filter is a column alone, or with {known} behind it")
        asked.setdefault((column, operator), []).append(value)
    conditions = []
    for (name, operator), values in asked.items():
        column = drill_down.column(name)
        assert column is not None
        condition = Condition(column, operator, tuple(dict.fromkeys(values)))
        _where(condition)
        conditions.append(condition)
    sort, is_descending = _sort(drill_down, control.get("sort", drill_down.order))
    return RowRequest(
        drill_down,
        tuple(conditions),
        sort,
        is_descending,
        _size(control.get("size", str(PAGE_SIZE))),
        _cursor(sort, control["after"]) if "after" in control else None,
    )


def require_scope(request: RowRequest, scope: Scope) -> None:
    """Refuse what lies outside of the viewer's scope, in words.

    Raises:
        RequestRefusedError: the query cannot be limited to the scope, or asks for another region or team by name.
    """
    require_offered(request.drill_down, scope)
    for dimension, allowed in scope.limits.items():
        for condition in request.conditions:
            if condition.column.name == dimension and not condition.operator:
                others = [value for value in condition.values if value not in allowed]
                if others:
                    raise RequestRefusedError(
                        f"you see {dimension} {' and '.join(allowed)}, and nothing of another {dimension}", 403
                    )


def require_offered(drill_down: DrillDown, scope: Scope) -> None:
    """Refuse a query whose rows cannot be told apart by the viewer's scope.

    Raises:
        RequestRefusedError: naming the dimension that the rows lack.
    """
    for dimension in scope.limits:
        if dimension not in drill_down.scopes:
            raise RequestRefusedError(
                f"{drill_down.title}: these rows are not recorded by {dimension}, and you see only some"
                f" {DIMENSIONS[dimension]}; they are for viewers of the whole company",
                403,
            )


def page_query(request: RowRequest, scope: Scope) -> Query:
    """One page of rows and one row more, which says whether there is a next page. All columns, the shown ones first."""
    return _select(request, scope, request.size + 1, request.after)


def export_query(request: RowRequest, scope: Scope) -> Query:
    """All rows of a request, up to the most that an export holds."""
    return _select(request, scope, EXPORT_ROWS, None)


def totals_query(request: RowRequest, scope: Scope) -> Query:
    """The number of rows and the sums of the columns that may be added up, over all pages."""
    where, values = _all_conditions(request, scope)
    sums = "".join(
        f', sum({column.sql}) as "{column.name}"'
        for column in request.drill_down.all_columns
        if column.name in _summed(request)
    )
    return Query(f"select count(*) as all_rows{sums} from {request.drill_down.source}{where}", tuple(values))


def figures_query(metrics: Sequence[str], scope: Scope, since: date) -> Query:
    """Metrics by month, counted from their rows, as much of them as a viewer may see.

    Args:
        metrics: metrics whose rows are in one query and counted by one date; see `figures_together`.
        scope: what the viewer may see.
        since: the first month.
    """
    first = FIGURES[metrics[0]]
    drill_down = DRILL_DOWNS[first.drill_down_id]
    day = _required(drill_down, first.date).sql
    columns, values = [], []
    for metric in metrics:
        figure = FIGURES[metric]
        sql, bound = _joined(read_request(drill_down, figure.filters).conditions)
        measure = f"sum({_required(drill_down, figure.measure).sql})" if figure.measure else "count(*)"
        columns.append(f', coalesce({measure} filter (where {sql or "true"}), 0) as "{metric}"')
        values += bound
    where, scoped = _all_conditions(read_request(drill_down, [(f"{first.date}.from", since.isoformat())]), scope)
    if first.is_stock:
        # The last day that is known of each month.
        table = drill_down.tables[0]
        where += (
            f" and {day} in (select max(each.{first.date}) from {table} as each"
            f" group by date_trunc('month', each.{first.date}))"
        )
    return Query(
        f"select date_trunc('month', {day})::date as period_month{''.join(columns)}"
        f" from {drill_down.source}{where} group by 1 order by 1 desc",
        (*values, *scoped),
    )


def figures_together(scope: Scope) -> list[list[str]]:
    """The exact metrics whose rows can be limited to a scope, grouped by what one query can count."""
    groups: dict[tuple[str, str], list[str]] = {}
    for metric, figure in FIGURES.items():
        scopes = DRILL_DOWNS[figure.drill_down_id].scopes
        if figure.is_exact and all(dimension in scopes for dimension in scope.limits):
            groups.setdefault((figure.drill_down_id, figure.date), []).append(metric)
    return list(groups.values())


@dataclass(frozen=True)
class FigureSource:
    """The rows that a metric is counted from, in plain SQL over the published file.

    Attributes:
        table: their table, named `data` in all expressions.
        day: the date that puts a row into a month.
        conditions: which rows count.
        measure: what is added up or counted.
        key: what tells the rows apart.
    """

    table: str
    day: str
    conditions: tuple[str, ...]
    measure: str
    key: str

    def by_month(self, metric: str) -> str:
        """A statement that counts the metric by month."""
        return "\n".join(
            (
                f"select date_trunc('month', {self.day})::date as period_month, {self.measure} as {metric}",
                f"from {self.table} as data",
                "where " + "\n    and ".join(self.conditions),
                "group by period_month",
                "order by period_month",
            )
        )

    def keys_of_month(self, month: date) -> str:
        """A statement that lists the keys of the rows of one month."""
        conditions = (*self.conditions, f"date_trunc('month', {self.day})::date = date '{month}'")
        return f"select {self.key} as key from {self.table} as data where {' and '.join(conditions)} order by key"


def figure_source(metric: str) -> FigureSource | None:
    """The rows of a metric that the published file holds; of a ratio those that it is a ratio of."""
    figure = FIGURES.get(metric)
    if figure is None:
        return None
    drill_down = DRILL_DOWNS[figure.drill_down_id]
    table, day = drill_down.tables[0], f"data.{figure.date}"
    conditions = [f"{day} is not null"]
    for condition in read_request(drill_down, figure.filters).conditions:
        (value,) = condition.values
        literal = value if condition.column.kind == "flag" else f"'{value}'"
        conditions.append(f"{condition.column.sql.replace(chr(34), '')} = {literal}")
    if figure.is_stock:
        conditions.append(
            f"{day} in (select max({figure.date}) from {table} group by date_trunc('month', {figure.date}))"
        )
    measure = f"sum(data.{figure.measure})" if figure.measure else "count(*)"
    key = _required(drill_down, drill_down.key).sql.replace('"', "")
    return FigureSource(table, day, tuple(conditions), measure, key)


def figure_sql(metric: str) -> str | None:
    """A statement by which anybody can count an exact metric by month in the published file."""
    source = figure_source(metric)
    return source.by_month(metric) if source is not None and FIGURES[metric].is_exact else None


def _summed(request: RowRequest) -> set[str]:
    """The columns whose sum means something: the rows are of one day, one model or whatever must not be mixed."""
    single = {
        condition.column.name
        for condition in request.conditions
        if not condition.operator and len(condition.values) == 1 and condition.values not in {("false",), (NO_VALUE,)}
    }
    drill_down = request.drill_down
    adds_up = all(single & set(either.split("|")) for either in drill_down.totals_of_one)
    return {*(drill_down.totals if adds_up else ()), *(drill_down.stocks if drill_down.date in single else ())}


def next_cursor(request: RowRequest, row: Mapping[str, Any]) -> str:
    """The parameter `after` of the page that follows this row."""
    value = row[request.sort.name]
    # A double keeps its own digits, so that it is found again; everything else is written as a filter's value.
    written = value if value is None or isinstance(value, (bool, float)) else str(value)
    if isinstance(value, (date, datetime)):
        written = value.isoformat()
    text = json.dumps([written, row[request.drill_down.key]], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _select(request: RowRequest, scope: Scope, limit: int, after: tuple[Any, str] | None) -> Query:
    drill_down = request.drill_down
    where, values = _all_conditions(request, scope)
    sort, key = request.sort.sql, _required(drill_down, drill_down.key).sql
    if after is not None:
        where += " and " if where else " where "
        value, last = after
        if value is None:
            where, values = where + f"({sort} is null and {key} > ?)", [*values, last]
        else:
            beyond = "<" if request.is_descending else ">"
            where += f"({sort} {beyond} ? or ({sort} = ? and {key} > ?) or {sort} is null)"
            values = [*values, value, value, last]
    columns = ", ".join(f'{column.sql} as "{column.name}"' for column in drill_down.all_columns)
    direction = "desc" if request.is_descending else "asc"
    return Query(
        f"select {columns} from {drill_down.source}{where}"
        f" order by {sort} {direction} nulls last, {key} asc limit {int(limit)}",
        tuple(values),
    )


def _all_conditions(request: RowRequest, scope: Scope) -> tuple[str, list[Any]]:
    """The `where` of filters and scope. The scope is written here and nowhere else, into every query."""
    require_scope(request, scope)
    parts, values = [], []
    for dimension, allowed in scope.limits.items():
        parts.append(f"{_required(request.drill_down, dimension).sql} in ({', '.join('?' * len(allowed))})")
        values += allowed
    sql, bound = _joined(request.conditions)
    parts += [sql] if sql else []
    return (f" where {' and '.join(parts)}" if parts else ""), [*values, *bound]


def _joined(conditions: Sequence[Condition]) -> tuple[str, list[Any]]:
    judged = [_where(condition) for condition in conditions]
    return " and ".join(sql for sql, _ in judged), [value for _, bound in judged for value in bound]


def _where(condition: Condition) -> tuple[str, list[Any]]:
    column, values = condition.column, condition.values
    if condition.operator in {"", "not"}:
        bound = [_value(column, value) for value in values if value != NO_VALUE]
        parts = [f"{column.sql} in ({', '.join('?' * len(bound))})"] if bound else []
        parts += [f"{column.sql} is null"] if NO_VALUE in values else []
        if not condition.operator:
            return f"({' or '.join(parts)})", bound
        return f"(({' or '.join(parts)}) is not true)", bound
    if len(values) > 1:
        raise RequestRefusedError(f"{column.name}.{condition.operator} is given twice")
    if condition.operator == "month":
        if column.kind not in {"date", "moment"}:
            raise RequestRefusedError(f"{column.name} is no date, so it has no {column.name}.month")
        found = re.fullmatch(r"([0-9]{4})-(0[1-9]|1[0-2])(-01)?", values[0])
        if not found or not 1 <= int(found[1]) <= 9998:
            raise RequestRefusedError(f"{column.name}.month must be a month, such as 2026-05")
        year, month = int(found[1]), int(found[2])
        after = date(year + month // 12, month % 12 + 1, 1)
        return f"({column.sql} >= ? and {column.sql} < ?)", [date(year, month, 1), after]
    if condition.operator == "quarter":
        if column.kind not in {"date", "moment"}:
            raise RequestRefusedError(f"{column.name} is no date, so it has no {column.name}.quarter")
        found = re.fullmatch(r"([0-9]{4})-Q([1-4])", values[0])
        if not found:
            raise RequestRefusedError(f"{column.name}.quarter must be a fiscal quarter, such as 2026-Q2")
        quarter = "from core.dim_dates as dates where dates.fiscal_year = ? and dates.fiscal_quarter = ?"
        bound = [int(found[1]), int(found[2])]
        return (
            f"({column.sql} >= (select min(dates.date_day) {quarter})"
            f" and {column.sql} < (select max(dates.date_day) + 1 {quarter}))",
            [*bound, *bound],
        )
    if column.kind in {"text", "flag"}:
        raise RequestRefusedError(f"{column.name} has no order, so it has no {column.name}.{condition.operator}")
    sign = ">=" if condition.operator == "from" else "<"
    return f"{column.sql} {sign} ?", [_value(column, values[0])]


def _value(column: Column, text: str) -> Any:
    """A filter's text as a value of the column's kind."""
    kinds: dict[str, tuple[Callable[[str], Any], str]] = {
        "text": (str, "a text"),
        "whole": (_whole, "a whole number"),
        "date": (_date, "a date, such as 2026-05-31"),
        "moment": (_moment, "a date or a time in UTC, such as 2026-05-31T12:00:00"),
        "flag": (_flag, "true or false"),
    }
    convert, expected = kinds.get(column.kind, (_decimal, "a number"))
    try:
        return convert(text)
    except (ValueError, InvalidOperation):
        raise RequestRefusedError(f"{column.name} must be {expected}") from None


def _whole(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise ValueError
    return int(text)


def _decimal(text: str) -> Decimal:
    if not re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,12})?", text):
        raise ValueError
    return Decimal(text)


def _date(text: str) -> date:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError
    return date.fromisoformat(text)


def _moment(text: str) -> datetime:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?)?", text):
        raise ValueError
    return datetime.fromisoformat(text)


def _flag(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError
    return text.lower() == "true"


def _sort(drill_down: DrillDown, text: str) -> tuple[Column, bool]:
    column = drill_down.column(text.removeprefix("-"))
    if column is None:
        known = ", ".join(column.name for column in drill_down.all_columns)
        raise RequestRefusedError(f"cannot sort by {text!r}; known are {known}, with a minus before it for descending")
    return column, text.startswith("-")


def _size(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 1 <= int(text) <= MAXIMUM_PAGE_SIZE:
        raise RequestRefusedError(f"size must be a number from 1 to {MAXIMUM_PAGE_SIZE}")
    return int(text)


def _required(drill_down: DrillDown, name: str) -> Column:
    """A column that the registry itself names; a test looks that they are all there."""
    column = drill_down.column(name)
    if column is None:
        raise KeyError(f"{drill_down.drill_down_id} has no column {name}")
    return column


def _cursor(sort: Column, text: str) -> tuple[Any, str]:
    try:
        value, key = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        if not isinstance(key, str):
            raise ValueError
        if value is None or isinstance(value, bool if sort.kind == "flag" else float):
            return value, key
        if not isinstance(value, str):
            raise ValueError
        return _value(sort, value), key
    except (ValueError, TypeError, binascii.Error, RecursionError, RequestRefusedError):
        raise RequestRefusedError("after is not the end of a page; begin again without it") from None
