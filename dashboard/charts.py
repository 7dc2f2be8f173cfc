"""Charts: a small model of what is drawn, and its drawing as SVG through Vega-Lite when the page is built.

The page's script draws the same model when a reader filters. Colours are named here by stand-ins and become the page's
own variables afterwards, so that a drawing follows light and dark like everything else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.figures import Shown
from dashboard.formats import MONTHS, NUMERIC, write
from dashboard.spec import Chart

WIDE, NARROW = 520, 330
SERIES = 10
# Stand-ins that no other part of a drawing has.
_STAND_INS = {
    "#010a01": "--ink",
    "#010a02": "--quiet",
    "#010a03": "--line",
    "#010a04": "--faint",
    "#010a05": "--good",
    "#010a06": "--bad",
    **{f"#010b{number:02d}": f"--series-{number}" for number in range(1, SERIES + 1)},
}
_BY_NAME = {name.removeprefix("--"): colour for colour, name in _STAND_INS.items()}
LIGHT = {
    "--ink": "#1c2430",
    "--quiet": "#566070",
    "--line": "#dfe3e8",
    "--faint": "#b9c0c9",
    "--good": "#0f766e",
    "--bad": "#b4441a",
    "--series-1": "#2459a6",
    "--series-2": "#c2620c",
    "--series-3": "#0f8577",
    "--series-4": "#8a4f9e",
    "--series-5": "#7a6a1f",
    "--series-6": "#a3325c",
    "--series-7": "#4f9bd6",
    "--series-8": "#d79a2b",
    "--series-9": "#5fb3a3",
    "--series-10": "#6b7480",
}


@dataclass(frozen=True)
class Mark:
    """One thing that is drawn: a bar, a point, a step or a range."""

    label: str
    value: float | None
    series: str = ""
    is_greyed: bool = False
    is_partial: bool = False
    low: float | None = None
    high: float | None = None
    is_total: bool = False


@dataclass(frozen=True)
class Drawing:
    """The model of a chart."""

    chart: Chart
    marks: tuple[Mark, ...]
    style: str
    currency: str
    series: tuple[str, ...] = ()


def model(chart: Chart, shown: Shown, currency: str, partial_month: str | None) -> Drawing:
    """What a chart draws of a view as it is shown."""
    view = shown.view
    label_style = view.by_name[chart.label].style
    marks = []
    for group in shown.groups:
        values = group.values
        raw = values[chart.label]
        is_total = bool(chart.total and values[chart.total])
        if chart.kind == "steps" and not is_total and not values[chart.value]:
            # A step that changed nothing only makes the bridge longer.
            continue
        marks.append(
            Mark(
                label=write(raw, label_style, currency),
                value=None if values[chart.value] is None else float(values[chart.value]),
                series=write(values[chart.series], "text") if chart.series else "",
                is_greyed=group.is_greyed,
                is_partial=label_style == "month" and raw is not None and str(raw)[:10] == partial_month,
                low=values[chart.low] if chart.low else None,
                high=values[chart.high] if chart.high else None,
                is_total=is_total,
            )
        )
    series = series_by_size(chart, shown) if chart.series else []
    return Drawing(chart, tuple(marks), view.by_name[chart.value].style, currency, tuple(series))


def series_by_size(chart: Chart, shown: Shown) -> list[str]:
    """All series, the largest first: each keeps its colour whatever is filtered; the smallest share the last."""
    data, name = shown.data, str(chart.series)
    sizes = dict.fromkeys(range(len(data.words[name])), 0.0)
    numbers = data.numbers.get(chart.value)
    for row, code in enumerate(data.texts[name]):
        sizes[code] += abs(numbers[row] or 0) if numbers else 1
    words = [write(word, "text") for word in data.words[name]]
    return [words[code] for code in sorted(sizes, key=lambda code: (-sizes[code], words[code]))]


def draw(drawing: Drawing, width: int) -> str:
    """The SVG of a chart, with the page's colour variables."""
    import vl_convert

    svg = vl_convert.vegalite_to_svg(specification(drawing, width))
    return themed(svg)


def picture(drawing: Drawing, width: int = WIDE, scale: float = 2) -> bytes:
    """The PNG of a chart in the colours of the light page, for mail."""
    import vl_convert

    return vl_convert.vegalite_to_png(_recoloured(specification(drawing, width)), scale=scale)


def _recoloured(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _recoloured(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_recoloured(inner) for inner in value]
    return LIGHT[_STAND_INS[value]] if isinstance(value, str) and value in _STAND_INS else value


def themed(svg: str) -> str:
    """A drawing whose colours are the page's variables, that scales, and that has no styles of its own."""
    for colour, name in _STAND_INS.items():
        svg = svg.replace(f'"{colour}"', f'"var({name})"')
    svg = re.sub(r' style="[^"]*"', "", svg)
    svg = re.sub(r' aria-[a-z]+="[^"]*"| role="[^"]*"', "", svg)
    svg = re.sub(r' font-family="[^"]*"', "", svg)
    svg = re.sub(r"(\d+\.\d\d)\d+", r"\1", svg)
    svg = re.sub(r' xmlns:xlink="[^"]*"| version="[^"]*"| class="[^"]*"', "", svg)
    return svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1).strip()


