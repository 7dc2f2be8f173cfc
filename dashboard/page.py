"""The page: one file that holds everything, complete without scripts, made from one published build alone."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import jinja2
from markupsafe import Markup

from dashboard import charts
from dashboard.calendar import Calendar, read_calendar
from dashboard.expressions import Program
from dashboard.figures import MAX_ROWS, UNKNOWN, PanelFigures, Piece, Shown, State, ViewData, read_view, show
from dashboard.formats import MONTHS, NUMERIC, SYMBOLS, write
from dashboard.spec import FILTERS, FOLDS, Alternative, Panel, Slot, Tile, View, read_panels, tables_of

FOLDER = Path(__file__).parent
PAGE_NAME = "dashboard.html"
MAX_BYTES = 2_000_000
FILTER_LABELS = {
    "motion": "Motion",
    "opportunity_type": "Opportunity type",
    "channel": "Channel",
    "segment": "Segment",
    "region": "Region",
    "team": "Team",
}
# How the served lists of rows write a missing value.
NO_VALUE = "(none)"
_MOTIONS = ("inbound", "outbound", "partner", "product", "customer")
_TYPES = ("new", "expansion", "renewal")


class PageError(Exception):
    """The page cannot be made; the message says why and of which file."""


class PageTooLargeError(PageError):
    """The page is larger than a page may be."""


@dataclass
class Header:
    """What the page says of its build."""

    build_id: str
    as_of: datetime
    published_at: datetime | None
    definition_version: str | None
    is_provisional: bool
    is_demo: bool
    origin: str
    stale: tuple[str, ...] = ()
    broken: tuple[Mapping[str, Any], ...] = ()
    rows_held: int = 0


@dataclass
class Content:
    """Everything that the page shows, read from one build.

    Attributes:
        panels: Panels in their order, without those that are not shown in this company.
        data: Rows of each view, by panel and view; a panel that waits for tables has none.
        missing: Tables that a panel waits for, by panel.
        catalog: What each metric means, by name.
        links: URL patterns that open a record in its system, by system and object.
        log: Entries of the joint log that are open or were closed lately, by subject.
    """

    header: Header
    calendar: Calendar
    currency: str
    panels: tuple[Panel, ...]
    data: dict[str, dict[str, ViewData]] = field(default_factory=dict)
    missing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    missing_tiles: dict[str, tuple[str, ...]] = field(default_factory=dict)
    catalog: dict[str, dict[str, str]] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    log: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def words(self, state: State, followed: Collection[str] = FILTERS) -> dict[str, Any]:
        """What texts can say of the page as `page.…`; of the filters only those that a panel follows."""
        quarter = self.calendar.quarters[state.quarter]
        before = self.calendar.quarters[state.quarter - 1] if state.quarter else None
        chosen = [value for name in FILTERS if name in followed and (value := state.filters.get(name))]
        return {
            "currency": self.currency,
            "period": quarter.label,
            "previous_period": before.label if before else "the quarter before",
            "is_to_date": quarter.is_to_date,
            "last_day": self.calendar.last_day.isoformat(),
            "selection": f" ({', '.join(chosen)})" if chosen else "",
            "is_filtered": bool(chosen),
        }

    def show(self, panel: Panel, state: State) -> PanelFigures:
        """A panel in a state."""
        data = self.data.get(panel.id, {})
        followed = {name for view in data.values() for name in view.filters}
        return show(panel, data, self.calendar, state, self.words(state, followed))

    @property
    def first_state(self) -> State:
        """What a reader sees first: the newest quarter, nothing filtered."""
        return State(len(self.calendar.quarters) - 1)


def published_tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """`schema.table` of every table of the file."""
    return {
        f"{schema}.{table}"
        for schema, table in connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
    }


def read_header(connection: duckdb.DuckDBPyConnection) -> Header:
    """The build of a published file, and what was wrong with its extracts."""
    rows = connection.execute(
        "select build_id, as_of, published_at, definition_version, is_provisional, is_demo, origin, stale_extracts"
        " from audit.builds order by build_number desc limit 1"
    ).fetchall()
    if not rows:
        raise PageError("audit.builds is empty: the file is not a published build")
    build_id, as_of, published_at, version, is_provisional, is_demo, origin, stale = rows[0]
    broken = connection.execute(
        "select system || '.' || object as extract, rule, owner from audit.contract_results"
        " where severity = 'error' and not is_overridden"
        " qualify row_number() over (partition by system, object, rule, scope"
        " order by load_number desc, judged_at desc) = 1 and is_broken order by all"
    ).fetchall()
    ((held,),) = connection.execute("select coalesce(sum(rows_held), 0) from audit.quarantine_counts").fetchall()
    return Header(
        build_id=build_id,
        as_of=as_of,
        published_at=published_at,
        definition_version=version,
        is_provisional=is_provisional,
        is_demo=is_demo,
        origin=origin,
        stale=tuple(name.strip() for name in (stale or "").split(",") if name.strip()),
        broken=tuple(dict(zip(("extract", "rule", "owner"), row, strict=True)) for row in broken),
        rows_held=int(held),
    )


def read_content(
    published: Path, panels: Sequence[Panel] | None = None, currency: str = "USD", max_rows: int = MAX_ROWS
) -> Content:
    """Everything that the page shows, from one published file, opened once and read-only.

    Raises:
        PageError: where there is no published file.
    """
    if not published.exists():
        raise PageError(f"{published} does not exist: run the main job first")
    with duckdb.connect(str(published.resolve()), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        return read_content_of(connection, panels, currency, max_rows)


def read_content_of(
    connection: duckdb.DuckDBPyConnection,
    panels: Sequence[Panel] | None = None,
    currency: str = "USD",
    max_rows: int = MAX_ROWS,
) -> Content:
    """Everything that the page shows, from a published file that is open already."""
    header = read_header(connection)
    tables = published_tables(connection)
    if "core.dim_reporting_settings" in tables:
        found = dict(connection.execute("select setting, value from core.dim_reporting_settings").fetchall())
        currency = found.get("reporting_currency", currency)
    content = Content(header, read_calendar(connection, header.as_of), currency, ())
    shown = []
    for panel in panels if panels is not None else read_panels():
        needed = {
            *panel.needs,
            *(table for view in panel.views for table in tables_of(view.query, view.name, panel.file)),
        }
        missing = tuple(sorted(needed - tables))
        if missing or not panel.views:
            content.missing[panel.id] = missing
            if panel.shown_if is None or panel.views:
                shown.append(panel)
            continue
        content.data[panel.id] = {
            view.name: read_view(connection, panel, view, content.calendar, max_rows) for view in panel.views
        }
        figures = content.show(panel, content.first_state)
        panel = replace(
            panel, tiles=tuple(tile for tile in panel.tiles if tile.shown_if is None or figures.value(tile.shown_if))
        )
        for tile in panel.tiles:
            if absent := tuple(sorted(set(tile.needs) - tables)):
                content.missing_tiles[f"{panel.id}.{tile.id}"] = absent
        if panel.shown_if is None or figures.value(panel.shown_if):
            shown.append(panel)
    content.panels = tuple(shown)
    if "metrics.catalog" in tables:
        rows = connection.execute(
            "select name, label, description, formula, owner, unit, grain from metrics.catalog order by name"
        )
        names = [item[0] for item in rows.description]
        content.catalog = {row[0]: dict(zip(names, row, strict=True)) for row in rows.fetchall()}
    if "core.dim_joint_log" in tables:
        content.log = read_log(connection, content.calendar.last_day)
    if "core.dim_system_links" in tables:
        content.links = {
            f"{system}:{object_}": pattern
            for system, object_, pattern in connection.execute(
                "select system, object, url_pattern from core.dim_system_links order by 1, 2"
            ).fetchall()
            if re.match(r"https?://", pattern)
        }
    return content


def read_log(connection: duckdb.DuckDBPyConnection, last_day: date) -> dict[str, list[dict[str, Any]]]:
    """What the teams have noted, by what it is about: open entries, and those closed within a quarter."""
    rows = connection.execute(
        "select subject, kind, entry, owner_team, due_date, is_open, is_overdue from core.dim_joint_log"
        " where is_open or closed_date >= $last - interval 3 month"
        " order by is_open desc, logged_date desc, log_id",
        {"last": last_day},
    )
    names = [item[0] for item in rows.description]
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows.fetchall():
        entry = dict(zip(names, row, strict=True))
        found.setdefault(subject_of(entry["subject"]), []).append(entry)
    return found


def subject_of(words: str) -> str:
    """A subject of the joint log as panels name it: `Deal size` is `deal_size`."""
    return "_".join(words.lower().replace("_", " ").split())


def link_to_record(links: Mapping[str, str], system: Any, object_: Any, record: Any) -> str | None:
    """The address of a record in its own system; None where no pattern is known, or it is no web address."""
    pattern = links.get(f"{system}:{object_}")
    if pattern is None or record is None or not re.match(r"https?://", pattern):
        return None
    return pattern.replace("{record_id}", quote(str(record), safe=""))


# --- HTML of the parts that change with the filters; page.js makes the same ---


def figure_html(text: str, value: Any, style: str, **where: str) -> Markup:
    """A figure: its text, its value, and where it comes from."""
    if style not in NUMERIC or value is None:
        return Markup("{}").format(text)
    marks = Markup("").join(
        Markup(' data-{}="{}"').format(key.replace("_", "-"), text_) for key, text_ in where.items()
    )
    return Markup('<data value="{}"{}>{}</data>').format(plain_number(value), marks, text)


def plain_number(value: Any) -> str:
    """A number as text that every program reads."""
    number = float(value)
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)


def pieces_html(pieces: Sequence[Piece]) -> Markup:
    """A said text with its figures marked."""
    return Markup("").join(
        Markup("{}").format(piece.text)
        if piece.source is None or not isinstance(piece.value, int | float) or isinstance(piece.value, bool)
        else Markup('<data value="{}" data-of="{}">{}</data>').format(
            plain_number(piece.value), piece.source, piece.text
        )
        for piece in pieces
    )


def table_html(shown: Shown, content: Content, state: State) -> Markup:
    """The rows of a view."""
    view = shown.view
    columns = [column for column in view.columns if not column.is_hidden]
    lines = []
    for group in shown.groups:
        cells = []
        for number, column in enumerate(columns):
            value = group.values[column.name]
            text = write(value, column.style, content.currency)
            cell = figure_html(text, value, column.style, column=column.name)
            if column.link:
                address = link_to_record(content.links, *(group.values[name] for name in column.link))
                if address:
                    cell = Markup('<a href="{}" rel="noreferrer noopener">{}</a>').format(address, cell)
            if column.style == "month" and is_partial(content, value):
                cell += Markup(' <span class="to-date">to date</span>')
            if number == 0 and view.rows_id:
                cell += rows_link(view, group.values, state, content)
            classes = ["number"] if column.style in NUMERIC else []
            if group.is_greyed and (not view.greyed_columns or column.name in view.greyed_columns):
                classes.append("greyed")
            kind = Markup(' class="{}"').format(" ".join(classes)) if classes else Markup("")
            cells.append(
                Markup('<th scope="row"{}>{}</th>').format(kind, cell)
                if number == 0
                else Markup("<td{}>{}</td>").format(kind, cell)
            )
        key = json.dumps([group.values[name] for name in view.group_by], ensure_ascii=False, separators=(",", ":"))
        lines.append(Markup('<tr data-key="{}">{}</tr>').format(key, Markup("").join(cells)))
    return Markup("").join(lines)


def is_partial(content: Content, month: Any) -> bool:
    """Whether a month is not over at the build's now."""
    partial = content.calendar.partial_month
    return month is not None and partial is not None and str(month)[:10] == partial.isoformat()


