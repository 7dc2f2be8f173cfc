"""Reads a finished page and works out every figure on it again, in SQL of its own over the published file.

It shares nothing with the page's own evaluation but the panels' YAML: expressions become SQL here, filters and periods
become conditions, and DuckDB adds up.
"""

import ast
import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import yaml

from dashboard.spec import PANELS

NUMERIC = {
    "money",
    "money_signed",
    "money_full",
    "count",
    "count_signed",
    "number",
    "index",
    "percent",
    "share",
    "points",
    "days",
}
UNITS = {"k": 1e3, "M": 1e6, "B": 1e9}
LABELS = re.compile(
    r"Q[1-4] \d{4}|\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4}"
    r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4}"
)


@dataclass
class Element:
    tag: str
    attributes: dict
    parent: "Element | None" = None
    children: list = field(default_factory=list)

    def closest(self, tag, **attributes):
        found = self
        while found is not None:
            if found.tag == tag and all(name in found.attributes for name in attributes):
                return found
            found = found.parent
        return None

    @property
    def classes(self):
        return (self.attributes.get("class") or "").split()

    def has_class(self, name):
        return name in self.classes or (self.parent is not None and self.parent.has_class(name))

    def all(self, tag=None, name=None):
        for child in self.children:
            if isinstance(child, Element):
                if (tag is None or child.tag == tag) and (name is None or name in child.classes):
                    yield child
                yield from child.all(tag, name)

    @property
    def text(self):
        return "".join(child.text if isinstance(child, Element) else child for child in self.children)


class Tree(HTMLParser):
    VOID = frozenset({"meta", "link", "br", "hr", "img", "input", "path", "rect", "circle", "line"})

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.root = self._now = Element("", {})
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        element = Element(tag, dict(attrs), self._now)
        self._now.children.append(element)
        if tag not in self.VOID:
            self._now = element

    def handle_startendtag(self, tag, attrs):
        self._now.children.append(Element(tag, dict(attrs), self._now))

    def handle_endtag(self, tag):
        if tag in self.VOID:
            return
        found = self._now
        while found.parent is not None and found.tag != tag:
            found = found.parent
        if found.parent is not None:
            self._now = found.parent

    def handle_data(self, data):
        self._now.children.append(data)


def panels():
    found = {}
    for path in sorted(Path(PANELS).glob("*.yml")):
        panel = yaml.safe_load(path.read_text())
        found[panel["id"]] = panel
    return found