def series_of(marks: Sequence[Mark]) -> list[str]:
    """Names of the series in their order of appearance; from the last colour on they share it."""
    return list(dict.fromkeys(mark.series for mark in marks))


def specification(drawing: Drawing, width: int) -> dict[str, Any]:
    """The Vega-Lite specification of a chart."""
    kind = drawing.chart.kind
    body = {"bars": _bars, "lines": _lines, "steps": _steps, "ranges": _ranges}[kind](drawing, width)
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": None,
        "width": width,
        "autosize": {"type": "fit", "contains": "padding"},
        "padding": {"left": 18, "right": 4, "top": 2, "bottom": 2},
        "config": {
            "font": "sans-serif",
            "view": {"stroke": None},
            "axis": {
                "labelColor": _BY_NAME["quiet"],
                "labelFontSize": 12,
                "domain": False,
                "ticks": False,
                "gridColor": _BY_NAME["line"],
                "labelPadding": 6,
                "title": None,
            },
            "legend": {
                "orient": "top",
                "title": None,
                "labelColor": _BY_NAME["ink"],
                "labelFontSize": 12,
                "symbolType": "square",
                "columns": 2 if width < 500 else 5,
            },
        },
        **body,
    }


def _rows(drawing: Drawing) -> list[dict[str, Any]]:
    return [
        {
            "order": number,
            "label": mark.label,
            "value": mark.value,
            "series": mark.series,
            "low": mark.low,
            "high": mark.high,
            # Where the figure of a bar stands: right of it, and of zero where it goes to the left.
            "edge": max(mark.value or 0, 0),
            "text": write(mark.value, compact(drawing.style), drawing.currency),
            "state": "greyed" if mark.is_greyed else "partial" if mark.is_partial else "whole",
        }
        for number, mark in enumerate(drawing.marks)
    ]


def compact(style: str) -> str:
    """How a figure is written beside its mark, where room is scarce."""
    return "money" if style == "money_full" else style


def _axis(drawing: Drawing, **more: Any) -> dict[str, Any]:
    """An axis of values: few lines, written as the figures are."""
    style = drawing.style
    if style.startswith("percent") or style == "points":
        return {"tickCount": 4, "format": ".0%", **more}
    if style.startswith("money"):
        symbol = write(0, "money", drawing.currency).rstrip("0")
        expression = f"(datum.value < 0 ? '−' : '') + '{symbol}' + replace(format(abs(datum.value), '~s'), 'G', 'B')"
        return {"tickCount": 4, "labelExpr": expression, **more}
    return {"tickCount": 4, "format": "~s", **more}


def _colour(drawing: Drawing) -> dict[str, Any]:
    names = series_of(drawing.marks)
    places = [drawing.series.index(name) + 1 if name in drawing.series else 1 for name in names]
    colours = [_BY_NAME[f"series-{min(place, SERIES)}"] for place in places]
    if names in ([""], []):
        return {"value": _BY_NAME["series-1"]}
    return {"field": "series", "type": "nominal", "scale": {"domain": names, "range": colours}}


_OPACITY = {
    "condition": {"test": "datum.state === 'greyed'", "value": 0.35},
    "value": 1,
}


def _bars(drawing: Drawing, width: int) -> dict[str, Any]:
    labels = list(dict.fromkeys(mark.label for mark in drawing.marks))
    y = {
        "field": "label",
        "type": "nominal",
        "sort": labels,
        "axis": {"labelLimit": width * 0.36, "labelColor": _BY_NAME["ink"]},
    }
    bars = {
        "mark": {"type": "bar", "height": {"band": 0.62}},
        "encoding": {
            "y": y,
            "x": {"field": "value", "type": "quantitative", "axis": _axis(drawing)},
            "color": _colour(drawing),
            "opacity": _OPACITY,
            "order": {"field": "order"},
        },
    }
    layers = [bars]
    if series_of(drawing.marks) in ([""], []):
        layers.append(
            {
                "mark": {"type": "text", "align": "left", "dx": 5, "fontSize": 12, "color": _BY_NAME["ink"]},
                "encoding": {"y": y, "x": {"field": "edge", "type": "quantitative"}, "text": {"field": "text"}},
            }
        )
        bars["encoding"]["x"]["axis"] = None  # type: ignore[index]
        layers[1]["encoding"]["x"]["axis"] = None  # type: ignore[index]
        # Room for the figure beside the longest bar.
        most = max((mark.value or 0 for mark in drawing.marks), default=0)
        least = min((mark.value or 0 for mark in drawing.marks), default=0)
        scale = {"domain": [min(least * 1.25, 0), max(most * 1.25, 0) or 1]}
        for layer in layers:
            layer["encoding"]["x"]["scale"] = scale  # type: ignore[index]
    return {"data": {"values": _rows(drawing)}, "height": {"step": 28}, "layer": layers}