def rows_link(view: View, values: Mapping[str, Any], state: State, content: Content) -> Markup:
    """The link to the rows behind a row of a view, which a server answers; without one it is hidden."""
    return Markup(' <a class="rows served" href="{}" aria-label="Rows behind this line">rows</a>').format(
        rows_address(view, values, state, content)
    )


def rows_address(view: View, values: Mapping[str, Any], state: State, content: Content) -> str:
    """`/rows/<id>?<column>=<value>&…`: the period, the filters that the view knows and the row's own values."""
    pairs: list[tuple[str, str]] = list(view.rows_fixed.items())
    if view.period:
        first, before = period_bounds(view, state, content.calendar)
        for name in view.rows_dates:
            pairs += [(f"{name}.from", first), (f"{name}.before", before)]
    pairs += [(name, state.filters[name]) for name in view.filters if state.filters.get(name)]
    pairs += [
        (name, str(values[column])) for name, column in view.rows_parameters.items() if values[column] is not None
    ]
    query = "&".join(f"{name}={quote(NO_VALUE if value == UNKNOWN else value, safe='')}" for name, value in pairs)
    return f"/rows/{view.rows_id}" + (f"?{query}" if query else "")


def period_bounds(view: View, state: State, calendar: Calendar) -> tuple[str, str]:
    """First day of the view's period and first day after it, as text."""
    last = calendar.month_number(calendar.quarters[state.quarter].months[-1])
    length = len(calendar.quarters[state.quarter].months)
    first = {"quarter": last - length + 1, "year": max(last - 11, 0), "all": 0}[view.span]
    end = calendar.months[last]
    return calendar.months[first].isoformat(), f"{end.year + end.month // 12:04d}-{end.month % 12 + 1:02d}-01"