class Recount:
    """The published file, asked again.

    Args:
        published: the file.
        quarter: the chosen fiscal quarter, `2026-Q2`.
        filters: the chosen values by filter.
    """

    def __init__(self, published, quarter, filters):
        self.connection = duckdb.connect(str(Path(published).resolve()), read_only=True)
        self.connection.execute("set error_on_division_by_zero = false")
        self.filters = filters
        year, number = quarter.split("-Q")
        self.starts = [
            row[0]
            for row in self.connection.execute(
                "select distinct fiscal_quarter_start_date from core.dim_dates order by 1"
            ).fetchall()
        ]
        ((self.start, self.end),) = self.connection.execute(
            "select min(date_day), max(date_day) from core.dim_dates where fiscal_year = ? and fiscal_quarter = ?",
            [int(year), int(number)],
        ).fetchall()
        ((self.as_of,),) = self.connection.execute(
            "select as_of from audit.builds order by build_number desc limit 1"
        ).fetchall()
        self.panels = panels()

    def one(self, query):
        rows = self.connection.execute(query).fetchall()
        return rows[0][0] if rows else None

    def source(self, view, scope="now"):
        """`from … where …` of a view in a scope."""
        conditions = []
        if view.get("period"):
            column, end = f"cast(q.{view['period']} as date)", self.end
            if scope == "previous":
                place = self.starts.index(self.start)
                first = self.starts[place - 1]
                conditions.append(f"{column} >= date '{first}' and {column} < date '{self.start}'")
            else:
                span = view.get("span", "quarter")
                first = {
                    "quarter": f"date '{self.start}'",
                    "year": f"date '{end}' + interval 1 day - interval 1 year",
                    # The page goes back one year before the oldest of its eight quarters.
                    "all": f"date '{self.oldest}' - interval 1 year",
                }[span]
                conditions.append(f"{column} >= {first} and {column} <= date '{end}'")
        elif scope == "previous":
            conditions.append("false")
        for name in view.get("filters", []):
            if self.filters.get(name):
                value = self.filters[name].replace("'", "''")
                conditions.append(f"coalesce(cast(q.{name} as varchar), '(unknown)') = '{value}'")
        return f"from ({view['query']}) as q" + (f" where {' and '.join(conditions)}" if conditions else "")

    @property
    def oldest(self):
        shown = [start for start in self.starts if start <= self.as_of.date()]
        return shown[-8:][0]

    def column(self, view, name):
        """SQL of a column of a view, over the rows of a group."""
        column = view["columns"][name] or {}
        if column.get("value") is not None:
            return f"({self.sql(str(column['value']), lambda other: self.column(view, other))})"
        if name in view.get("group_by", []):
            return f'any_value(cast(q."{name}" as varchar))'
        return f'cast({column.get("fold", "sum")}(q."{name}") as double)'

    def named(self, panel):
        """SQL of a name in a panel's sentence."""
        followed = {name for view in panel["views"].values() for name in view.get("filters", [])}

        def sql(name):
            view_name, scope, *rest = name.split(".")
            if view_name == "page":
                place = self.starts.index(self.start)
                words = {
                    "is_to_date": str(self.as_of.date() <= self.end).lower(),
                    "is_filtered": str(bool(followed & set(self.filters))).lower(),
                    "last_day": f"'{self.as_of.date()}'",
                    "previous_start": f"'{self.starts[place - 1]}'",
                }
                return words[scope]
            view = panel["views"][view_name]
            keys = ", ".join(f'cast(q."{key}" as varchar)' for key in view.get("group_by", []))
            if scope == "groups":
                distinct = f"count(distinct ({keys}, ))" if keys and "," not in keys else f"count(distinct ({keys}))"
                return (
                    f"(select {distinct} {self.source(view)})"
                    if keys
                    else f"(select least(count(*), 1) {self.source(view)})"
                )
            if scope in {"now", "previous"}:
                return f"(select {self.column(view, rest[0])} {self.source(view, scope)})"
            order = ", ".join(
                f"{self.column(view, key.removeprefix('-'))} {'desc' if key.startswith('-') else 'asc'} nulls last"
                for key in view.get("order_by", [])
            )
            order = ", ".join(filter(None, [order, keys and ", ".join(f"{k} nulls last" for k in keys.split(", "))]))
            group = f"group by {keys}" if keys else ""
            groups = f"select 1 {self.source(view)} {group}"
            place = {"first": "0", "second": "1", "last": f"(select greatest(count(*) - 1, 0) from ({groups}))"}[scope]
            return (
                f"(select {self.column(view, rest[0])} {self.source(view)} {group}"
                f" {'order by ' + order if order else ''} limit 1 offset {place})"
            )

        return sql

    def sql(self, text, named):
        return self._sql(ast.parse(text.strip(), mode="eval").body, named)

    def _sql(self, node, named):
        def inner(child):
            return self._sql(child, named)

        match node:
            case ast.Constant(value=None):
                return "null"
            case ast.Constant(value=bool() as value):
                return str(value).lower()
            case ast.Constant(value=str() as value):
                return "'" + value.replace("'", "''") + "'"
            case ast.Constant(value=value):
                return str(value)
            case ast.Name() | ast.Attribute():
                return named(ast.unparse(node))
            case ast.BinOp(left=left, op=op, right=right):
                sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}[type(op)]
                return f"({inner(left)} {sign} {inner(right)})"
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"(-{inner(operand)})"
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return f"(not coalesce({inner(operand)}, false))"
            case ast.BoolOp(op=op, values=values):
                word = " and " if isinstance(op, ast.And) else " or "
                return "(" + word.join(f"coalesce({inner(value)}, false)" for value in values) + ")"
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                sign = {ast.Eq: "=", ast.NotEq: "<>", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}[type(op)]
                return f"coalesce({inner(left)} {sign} {inner(right)}, false)"
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return f"(case when {inner(test)} then {inner(body)} else {inner(orelse)} end)"
            case ast.Call(func=ast.Name(id=name), args=arguments):
                function = {"abs": "abs", "min": "least", "max": "greatest", "first_known": "coalesce"}.get(name)
                if name == "known":
                    return f"({inner(arguments[0])} is not null)"
                return f"{function}({', '.join(inner(argument) for argument in arguments)})"
        raise AssertionError(ast.dump(node))

    def cell(self, panel, view_name, key, column):
        view = panel["views"][view_name]
        same = " and ".join(
            f'cast(q."{name}" as varchar) ' + ("is null" if value is None else "= '" + value.replace("'", "''") + "'")
            for name, value in zip(view.get("group_by", []), key, strict=True)
        )
        source = self.source(view)
        joint = " and " if " where " in source.rpartition(") as q")[2] else " where "
        return self.one(f"select {self.column(view, column)} {source}{joint + same if same else ''}")

    def said(self, panel, text):
        return self.one(f"select cast({self.sql(text, self.named(panel))} as double)")


