"""The passport of a metric: what it means, how it is counted, from which build, and how far that can be trusted now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dashboard.access_scopes import Scope
from dashboard.drill_downs import DRILL_DOWNS, FIGURES, rows_link
from dashboard.drill_downs_query import RequestRefusedError, figure_sql, require_offered
from dashboard.server_warehouse import Reader


@dataclass(frozen=True)
class Passport:
    """What is known of a metric.

    Attributes:
        name: its name in the metrics.
        label: what people call it.
        description: what it means.
        formula: how it is computed.
        parts: metrics that its formula names.
        owner: who answers for it.
        unit: what it is counted in.
        grain: what is counted.
        served: published tables that hold it.
        rows: address of the rows that it is counted from; None where the viewer may not see them or there are none.
        rows_title: what those rows are.
        sql: a statement that counts it in the published file, by month; None for ratios.
        broken: extracts whose contract was broken by their last file: system, object, rules and owners.
        extracts: number of extracts that were judged.
        held: rows held back by rule; empty for viewers of a part, since these are figures of the whole company.
        restated: months whose figure was first reported otherwise; None for viewers of a part.
    """

    name: str
    label: str
    description: str
    formula: str
    parts: list[str]
    owner: str
    unit: str
    grain: str
    served: list[str]
    rows: str | None
    rows_title: str
    sql: str | None
    broken: list[dict[str, Any]]
    extracts: int
    held: list[dict[str, Any]]
    restated: int | None


def passports(reader: Reader) -> list[dict[str, Any]]:
    """Name, label and owner of every metric."""
    if not reader.has(["metrics.catalog"]):
        return []
    return reader.rows("select name, label, owner, description from metrics.catalog order by label, name")


def passport(reader: Reader, name: str, scope: Scope) -> Passport | None:
    """The passport of a metric, or None where there is no such metric."""
    if not reader.has(["metrics.catalog"]):
        return None
    found = reader.rows("select * from metrics.catalog where name = ?", [name])
    if not found:
        return None
    (row,) = found
    names = {other["name"] for other in passports(reader)} - {name}
    words = row["formula"].replace("(", " ").replace(")", " ").replace(",", " ").split()
    contracts = contracts_of(reader)
    figure = FIGURES.get(name)
    rows, rows_title = None, ""
    if figure is not None and reader.has(DRILL_DOWNS[figure.drill_down_id].tables):
        drill_down = DRILL_DOWNS[figure.drill_down_id]
        try:
            require_offered(drill_down, scope)
            rows, rows_title = rows_link(figure.drill_down_id, figure.filters), drill_down.title.lower()
        except RequestRefusedError:
            pass
    return Passport(
        name=row["name"],
        label=row["label"],
        description=" ".join(row["description"].split()),
        formula=row["formula"],
        parts=[word for word in dict.fromkeys(words) if word in names],
        owner=row["owner"].replace("_", " "),
        unit=row["unit"],
        grain=row["grain"],
        served=sorted(
            table for table, columns in reader.types.items() if table.startswith("metrics.") and name in columns
        ),
        rows=rows,
        rows_title=rows_title,
        sql=figure_sql(name),
        broken=[extract for extract in contracts if extract["rules"]],
        extracts=len(contracts),
        held=held_by(reader) if scope.is_all else [],
        restated=_restated(reader, name) if scope.is_all else None,
    )


def contracts_of(reader: Reader) -> list[dict[str, Any]]:
    """Each extract, by the last file that was judged: the rules that it broke, and whose they are."""
    if not reader.has(["audit.contract_results"]):
        return []
    return reader.rows(
        "with last_loads as (select system, object, max(load_number) as load_number from audit.contract_results"
        " group by system, object)"
        " select system, object,"
        " string_agg(distinct rule, ', ' order by rule) filter (where is_broken and not is_overridden) as rules,"
        " string_agg(distinct owner, ', ' order by owner) filter (where is_broken and not is_overridden) as owners,"
        " bool_or(is_broken and not is_overridden and severity = 'error') as is_error"
        " from audit.contract_results inner join last_loads using (system, object, load_number)"
        " group by system, object order by system, object"
    )


def held_by(reader: Reader) -> list[dict[str, Any]]:
    """Rows that are held back, by extract and rule."""
    if not reader.has(["audit.quarantine_counts"]):
        return []
    return reader.rows(
        "select system, object, rule, owner, rows_held from audit.quarantine_counts"
        " order by rows_held desc, system, object, rule, owner"
    )


def _restated(reader: Reader, name: str) -> int:
    if not reader.has(["audit.restatements"]):
        return 0
    ((count,),) = (
        row.values()
        for row in reader.rows(
            "select count(distinct period_month) as n from audit.restatements where metric = ?", [name]
        )
    )
    return int(count)