def _between(tile: Tile, figures: PanelFigures, content: Content, state: State) -> Markup:
    """The link to the records between the teams' figures, which a server answers."""
    if tile.teams_view is None:
        return Markup("")
    address = rows_address(figures.shown[tile.teams_view].view, {}, state, content)
    return Markup(' <a class="rows served" href="{}">records between them</a>').format(address)


def tile_html(tile: Tile, figures: PanelFigures, content: Content, panel: Panel, state: State) -> Markup:
    """The inside of a tile: the figure, its target, and the same business day of the quarter before."""
    absent = content.missing_tiles.get(f"{panel.id}.{tile.id}")
    if absent:
        return Markup('<p class="waits">{}</p>').format(tile.waits_for or f"Waits for {', '.join(absent)}.")
    value, target, before = (figures.value(program) for program in (tile.value, tile.target, tile.before))
    currency = content.currency
    lines = [Markup('<p class="big">{}</p>').format(_tile_figure(value, tile.style, currency, tile.id, "value"))]
    if target is not None:
        reached = None if value is None or not target else value / target
        said = Markup("{} {}").format(_tile_figure(target, tile.style, currency, tile.id, "target"), tile.target_label)
        if reached is not None and tile.style != "percent":
            bar = Markup('<span class="bar" aria-hidden="true"><i style="width:{}%"></i></span>').format(
                round(max(0, min(reached, 1)) * 100)
            )
            said = Markup("{}{} of {}").format(bar, _tile_figure(reached, "share", currency, tile.id, "reached"), said)
        lines.append(Markup('<p class="target">{}</p>').format(said))
    elif no_target := figures.say(tile.no_target):
        lines.append(Markup('<p class="target">{}</p>').format(pieces_html(no_target)))
    if tile.before is not None and value is not None:
        if before is None:
            lines.append(Markup("<p>No figure for {}</p>").format(figures.page["previous_period"]))
        else:
            rise = value - before
            style = {"percent": "points", "money": "money_signed"}.get(tile.style, "count_signed")
            lines.append(
                Markup('<p><span class="rise {}">{}</span> from {}</p>').format(
                    "up" if rise > 0 else "down" if rise < 0 else "level",
                    _tile_figure(rise, style, currency, tile.id, "rise"),
                    _tile_figure(before, tile.style, currency, tile.id, "before"),
                )
            )
    note = figures.say(tile.note)
    if note:
        lines.append(Markup('<p class="note">{}</p>').format(pieces_html(note)))
    teams = figures.say(tile.teams)
    if teams:
        lines.append(
            Markup('<p class="teams"><a href="#{}">{}</a>{}</p>').format(
                tile.teams_panel, pieces_html(teams), _between(tile, figures, content, state)
            )
        )
    return Markup("").join(lines)