def read_number(text):
    """The value that a written figure says, and half of its last digit."""
    match = re.fullmatch(r"([−+]?)(?:[$€£]|[A-Z]{3} )?([\d,]+)(\.\d+)?([kMB]?)(%| pts)?", text)
    assert match, f"{text!r} is no written figure"
    sign, whole, decimals, unit, share = match.groups()
    size = UNITS.get(unit, 1) / (100 if share else 1)
    value = float(whole.replace(",", "") + (decimals or "")) * size
    return (-value if sign == "−" else value), 0.5 * size / 10 ** len((decimals or ".")[1:])


def differences(text, published, quarter, filters):
    """Every figure of a page that the published file does not hold, and the number of those looked at."""
    recount = Recount(published, quarter, filters)
    tree = Tree(text)
    wrong, looked_at = [], 0
    for data in tree.root.all("data"):
        section = data.closest("section")
        panel = recount.panels[section.attributes["id"]]
        attributes, row = data.attributes, data.closest("tr")
        place = f"{panel['id']} {[value for name, value in attributes.items() if name != 'value']}"
        if "data-of" in attributes:
            expected = recount.said(panel, attributes["data-of"])
        elif "data-tile" in attributes:
            name, part = attributes["data-tile"].rsplit(".", 1)
            tile = next(tile for tile in panel["tiles"] if tile["id"] == name)
            values = {
                key: recount.said(panel, str(tile[key])) if tile.get(key) else None
                for key in ("value", "target", "before")
            }
            expected = (
                values["value"] - values["before"]
                if part == "rise"
                else values["value"] / values["target"]
                if part == "reached"
                else values[part]
            )
        else:
            key = json.loads(row.attributes["data-key"])
            view = data.closest("details", **{"data-view": ""}).attributes["data-view"]
            place += f" {view} {key}"
            expected = recount.cell(panel, view, key, attributes["data-column"])
        looked_at += 1
        value = float(attributes["value"])
        if expected is None or abs(value - float(expected)) > 1e-6 * max(1.0, abs(value)):
            wrong.append(f"{place}: the page has {value}, the warehouse {expected}")
            continue
        written, tolerance = read_number(data.text)
        if abs(written - float(expected)) > tolerance * 1.0000001 + 1e-9:
            wrong.append(f"{place}: written as {data.text}, the warehouse has {expected}")
    return wrong, looked_at


def loose_digits(text):
    """Digits of the page that belong to no figure and to no label that the panels or the rows give."""
    tree = Tree(text)
    found = []
    described = panels()

    def walk(element, section):
        for child in element.children:
            if isinstance(child, str):
                rest = LABELS.sub("", child)
                if re.search(r"\d", rest):
                    found.append((section, element, rest.strip()))
                continue
            if child.tag in {"data", "time", "script", "style", "svg", "option", "title"}:
                continue
            if {"code", "passport", "facts", "kicker"} & set(child.classes):
                continue
            walk(child, child.attributes["id"] if child.tag == "section" else section)

    walk(tree.root, None)
    loose = []
    for section, element, rest in found:
        panel = described.get(section)
        words = " ".join(rest.split())
        row = element.closest("tr")
        if row is not None and "data-key" in row.attributes:
            # A label: it stands in the row's key, by which the figures of the row are looked up.
            if words in [" ".join(str(part).split()) for part in json.loads(row.attributes["data-key"])]:
                continue
        elif (
            panel and any(words and (words in text or words.partition(": ")[2] == text) for text in static_texts(panel))
        ) or (element.has_class("more") and re.fullmatch(r"\d+ more are not shown here\.", words)):
            continue
        elif element.has_class("sentence") or element.has_class("support"):
            named = {str(part) for row in rows_of(tree, section) for part in row if part}
            for word in sorted(named, key=len, reverse=True):
                words = words.replace(word, "")
            if not re.search(r"\d", words):
                continue
        elif element.has_class("mark"):
            continue
        loose.append(f"{section}: {rest!r} in <{element.tag} class={element.classes}>")
    return loose


def is_static(words, panel):
    """Whether a text stands in the panel's YAML; a column's note follows its label."""
    return any(words and (words in text or words.partition(": ")[2] == text) for text in static_texts(panel))


def static_texts(value):
    """Every text of a panel's YAML, in one line each."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from static_texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from static_texts(inner)
    elif isinstance(value, str):
        yield " ".join(LABELS.sub("", value).split())


def rows_of(tree, section):
    for element in tree.root.all("tr"):
        found = element.closest("section")
        if found is not None and found.attributes["id"] == section and "data-key" in element.attributes:
            yield json.loads(element.attributes["data-key"])
