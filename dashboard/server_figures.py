"""Figures by month, counted from the rows that a viewer may see.

What cannot be told apart by the viewer's scope is left out, and a sentence says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from dashboard.access_scopes import Scope
from dashboard.drill_downs import DRILL_DOWNS, FIGURES, figure_link
from dashboard.drill_downs_query import figures_query, figures_together
from dashboard.server_render import cell
from dashboard.server_warehouse import Reader

MONTHS = 13
_TITLES = {
    "stage_entries": "Entries into the stages of the funnel",
    "opportunities": "Opportunities",
    "pipeline": "Open pipeline at the end of the month",
}


@dataclass(frozen=True)
class ScopedTable:
    """Figures by month.

    Attributes:
        title: what they are about.
        columns: the headings after the month: metric and label.
        rows: the month, and for each column its figure and the address of its rows.
    """

    title: str
    columns: list[tuple[str, str]]
    rows: list[tuple[str, list[tuple[str, str]]]]


def scoped_tables(reader: Reader, scope: Scope) -> tuple[list[ScopedTable], list[str]]:
    """The figures that a scope can see, and sentences on what it cannot.

    Args:
        reader: the newest build.
        scope: what the viewer may see.
    """
    labels = {row["name"]: row for row in reader.rows("select name, label, unit from metrics.catalog order by name")}
    until = reader.facts.as_of.date() if reader.facts.as_of else date.max.replace(day=1)
    index = until.year * 12 + until.month - MONTHS
    since = date(index // 12, index % 12 + 1, 1)
    tables = []
    for metrics in _by_table(scope):
        figure = FIGURES[metrics[0]]
        drill_down = DRILL_DOWNS[figure.drill_down_id]
        known = [metric for metric in metrics if metric in labels]
        if not known or not reader.has(drill_down.tables):
            continue
        rows = []
        for row in reader.each(figures_query(known, scope, since)):
            month: date = row["period_month"]
            rows.append((f"{month:%Y-%m}", [_figure(metric, row[metric], month, labels, until) for metric in known]))
        title = _TITLES.get(figure.drill_down_id, drill_down.title)
        if figure.date != drill_down.date:
            title += f", by {figure.date.replace('_', ' ')}"
        if ("is_mature", "true") in figure.filters:
            title = "Mature cohorts: entrants, and who reached the next stage in its window"
        tables.append(ScopedTable(title, [(metric, labels[metric]["label"]) for metric in known], rows))
    shown = {metric for table in tables for metric, _ in table.columns}
    parts = sorted(
        labels[metric]["label"]
        for metric, figure in FIGURES.items()
        if figure.is_exact and metric in labels and metric not in shown
    )
    left_out = []
    if parts:
        dimensions = " and ".join(scope.limits)
        left_out.append(
            f"{', '.join(parts)}: not recorded by {dimensions}, so no part of them can be told to be yours."
        )
    if not scope.is_all:
        left_out.append("Rates, targets, outlook and comparisons, where your page does not have them.")
    return tables, left_out


def _by_table(scope: Scope) -> list[list[str]]:
    """The metrics of each table: those of one query, mature cohorts apart from what entered."""
    tables = []
    for metrics in figures_together(scope):
        mature = [metric for metric in metrics if ("is_mature", "true") in FIGURES[metric].filters]
        tables += [part for part in ([metric for metric in metrics if metric not in mature], mature) if part]
    return tables


def _figure(metric: str, value: Any, month: date, labels: dict[str, Any], until: date) -> tuple[str, str]:
    after = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    if FIGURES[metric].is_stock and after > until:
        # The month that is not over yet stands as of the last day that is known.
        after = date.fromordinal(until.toordinal() + 1)
    kind = "money" if labels[metric]["unit"] == "reporting currency" else "whole"
    return cell(value, kind), figure_link(metric, since=month, before=after) or ""
