"""The spec of the page: one YAML file a panel under `panels/`, read into typed values and checked whole.

docs/dashboard.md tells how to write one. Whatever is misspelled is an error that names file and key: nothing of a panel
is ever ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import duckdb
import yaml

from dashboard.expressions import ExpressionError, Program, compile_expression, names_in
from dashboard.formats import FORMATS, NUMERIC

PANELS = Path(__file__).parent / "panels"
FILTERS = ("motion", "opportunity_type", "channel", "segment", "region", "team")
FOLDS = ("marketing", "sales", "both teams", "operations")
SPANS = ("quarter", "year", "all")
CHARTS = ("bars", "lines", "steps", "ranges")
FOLDED_BY = ("sum", "max", "min")
SCOPES = ("now", "previous", "year", "first", "second", "last")
# In C where it is there, which takes a tenth of the time.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TABLE = re.compile(r"(metrics\.\w+|audit\.\w+|\w+\.(rpt|dim)_\w+)")
_SLOT = re.compile(r"\{([^{}|]+)(?:\|(\w+))?\}")


class SpecError(ValueError):
    """A panel is not well described; the message names file and key."""


@dataclass(frozen=True)
class Column:
    """One column of a view.

    Attributes:
        name: Its name: in the query where it is read, or its own where it is computed.
        label: What readers see.
        style: How it is written, one of `formats.FORMATS`.
        value: Program over the view's other columns; None where the query's column is taken.
        fold: How several rows become one: sum, max or min.
        is_hidden: Left out of the page's table and of the CSV.
        link: Columns with system, object and record id of the record that the cell opens in its system.
        note: Explained under the table.
    """

    name: str
    label: str
    style: str = "text"
    value: Program | None = None
    fold: str = "sum"
    is_hidden: bool = False
    link: tuple[str, str, str] | None = None
    note: str = ""


@dataclass(frozen=True)
class View:
    """Rows of the published warehouse, and how they are grouped, filtered and ordered.

    Attributes:
        period: The query's column with the first day of the row's month or quarter, if the period matters.
        span: Which rows the chosen period takes: its quarter, the twelve months up to its end, or all up to its end.
        filters: The page's filters that apply; the query has a column for each.
        group_by: Columns that make one row of the view.
        order_by: Columns, `-` before those that descend.
        limit: Most rows shown.
        greyed: Program over a row: whether `greyed_columns` of it (all, where none are named) are shown greyed, with
            `greyed_note`.
        rows_id: Id of the served list of rows behind a row of the view.
        rows_parameters: Column of the view by parameter of that list.
        rows_fixed: Values of further parameters.
        rows_dates: Date columns of that list by which the period is asked for.
        is_open: Whether its table stands open; None: where no chart and no tile shows the same.
        is_of_company: Whether it is of the whole company and cannot be told apart by region or team: whoever sees only
            a part sees the rest of the panel without it.
    """

    name: str
    query: str
    columns: tuple[Column, ...]
    period: str | None = None
    span: str = "quarter"
    filters: tuple[str, ...] = ()
    group_by: tuple[str, ...] = ()
    order_by: tuple[str, ...] = ()
    limit: int | None = None
    greyed: Program | None = None
    greyed_note: str = ""
    greyed_columns: tuple[str, ...] = ()
    rows_id: str | None = None
    rows_parameters: Mapping[str, str] = field(default_factory=dict)
    rows_fixed: Mapping[str, str] = field(default_factory=dict)
    rows_dates: tuple[str, ...] = ()
    caption: str = ""
    is_hidden: bool = False
    is_open: bool | None = None
    is_of_company: bool = False

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """Columns by name."""
        return {column.name: column for column in self.columns}


@dataclass(frozen=True)
class Slot:
    """A figure in a text: what it is and how it is written."""

    value: Program
    style: str
    source: str


@dataclass(frozen=True)
class Alternative:
    """One wording, and when it holds; texts and figures take turns."""

    when: Program | None
    parts: tuple[str | Slot, ...]


@dataclass(frozen=True)
class Tile:
    """One large figure with what it is compared with.

    Attributes:
        target: Program of the target, if there is one.
        target_label: What stands after the target.
        no_target: What is said where there is none.
        before: Program of the figure on the same business day of the quarter before.
        difference: How the difference to `before` is written; a rate's is in points.
        waits_for: What the tile waits for while `needs` is not published.
        shown_if: Program: the tile is left out of the page altogether where this does not hold.
        teams: What the teams report of their own, as a text with slots; it leads to the panel that explains it.
        teams_panel: The id of that panel.
        teams_view: The view whose rows, where the page is served, are the records between the teams' figures.
    """

    id: str
    label: str
    value: Program
    style: str
    target: Program | None = None
    target_label: str = "target"
    no_target: tuple[tuple[Alternative, ...], ...] = ()
    before: Program | None = None
    note: tuple[tuple[Alternative, ...], ...] = ()
    metric: str | None = None
    view: str | None = None
    waits_for: str = ""
    needs: tuple[str, ...] = ()
    shown_if: Program | None = None
    teams: tuple[tuple[Alternative, ...], ...] = ()
    teams_panel: str = ""
    teams_view: str | None = None


@dataclass(frozen=True)
class Chart:
    """A drawing of a view.

    Attributes:
        kind: One of `CHARTS`.
        label: Column that names what is drawn; for lines the period.
        value: Column that is drawn.
        series: Column that tells colours apart, if any.
        low: Column with the lower end of a range.
        high: Column with the upper end of a range.
        total: Column of `steps` that is true for a level rather than a change.
        title: What it shows, for readers and screen readers.
    """

    kind: str
    view: str
    label: str
    value: str
    title: str
    series: str | None = None
    low: str | None = None
    high: str | None = None
    total: str | None = None
    target: str | None = None


@dataclass(frozen=True)
class Panel:
    """One panel of the page; see docs/dashboard.md."""

    id: str
    file: str
    title: str
    place: float
    fold: str | None
    waits_for: str
    empty: str
    needs: tuple[str, ...]
    views: tuple[View, ...]
    sentence: tuple[tuple[Alternative, ...], ...]
    support: tuple[tuple[Alternative, ...], ...]
    tiles: tuple[Tile, ...]
    charts: tuple[Chart, ...]
    metrics: tuple[str, ...]
    shown_if: Program | None
    notes: tuple[str, ...]
    log: tuple[str, ...] = ()

    @cached_property
    def by_name(self) -> dict[str, View]:
        """Views by name."""
        return {view.name: view for view in self.views}

    @property
    def filters(self) -> tuple[str, ...]:
        """The filters that apply to any of its views."""
        return tuple(name for name in FILTERS if any(name in view.filters for view in self.views))


def read_panels(folder: Path = PANELS) -> tuple[Panel, ...]:
    """All panels in their order.

    Raises:
        SpecError: naming file and key.
    """
    panels = [read_panel(path) for path in sorted(folder.glob("*.yml"))]
    ids = [panel.id for panel in panels]
    for panel in panels:
        if ids.count(panel.id) > 1:
            raise SpecError(f"{panel.file}: id {panel.id!r} is used twice")
    order = {None: -1, **{fold: number for number, fold in enumerate(FOLDS)}}
    return tuple(sorted(panels, key=lambda panel: (order[panel.fold], panel.place, panel.id)))


def read_panel(path: Path) -> Panel:
    """One panel from its file.

    Raises:
        SpecError: naming file and key.
    """
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)
    except yaml.YAMLError as error:
        raise SpecError(f"{path.name}: not YAML: {error}") from None
    reader = _Reader(path.name, "", raw)
    try:
        return _panel(reader)
    except (ExpressionError, ValueError) as error:
        if isinstance(error, SpecError):
            raise
        raise SpecError(f"{path.name}: {error}") from None


class _Reader:
    """The keys of one mapping; what nobody has read at the end is an error."""

    def __init__(self, file: str, place: str, raw: Any) -> None:
        if not isinstance(raw, dict):
            raise SpecError(f"{file}: {place or 'the panel'} must be a mapping")
        self.file, self.place, self.raw, self.left = file, place, raw, set(raw)

    def take(self, key: str, default: Any = None, *, needed: bool = False) -> Any:
        self.left.discard(key)
        if needed and self.raw.get(key) in (None, ""):
            raise SpecError(f"{self.file}: {self.where(key)} is missing")
        value = self.raw.get(key)
        return default if value is None else value

    def text(self, key: str, *, needed: bool = False) -> str:
        return " ".join(str(self.take(key, "", needed=needed)).split())

    def one_of(self, key: str, allowed: Iterable[str], default: str | None = None) -> str:
        value = self.take(key, default, needed=default is None)
        if value not in allowed:
            raise SpecError(f"{self.file}: {self.where(key)} is {value!r}; known are {', '.join(allowed)}")
        return str(value)

    def names(self, key: str, allowed: Iterable[str] | None = None) -> tuple[str, ...]:
        values = self.take(key, [])
        if not isinstance(values, list):
            raise SpecError(f"{self.file}: {self.where(key)} must be a list")
        for value in values:
            if allowed is not None and str(value).removeprefix("-") not in allowed:
                raise SpecError(
                    f"{self.file}: {self.where(key)} names {value!r}; known are {', '.join(sorted(allowed))}"
                )
        return tuple(str(value) for value in values)

    def program(self, key: str) -> Program | None:
        text = self.take(key)
        try:
            return None if text is None else compile_expression(str(text))
        except ExpressionError as error:
            raise SpecError(f"{self.file}: {self.where(key)}: {error}") from None

    def inner(self, key: str, raw: Any) -> _Reader:
        return _Reader(self.file, self.where(key), raw)

    def where(self, key: str) -> str:
        return f"{self.place}.{key}" if self.place else key

    def end(self) -> None:
        if self.left:
            raise SpecError(f"{self.file}: {self.place or 'the panel'} has unknown keys {', '.join(sorted(self.left))}")


def _panel(reader: _Reader) -> Panel:
    views = tuple(
        _view(reader.inner(f"views.{name}", raw), str(name)) for name, raw in (reader.take("views", {}) or {}).items()
    )
    names = {view.name for view in views}
    needs = reader.names("needs")
    for table in needs:
        if not _TABLE.fullmatch(table):
            raise SpecError(f"{reader.file}: needs names {table!r}, which is no published metrics, rpt_ or dim_ table")
    panel = Panel(
        id=reader.text("id", needed=True),
        file=reader.file,
        title=reader.text("title", needed=True),
        place=float(reader.take("place", needed=True)),
        fold=reader.one_of("fold", FOLDS) if "fold" in reader.raw else None,
        waits_for=reader.text("waits_for", needed=True),
        empty=reader.text("empty") or "Nothing falls into this selection.",
        needs=needs,
        views=views,
        sentence=_clauses(reader, "sentence"),
        support=_clauses(reader, "support"),
        tiles=tuple(_tile(reader.inner(f"tiles[{n}]", raw), names) for n, raw in enumerate(reader.take("tiles", []))),
        charts=tuple(
            _chart(reader.inner(f"charts[{n}]", raw), {view.name: view for view in views})
            for n, raw in enumerate(reader.take("charts", []))
        ),
        metrics=reader.names("metrics"),
        shown_if=reader.program("shown_if"),
        notes=tuple(" ".join(note.split()) for note in reader.names("notes")),
        log=reader.names("log"),
    )
    reader.end()
    if not re.fullmatch(r"[a-z][a-z0-9_]*", panel.id):
        raise SpecError(f"{reader.file}: id {panel.id!r} must be lower case letters, digits and _")
    if views and not panel.sentence:
        raise SpecError(f"{reader.file}: sentence is missing: every panel says what its figures say")
    _check_names(panel)
    return panel


def _view(reader: _Reader, name: str) -> View:
    query = str(reader.take("query", needed=True)).strip().rstrip(";")
    for table in tables_of(query, reader.where("query"), reader.file):
        if not _TABLE.fullmatch(table):
            raise SpecError(
                f"{reader.file}: {reader.where('query')} reads {table}; the page reads only metrics, rpt_, dim_ and"
                " audit tables of the published warehouse"
            )
    columns = tuple(
        _column(reader.inner(f"columns.{key}", raw), str(key))
        for key, raw in reader.take("columns", needed=True).items()
    )
    known = {column.name for column in columns}
    rows = reader.take("rows", {})
    rows_reader = reader.inner("rows", rows)
    view = View(
        name=name,
        query=query,
        columns=columns,
        period=reader.take("period"),
        span=reader.one_of("span", SPANS, "quarter"),
        filters=reader.names("filters", FILTERS),
        group_by=reader.names("group_by", known),
        order_by=reader.names("order_by", known),
        limit=reader.take("limit"),
        greyed=reader.program("greyed"),
        greyed_note=reader.text("greyed_note"),
        greyed_columns=reader.names("greyed_columns", known),
        rows_id=rows_reader.take("id"),
        rows_parameters={str(k): str(v) for k, v in rows_reader.take("parameters", {}).items()},
        rows_fixed={str(k): _written(v) for k, v in rows_reader.take("fixed", {}).items()},
        rows_dates=_one_or_more(rows_reader.take("date")),
        caption=reader.text("caption"),
        is_hidden=bool(reader.take("hidden", False)),
        is_open=reader.take("open"),
        is_of_company=bool(reader.take("whole_company", False)),
    )
    rows_reader.end()
    reader.end()
    for column in columns:
        for used in names_in(column.value) if column.value else ():
            if used not in known:
                raise SpecError(f"{reader.file}: {reader.where('columns.' + column.name)} uses unknown {used!r}")
        if column.value is None and column.name not in view.group_by and column.style not in NUMERIC:
            raise SpecError(
                f"{reader.file}: {reader.where('columns.' + column.name)} is neither in group_by nor a number"
            )
        if column.link and not set(column.link) <= set(view.group_by):
            raise SpecError(f"{reader.file}: {reader.where('columns.' + column.name)}.link must name group_by columns")
    for parameter in view.rows_parameters.values():
        if parameter not in view.group_by:
            raise SpecError(f"{reader.file}: {reader.where('rows.parameters')} names {parameter!r}, not in group_by")
    return view


def _one_or_more(value: Any) -> tuple[str, ...]:
    return () if value is None else tuple(value) if isinstance(value, list) else (str(value),)


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _column(reader: _Reader, name: str) -> Column:
    link = reader.take("link")
    column = Column(
        name=name,
        label=reader.text("label") or name.replace("_", " "),
        style=reader.one_of("format", sorted(FORMATS), "text"),
        value=reader.program("value"),
        fold=reader.one_of("fold", FOLDED_BY, "sum"),
        is_hidden=bool(reader.take("hidden", False)),
        link=tuple(link) if link else None,  # type: ignore[arg-type]
        note=reader.text("note"),
    )
    if link is not None and (not isinstance(link, list) or len(link) != 3):
        raise SpecError(f"{reader.file}: {reader.where('link')} must be [system, object, record id] columns")
    reader.end()
    return column


def _tile(reader: _Reader, views: set[str]) -> Tile:
    tile = Tile(
        id=reader.text("id", needed=True),
        label=reader.text("label", needed=True),
        value=reader.program("value") or ["value", None],
        style=reader.one_of("format", sorted(NUMERIC)),
        target=reader.program("target"),
        target_label=reader.text("target_label") or "target",
        no_target=_clauses(reader, "no_target"),
        before=reader.program("before"),
        note=_clauses(reader, "note"),
        metric=reader.take("metric"),
        view=reader.one_of("view", views) if "view" in reader.raw else None,
        waits_for=reader.text("waits_for"),
        needs=reader.names("needs"),
        shown_if=reader.program("shown_if"),
        teams=_clauses(reader, "teams"),
        teams_panel=reader.text("teams_panel"),
        teams_view=reader.one_of("teams_view", views) if "teams_view" in reader.raw else None,
    )
    reader.end()
    if tile.teams and not tile.teams_panel:
        raise SpecError(
            f"{reader.file}: {reader.place}: teams need teams_panel, the id of the panel that explains them"
        )
    return tile


def _chart(reader: _Reader, views: Mapping[str, View]) -> Chart:
    view = views[reader.one_of("view", views)]
    columns = {column.name for column in view.columns}

    def column(key: str, *, needed: bool = False) -> str | None:
        return reader.one_of(key, sorted(columns)) if needed or key in reader.raw else None

    chart = Chart(
        kind=reader.one_of("type", CHARTS),
        view=view.name,
        label=str(column("label", needed=True)),
        value=str(column("value", needed=True)),
        title=reader.text("title", needed=True),
        series=column("series"),
        low=column("low"),
        high=column("high"),
        total=column("total"),
        target=column("target"),
    )
    reader.end()
    if chart.kind == "ranges" and not (chart.low and chart.high):
        raise SpecError(f"{reader.file}: {reader.place}: ranges need low and high")
    return chart


def _clauses(reader: _Reader, key: str) -> tuple[tuple[Alternative, ...], ...]:
    """A text made of clauses; each is a wording, or a list of wordings of which the first that holds is said."""
    raw = reader.take(key, [])
    clauses: Sequence[Any] = [raw] if isinstance(raw, str | dict) else raw
    found = []
    for number, clause in enumerate(clauses):
        wordings = []
        for wording in clause if isinstance(clause, list) else [clause]:
            inner = reader.inner(f"{key}[{number}]", {"text": wording} if isinstance(wording, str) else wording)
            wordings.append(Alternative(inner.program("when"), _parts(inner.text("text", needed=True), inner)))
            inner.end()
        found.append(tuple(wordings))
    return tuple(found)


def read_clause(raw: Mapping[str, Any], file: str, place: str) -> Alternative:
    """One wording with its condition, outside of a panel's file.

    Raises:
        SpecError: naming file and place.
    """
    reader = _Reader(file, place, dict(raw))
    wording = Alternative(reader.program("when"), _parts(reader.text("text", needed=True), reader))
    reader.end()
    return wording


def _parts(text: str, reader: _Reader) -> tuple[str | Slot, ...]:
    parts: list[str | Slot] = []
    end = 0
    for match in _SLOT.finditer(text):
        parts.append(text[end : match.start()])
        style = match[2] or "text"
        if style not in FORMATS:
            raise SpecError(f"{reader.file}: {reader.place}: unknown format {style!r} in {match[0]}")
        try:
            parts.append(Slot(compile_expression(match[1]), style, match[1].strip()))
        except ExpressionError as error:
            raise SpecError(f"{reader.file}: {reader.place}: {error}") from None
        end = match.end()
    return (*(part for part in (*parts, text[end:]) if part != ""),)


def _check_names(panel: Panel) -> None:
    """Every name in a sentence or a tile is `page.…` or `<view>.<scope>.<column>` or `<view>.groups`."""
    programs = [
        program
        for clauses in (
            panel.sentence,
            panel.support,
            *(clauses for tile in panel.tiles for clauses in (tile.note, tile.no_target, tile.teams)),
        )
        for clause in clauses
        for wording in clause
        for program in (wording.when, *(part.value for part in wording.parts if isinstance(part, Slot)))
    ]
    programs += [program for tile in panel.tiles for program in (tile.value, tile.target, tile.before, tile.shown_if)]
    programs.append(panel.shown_if)
    for program in programs:
        for name in names_in(program) if program else ():
            view, _, rest = name.partition(".")
            if view == "page" or (view in panel.by_name and rest == "groups"):
                continue
            scope, _, column = rest.partition(".")
            if view not in panel.by_name or scope not in SCOPES or column not in panel.by_name[view].by_name:
                raise SpecError(
                    f"{panel.file}: {name!r} is not known; write page.<word>, <view>.groups or"
                    f" <view>.<{'|'.join(SCOPES)}>.<column> with the views {', '.join(panel.by_name) or 'none'}"
                )


def tables_of(query: str, where: str, file: str) -> set[str]:
    """The tables that a query reads, `schema.table`.

    Raises:
        SpecError: where it is no query.
    """
    try:
        return set(_tables_of(query))
    except duckdb.Error as error:
        raise SpecError(f"{file}: {where}: {error}") from None


@cache
def _tables_of(query: str) -> frozenset[str]:
    names = _engine().cursor().get_table_names(query, qualified=True)
    # An alias comes with its table: "core.dim_stages AS stages".
    return frozenset(name.replace('"', "").partition(" AS ")[0] for name in names)


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """An empty database that takes queries apart; to make one takes far longer than to use it."""
    return duckdb.connect()