def _tile_figure(value: Any, style: str, currency: str, tile: str, part: str) -> Markup:
    return figure_html(write(value, style, currency), value, style, tile=f"{tile}.{part}")


def scope_note(panel: Panel, data: Mapping[str, ViewData], state: State) -> str:
    """Which chosen filters a panel cannot follow."""
    applied = {name for view in data.values() for name in view.filters}
    ignored = [FILTER_LABELS[name].lower() for name in FILTERS if state.filters.get(name) and name not in applied]
    return f"Not filtered by {', '.join(ignored)}: these figures are not kept apart by it." if ignored else ""


# --- What the script gets ---


def filter_options(content: Content) -> dict[str, list[str]]:
    """The values of each filter, over all panels."""
    found: dict[str, set[str]] = {name: set() for name in FILTERS}
    for views in content.data.values():
        for data in views.values():
            for name in data.filters:
                found[name] |= {word for word in data.words[f"_filter_{name}"] if word is not None}
    known = {"motion": _MOTIONS, "opportunity_type": _TYPES}

    def place(name: str, value: str) -> tuple[bool, int, str]:
        order = known.get(name, ())
        return (value.startswith("("), order.index(value) if value in order else len(order), value)

    return {name: sorted(values, key=lambda value, name=name: place(name, value)) for name, values in found.items()}


