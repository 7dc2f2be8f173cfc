"""`make explain METRIC=… MONTH=…`: the passport of one figure, counted again while it is printed.

It reads the published file alone, and of the project what says how the figure is made: the semantic layer and the
lineage. What the figure means and which contracts hold is the passport that the dashboard's server shows too.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orchestration.preparation import Preparation

if TYPE_CHECKING:
    from dashboard.drill_downs_query import FigureSource
    from dashboard.server_warehouse import Reader

FIGURES = "metrics.company_by_month"
SAMPLE = 10
_OWN_SOURCE = "concord"  # the context of the build
# Of ratios: they are divided once by each side, both as doubles.
_RATIO_TOLERANCE = 1e-9


class ExplainError(Exception):
    """There is no such metric or month; the message names those that there are."""


@dataclass(frozen=True)
class Explanation:
    """The passport of one figure, in lines, and whether plain SQL on the published file gives the same."""

    lines: tuple[str, ...]
    is_tied: bool


def explain(prepared: Preparation, metric: str, month: str) -> Explanation:
    """Explain a metric's figure of a month.

    Raises:
        ExplainError: there is no such metric or month, or nothing is published.
    """
    from dashboard.access_scopes import EVERYTHING
    from dashboard.server_passports import passport, passports
    from dashboard.server_warehouse import Warehouse, WarehouseError

    first_day = _month(month)
    warehouse = Warehouse(prepared.settings.published)
    try:
        with warehouse.newest() as reader:
            known = [row["name"] for row in passports(reader)]
            found = passport(reader, metric, EVERYTHING)
            if found is None:
                near = difflib.get_close_matches(metric, known, n=1)
                meant = f"is it {near[0]}? " if near else ""
                raise ExplainError(f"no metric {metric!r}; {meant}known are {', '.join(sorted(known))}")
            value = _served(reader, metric, first_day)
            parts = _parts(prepared.metrics.manifest, metric)
            counted = {name: _count(reader, prepared.metrics.manifest, name, first_day) for name in parts or (metric,)}
            tied, told = _tie_out(reader, metric, first_day, value, parts, counted)
            lines = [
                f"{found.label} ({metric}), {first_day:%Y-%m}: {_written(value)} {found.unit}",
                *_part_lines(reader, parts, first_day),
                "",
                f"Meaning      {found.description}",
                f"Formula      {found.formula}",
                f"Owner        {found.owner}; counted by {found.grain}",
                *_definition_lines(reader, first_day),
                "",
                "As MetricFlow's SQL",
                *_indented(_metricflow_sql(prepared, metric)),
                "As plain SQL over the published file",
                *(line for name, source in counted.items() for line in _indented(f"{source.source.by_month(name)};")),
                "",
                *_row_lines(reader, prepared.metrics.manifest, metric, parts, first_day),
                "",
                *_build_lines(reader),
                *_contract_lines(reader, prepared.manifest, prepared.metrics.manifest, parts or (metric,)),
                *_restatement_lines(reader, parts or (metric,), first_day),
                "",
                *told,
            ]
            return Explanation(tuple(lines), tied)
    except WarehouseError as error:
        raise ExplainError(f"{prepared.settings.published}: {error}") from None
    finally:
        warehouse.close()


def _month(text: str) -> date:
    match = re.fullmatch(r"(\d{4})-(\d{2})(?:-01)?", text.strip())
    try:
        if match:
            return date(int(match[1]), int(match[2]), 1)
    except ValueError:
        pass
    raise ExplainError(f"MONTH={text!r} is no month; write it as 2026-03")


def _served(reader: Reader, metric: str, month: date) -> Any:
    """The figure as the published table has it."""
    if not reader.has([FIGURES]) or metric not in reader.types[FIGURES]:
        raise ExplainError(f"{metric} is not served by month in {FIGURES}")
    rows = reader.rows(f'select "{metric}" as value from {FIGURES} where metric_time__month = ?', [month])
    if not rows:
        (span,) = reader.rows(
            f"select min(metric_time__month) as since, max(metric_time__month) as until from {FIGURES}"
        )
        raise ExplainError(
            f"no figures of {month:%Y-%m}; there are some from {span['since']:%Y-%m} to {span['until']:%Y-%m}"
            if span["since"]
            else f"no figures of {month:%Y-%m}, nor of any other month"
        )
    return rows[0]["value"]


def _parts(semantic: Mapping[str, Any], metric: str) -> tuple[str, str] | None:
    """Numerator and denominator of a ratio."""
    params = _metric(semantic, metric)["type_params"]
    return (params["numerator"]["name"], params["denominator"]["name"]) if params["numerator"] else None


def _metric(semantic: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return next(metric for metric in semantic["metrics"] if metric["name"] == name)


@dataclass(frozen=True)
class _Counted:
    """A figure counted now, and the rows that it was counted from."""

    source: FigureSource
    value: Any


def _count(reader: Reader, semantic: Mapping[str, Any], metric: str, month: date) -> _Counted:
    source = plain_source(semantic, metric)
    rows = [row for row in reader.rows(source.by_month(metric)) if row["period_month"] == month]
    return _Counted(source, rows[0][metric] if rows else 0)


def plain_source(semantic: Mapping[str, Any], metric: str) -> FigureSource:
    """The rows of a metric that is no ratio: as the dashboard lists them, else as its measure names them."""
    from dashboard.drill_downs import FIGURES as LISTED
    from dashboard.drill_downs_query import FigureSource, figure_source

    listed = figure_source(metric)
    if listed is not None and LISTED[metric].is_exact:
        return listed
    definition = _metric(semantic, metric)
    name = definition["type_params"]["measure"]["name"]
    model, measure = next(
        (model, measure)
        for model in semantic["semantic_models"]
        for measure in model["measures"]
        if measure["name"] == name
    )
    expressions = {each["name"]: each.get("expr") or each["name"] for each in model["dimensions"]}
    day = expressions[measure["agg_time_dimension"] or model["defaults"]["agg_time_dimension"]]
    table = f"{model['node_relation']['schema_name']}.{model['node_relation']['alias']}"
    value = measure["expr"] or measure["name"]
    conditions = [f"{day} is not null", f"({value}) is not null"]
    for each in (definition, definition["type_params"]["measure"]):
        for condition in (each.get("filter") or {}).get("where_filters") or []:
            template = condition["where_sql_template"].strip()
            conditions.append(
                re.sub(r"\{\{\s*Dimension\('(?:\w+__)?(\w+)'\)\s*\}\}", lambda m: expressions[m[1]], template)
            )
    stock = measure["non_additive_dimension"]
    if stock:
        last = f"select {stock['window_choice']}({day}) from {table} group by date_trunc('month', {day})"
        conditions.append(f"{day} in ({last})")
    key = next(entity.get("expr") or entity["name"] for entity in model["entities"] if entity["type"] == "primary")
    return FigureSource(table, day, tuple(conditions), f"{measure['agg']}({value})", key)


def _tie_out(
    reader: Reader,
    metric: str,
    month: date,
    value: Any,
    parts: tuple[str, str] | None,
    counted: Mapping[str, _Counted],
) -> tuple[bool, list[str]]:
    """Whether plain SQL, run now, gives what the table says, and the words for it."""
    findings = []
    for name, now in counted.items():
        served = _served(reader, name, month) if parts else value
        if Decimal(str(served or 0)) != Decimal(str(now.value or 0)):
            findings.append(f"{name}: {FIGURES} says {_written(served)}, plain SQL says {_written(now.value)}")
    if parts:
        top, bottom = (counted[name].value or 0 for name in parts)
        ratio = float(top) / float(bottom) if bottom else None
        is_same = ratio == value if ratio is None or value is None else abs(ratio - value) <= _RATIO_TOLERANCE
        if not is_same:
            findings.append(f"{metric}: {FIGURES} says {_written(value)}, plain SQL says {_written(ratio)}")
    if findings:
        return False, ["TIE-OUT FAILED: the published figure is not what its rows say", *_indented("\n".join(findings))]
    counts = "; ".join(f"{name} {_written(now.value)}" for name, now in counted.items())
    return True, [f"Tie-out      equal: plain SQL, run now on the published file, gives {counts}"]


def _part_lines(reader: Reader, parts: tuple[str, str] | None, month: date) -> list[str]:
    return [
        f"{title:<12} {_written(_served(reader, name, month))} ({name})"
        for title, name in zip(("Numerator", "Denominator"), parts or (), strict=bool(parts))
    ]


def _definition_lines(reader: Reader, month: date) -> list[str]:
    """Versions in force in the month, with their signatures."""
    table = "core.dim_definition_versions"
    if not reader.has([table]):
        return []
    following = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    rows = reader.rows(
        "select *, lead(effective_from_at) over schedule as next_at, lag(effective_from_at) over schedule as before_at"
        f" from {table} where effective_from_at is not null"
        " window schedule as (order by effective_from_at, definition_version)"
    )
    lines = []
    for row in rows:
        has_begun = row["before_at"] is None or row["effective_from_at"].date() < following
        if not has_begun or (row["next_at"] is not None and row["next_at"].date() <= month):
            continue
        signed = ", ".join(
            f"{team} {row[f'signed_by_{team}'] or 'not signed'}"
            + (f" on {row[f'{team}_signed_date']}" if row[f"{team}_signed_date"] else "")
            for team in ("marketing", "sales")
        )
        state = "signed" if row["is_signed"] else "PROVISIONAL"
        lines.append(f"Definition   version {row['definition_version']}, {state}: {signed}")
        if row["content_hash"]:
            lines.append(f"             content {row['content_hash']}")
    return lines or ["Definition   none in force"]


def _metricflow_sql(prepared: Preparation, metric: str) -> str:
    return prepared.metrics.sql_of_metrics([metric], ["metric_time__month"])


def _row_lines(
    reader: Reader, semantic: Mapping[str, Any], metric: str, parts: tuple[str, str] | None, month: date
) -> list[str]:
    """How many rows are behind the figure, where they are listed, and the first of them."""
    from dashboard.drill_downs import figure_link

    name = parts[1] if parts else metric
    source = plain_source(semantic, name)
    keys = [row["key"] for row in reader.rows(source.keys_of_month(month))]
    following = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    link = figure_link(name, since=month, before=following)
    of = f" of the denominator, {name}" if parts else ""
    lines = [
        f"Rows         {len(keys)}{of} in {source.table}" + (f", listed by the server under {link}" if link else "")
    ]
    lines += [f"             {key}" for key in keys[:SAMPLE]]
    if len(keys) > SAMPLE:
        lines.append(f"             and {len(keys) - SAMPLE} more: {source.keys_of_month(month)}")
    return lines


def _build_lines(reader: Reader) -> list[str]:
    facts = reader.facts
    marks = [mark for mark, holds in (("PROVISIONAL", facts.is_provisional), ("DEMO", facts.is_demo)) if holds]
    return [
        f"Build        {facts.build_id}, published {facts.published_at:%Y-%m-%d %H:%M} UTC"
        + (f" ({', '.join(marks)})" if marks else ""),
        f"Data cut     {facts.as_of:%Y-%m-%d %H:%M:%S} UTC",
    ]


def extracts_of(manifest: Mapping[str, Any], semantic: Mapping[str, Any], metrics: Sequence[str]) -> set[str]:
    """The extracts, `system/object`, that metrics are made of, by the lineage of their models."""
    measures = {_metric(semantic, name)["type_params"]["measure"]["name"] for name in metrics}
    models = {
        f"{model['node_relation']['schema_name']}.{model['node_relation']['alias']}"
        for model in semantic["semantic_models"]
        if measures & {measure["name"] for measure in model["measures"]}
    }
    waiting = [
        key
        for key, node in manifest["nodes"].items()
        if node["resource_type"] == "model" and f"{node['schema']}.{node['alias']}" in models
    ]
    seen: set[str] = set()
    while waiting:
        for key in manifest["parent_map"].get(waiting.pop(), ()):
            if key not in seen:
                seen.add(key)
                waiting.append(key)
    sources = (manifest["sources"][key] for key in seen if key.startswith("source."))
    return {f"{source['source_name']}/{source['name']}" for source in sources if source["source_name"] != _OWN_SOURCE}


def _contract_lines(
    reader: Reader, manifest: Mapping[str, Any], semantic: Mapping[str, Any], metrics: Sequence[str]
) -> list[str]:
    """The contracts of the extracts that the figure is made of, as their last files left them."""
    from dashboard.server_passports import contracts_of, held_by

    feeding = extracts_of(manifest, semantic, metrics)
    judged = [each for each in contracts_of(reader) if f"{each['system']}/{each['object']}" in feeding]
    broken = [each for each in judged if each["rules"]]
    lines = [
        f"Contracts    {len(judged) - len(broken)} of the {len(judged)} delivered extracts that it is made of kept"
        " every rule with their last file"
    ]
    lines += [
        f"             {each['system']}/{each['object']} broke {each['rules']};"
        f" owner {each['owners'].replace('_', ' ')}"
        for each in broken
    ]
    held = [each for each in held_by(reader) if f"{each['system']}/{each['object']}" in feeding]
    lines += [
        f"             {each['system']}/{each['object']}: {each['rows_held']} rows held back by {each['rule']};"
        f" owner {each['owner'].replace('_', ' ')}"
        for each in held
    ]
    stale = [name for name in reader.facts.stale_extracts if name.replace(".", "/") in feeding]
    return [*lines, *([f"             stale: {', '.join(stale)}"] if stale else [])]


def _restatement_lines(reader: Reader, metrics: Sequence[str], month: date) -> list[str]:
    if not reader.has(["audit.restatements"]):
        return []
    rows = [
        row
        for name in metrics
        for row in reader.rows(
            "select * from audit.restatements where metric = ? and period_month = ? order by restated_at, cause",
            [name, month],
        )
    ]
    lines = [
        f"             {row['metric']} {row['previous_value']} to {row['current_value']} by {row['causes']}"
        f" ({row['restated_at']:%Y-%m-%d}; {row['evidence']})"
        for row in rows
    ]
    return [f"Restated     {'not' if not rows else f'{len(rows)} changes'} since it was first reported", *lines]


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.strip().splitlines()]


def _written(value: Any) -> str:
    if value is None:
        return "nothing (no denominator)"
    return f"{value:,.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"