def short_month(label: str) -> str:
    """`Jun` of `Jun 2026`, and `Jan 26` where a year begins."""
    month, _, year = label.partition(" ")
    return f"{month} {year[2:]}" if month == MONTHS[0] and year else month


def _lines(drawing: Drawing, width: int) -> dict[str, Any]:
    labels = list(dict.fromkeys(mark.label for mark in drawing.marks))
    every = 1 if width > 500 or len(labels) < 8 else 3
    x = {
        "field": "label",
        "type": "nominal",
        "sort": labels,
        "scale": {"type": "point", "padding": 0.4},
        "axis": {
            "labelAngle": 0,
            "values": [label for number, label in enumerate(reversed(labels)) if number % every == 0],
            "labelExpr": "split(datum.label, ' ')[0] === 'Jan' ? 'Jan ' + slice(split(datum.label, ' ')[1], 2)"
            " : split(datum.label, ' ')[0]",
        },
    }
    y = {"field": "value", "type": "quantitative", "axis": _axis(drawing), "scale": {"zero": True, "nice": True}}
    colour = _colour(drawing)
    layers = [
        {
            "transform": [{"filter": "datum.state === 'whole'"}],
            "mark": {"type": "line", "strokeWidth": 2.2},
            "encoding": {"x": x, "y": y, "color": colour},
        },
        {
            "mark": {"type": "point", "size": 34, "filled": True},
            "encoding": {"x": x, "y": y, "color": colour, "opacity": _OPACITY},
            "transform": [{"filter": "datum.state !== 'partial'"}],
        },
        {
            "mark": {"type": "point", "size": 46, "filled": False, "strokeWidth": 1.8},
            "encoding": {"x": x, "y": y, "color": colour},
            "transform": [{"filter": "datum.state === 'partial'"}],
        },
    ]
    return {"data": {"values": _rows(drawing)}, "height": 220, "layer": layers}


def levels(marks: Sequence[Mark]) -> list[tuple[float, float]]:
    """From where to where each step of a bridge goes; a total stands on zero."""
    found, level = [], 0.0
    for mark in marks:
        value = mark.value or 0.0
        if mark.is_total:
            found.append((0.0, value))
            level = value
        else:
            found.append((level, level + value))
            level += value
    return found


def _steps(drawing: Drawing, width: int) -> dict[str, Any]:
    rows = _rows(drawing)
    for row, mark, (start, end) in zip(rows, drawing.marks, levels(drawing.marks), strict=True):
        row |= {"start": start, "end": end}
        row["kind"] = "total" if mark.is_total else "up" if (mark.value or 0) >= 0 else "down"
        row["edge"] = max(start, end)
    labels = [row["label"] for row in rows]
    y = {
        "field": "label",
        "type": "nominal",
        "sort": labels,
        "axis": {"labelLimit": width * 0.36, "labelColor": _BY_NAME["ink"]},
    }
    ends = [value for row in rows for value in (row["start"], row["end"])] or [0, 1]
    # For the figure beside the longest bar.
    room = (max(*ends, 0) - min(*ends, 0)) * (0.16 if width > 500 else 0.3) or 1
    scale = {"domain": [min(*ends, 0), max(*ends, 0) + room]}
    return {
        "data": {"values": rows},
        "height": {"step": 28},
        "layer": [
            {
                "mark": {"type": "bar", "height": {"band": 0.62}},
                "encoding": {
                    "y": y,
                    "x": {"field": "start", "type": "quantitative", "axis": None, "scale": scale},
                    "x2": {"field": "end"},
                    "color": {
                        "field": "kind",
                        "type": "nominal",
                        "legend": None,
                        "scale": {
                            "domain": ["total", "up", "down"],
                            "range": [_BY_NAME["series-1"], _BY_NAME["good"], _BY_NAME["bad"]],
                        },
                    },
                },
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 5, "fontSize": 12, "color": _BY_NAME["ink"]},
                "encoding": {
                    "y": y,
                    "x": {"field": "edge", "type": "quantitative", "axis": None, "scale": scale},
                    "text": {"field": "text"},
                },
            },
        ],
    }


def _ranges(drawing: Drawing, width: int) -> dict[str, Any]:
    labels = [mark.label for mark in drawing.marks]
    y = {
        "field": "label",
        "type": "nominal",
        "sort": labels,
        "axis": {"labelLimit": width * 0.36, "labelColor": _BY_NAME["ink"]},
    }
    x_axis = {"type": "quantitative", "axis": _axis(drawing)}
    return {
        "data": {"values": _rows(drawing)},
        "height": {"step": 28},
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 6, "color": _BY_NAME["faint"], "strokeCap": "round"},
                "encoding": {"y": y, "x": {"field": "low", **x_axis}, "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 90, "color": _BY_NAME["series-1"]},
                "encoding": {"y": y, "x": {"field": "value", **x_axis}},
            },
        ],
    }


__all__ = ["LIGHT", "NUMERIC", "Drawing", "Mark", "draw", "levels", "model", "picture", "short_month"]