def embedded(content: Content) -> dict[str, Any]:
    """The programs and rows of the page, for its script."""
    return {
        "build": content.header.build_id,
        "currency": content.currency,
        "symbol": SYMBOLS.get(content.currency, f"{content.currency} "),
        "lastDay": content.calendar.last_day.isoformat(),
        "partialMonth": content.calendar.partial_month.isoformat() if content.calendar.partial_month else None,
        "months": [month.isoformat() for month in content.calendar.months],
        "quarters": [
            {
                "id": quarter.id,
                "label": quarter.label,
                "toDate": quarter.is_to_date,
                "last": content.calendar.month_number(quarter.months[-1]),
                "length": len(quarter.months),
            }
            for quarter in content.calendar.quarters
        ],
        "filters": filter_options(content),
        "filterLabels": FILTER_LABELS,
        "links": content.links,
        "panels": [_panel_data(content, panel) for panel in content.panels if panel.id in content.data],
    }


def _panel_data(content: Content, panel: Panel) -> dict[str, Any]:
    return {
        "id": panel.id,
        "empty": panel.empty,
        "sentence": _clauses_data(panel.sentence),
        "support": _clauses_data(panel.support),
        "views": {name: _view_data(data) for name, data in content.data[panel.id].items()},
        "tiles": [
            {
                "id": tile.id,
                "value": tile.value,
                "style": tile.style,
                "target": tile.target,
                "targetLabel": tile.target_label,
                "noTarget": _clauses_data(tile.no_target),
                "before": tile.before,
                "note": _clauses_data(tile.note),
                "teams": _clauses_data(tile.teams),
                "teamsPanel": tile.teams_panel,
                "teamsView": tile.teams_view,
            }
            for tile in panel.tiles
            if f"{panel.id}.{tile.id}" not in content.missing_tiles
        ],
        "charts": [
            {key: getattr(chart, key) for key in ("kind", "view", "label", "value", "series", "low", "high", "total")}
            for chart in panel.charts
        ],
    }


def _clauses_data(clauses: Sequence[Sequence[Alternative]]) -> list[Any]:
    def part(item: str | Slot) -> Any:
        return item if isinstance(item, str) else {"v": item.value, "f": item.style, "of": item.source}

    return [[{"when": item.when, "parts": [part(p) for p in item.parts]} for item in clause] for clause in clauses]


def _view_data(data: ViewData) -> dict[str, Any]:
    view = data.view
    return {
        "columns": [
            {
                "name": column.name,
                "label": column.label,
                "style": column.style,
                "value": column.value,
                "fold": column.fold,
                "hidden": column.is_hidden,
                "link": column.link,
            }
            for column in view.columns
        ],
        "span": view.span,
        "hasPeriod": view.period is not None,
        "filters": data.filters,
        "groupBy": view.group_by,
        "orderBy": view.order_by,
        "limit": view.limit,
        "greyed": view.greyed,
        "greyedColumns": view.greyed_columns,
        "rowsId": view.rows_id,
        "rowsParameters": dict(view.rows_parameters),
        "rowsFixed": dict(view.rows_fixed),
        "rowsDates": view.rows_dates,
        "rows": data.rows,
        "period": data.period,
        "texts": data.texts,
        "words": data.words,
        "numbers": data.numbers,
        "scales": data.scales,
    }


def script_json(value: Any) -> Markup:
    """JSON that may stand in a script element: nothing in it can end the element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return Markup(re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text))


# --- The whole page ---


def render(content: Content) -> str:
    """The page as text.

    Raises:
        PageError: where it is larger than a page may be.
    """
    style = (FOLDER / "page.css").read_text(encoding="utf-8")
    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    early = (FOLDER / "early.js").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    policy = (
        # Styles can load nothing under this policy, and a server may put its own bar above the page.
        f"default-src 'none'; style-src 'unsafe-inline'; script-src {_hash(early)} {_hash(script)}; img-src data:;"
        " base-uri 'none'; form-action 'self'"
    )
    text = environment.get_template("page.html.j2").render(
        header=content.header,
        content=content,
        policy=policy,
        style=Markup(style),
        script=Markup(script),
        early=Markup(early),
        options=filter_options(content),
        filter_labels=FILTER_LABELS,
        sections=_sections(content),
        data=script_json(embedded(content)),
        numeric=NUMERIC,
        day=lambda moment: f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}",
    )
    size = len(text.encode())
    if size > MAX_BYTES:
        raise PageTooLargeError(
            f"the page has {size:,} bytes; at most {MAX_BYTES:,} are allowed: give a panel fewer rows"
        )
    return text


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _sections(content: Content) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    for fold in (None, *FOLDS):
        panels = [_panel_part(content, panel) for panel in content.panels if panel.fold == fold]
        if panels:
            parts.append({"fold": fold, "panels": panels})
    return parts


def _panel_part(content: Content, panel: Panel) -> dict[str, Any]:
    """What the template needs of a panel."""
    part: dict[str, Any] = {"panel": panel, "id": panel.id, "title": panel.title, "number": f"{panel.place:g}"}
    if panel.id in content.missing:
        # A panel without views waits to be written.
        return part | {"waits": True, "missing": content.missing[panel.id], "passports": _passports(content, panel)}
    state = content.first_state
    figures = content.show(panel, state)
    drawn, marked = [], content.calendar.partial_month
    for number, chart in enumerate(panel.charts):
        shown = figures.shown[chart.view]
        drawing = charts.model(chart, shown, content.currency, marked.isoformat() if marked else None)
        svgs = [
            Markup(charts.draw(drawing, width)) if drawing.marks else Markup("")
            for width in (charts.WIDE, charts.NARROW)
        ]
        drawn.append({"number": number, "title": chart.title, "wide": svgs[0], "narrow": svgs[1], "view": chart.view})
    charted = {chart.view for chart in panel.charts}
    return part | {
        "waits": False,
        "is_empty": figures.is_empty,
        "sentence": Markup("{}").format(panel.empty) if figures.is_empty else pieces_html(figures.say(panel.sentence)),
        "support": Markup("") if figures.is_empty else pieces_html(figures.say(panel.support)),
        "log": _log(content, panel),
        "tiles": [{"tile": tile, "html": tile_html(tile, figures, content, panel, state)} for tile in panel.tiles],
        "charts": drawn,
        "tables": [
            {
                "view": view,
                # Beside large figures and charts a table is what one looks up.
                "open": view.name not in charted and not panel.tiles if view.is_open is None else view.is_open,
                "columns": [column for column in view.columns if not column.is_hidden],
                "html": table_html(figures.shown[view.name], content, state),
                "is_empty": not figures.shown[view.name].groups,
                "more": len(figures.shown[view.name].all_groups) - len(figures.shown[view.name].groups),
            }
            for view in panel.views
            if not view.is_hidden
        ],
        "passports": _passports(content, panel),
        "left_out": sorted({name for data in content.data[panel.id].values() for name in data.left_out}),
    }


def _log(content: Content, panel: Panel) -> list[dict[str, Any]]:
    """What the teams noted of a panel: of itself, of its metrics, and of what else it names."""
    subjects = dict.fromkeys(subject_of(word) for word in (panel.id, *panel.log, *panel.metrics))
    return [
        {**entry, "about": subject.replace("_", " ")} for subject in subjects for entry in content.log.get(subject, [])
    ]


def _passports(content: Content, panel: Panel) -> dict[str, Any]:
    """Where a panel's figures come from: its tables, and its metrics as the catalog has them."""
    return {
        "tables": sorted({table for view in panel.views for table in tables_of(view.query, view.name, panel.file)}),
        "metrics": [content.catalog[name] for name in panel.metrics if name in content.catalog],
        "filters": [FILTER_LABELS[name].lower() for name in panel.filters],
    }


def fitting(published: Path) -> tuple[Content, str]:
    """What a page shows and the page itself, with as many filters as fit into its size.

    Raises:
        PageError: where it is too large even with the fewest.
    """
    for max_rows in (MAX_ROWS, MAX_ROWS // 2, MAX_ROWS // 4):
        content = read_content(published, max_rows=max_rows)
        try:
            return content, render(content)
        except PageTooLargeError as error:
            too_large = error
    raise too_large


def write_page(published: Path, target: Path) -> int:
    """Make the page of a published file and put it in its place at once; returns its size in bytes."""
    return put_page(fitting(published)[1], target)


def put_page(page: str, target: Path) -> int:
    """Put a page in its place at once; returns its size in bytes."""
    text = page.encode()
    draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return len(text)


__all__ = ["Content", "Header", "PageError", "Program", "read_content", "render", "write_page"]
