"""Serve the metrics as tables: each MetricFlow saved query becomes `metrics.<saved query>`, beside `metrics.catalog`.

MetricFlow writes the SQL, DuckDB runs it inside the build file, so no figure passes through Python. The command line of
MetricFlow takes seconds to start for each query; its engine in this process takes milliseconds.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb
    from metricflow.engine.metricflow_engine import MetricFlowEngine

SCHEMA = "metrics"


class MetricError(Exception):
    """A metric or saved query that cannot be served; the message names it and says why."""


@dataclass(frozen=True)
class SavedQuery:
    """One saved query of the semantic layer.

    Attributes:
        name: Its name, which is also the name of its table in `metrics`.
        description: What the table answers.
        metrics: Names of the metrics, in the order of the columns.
        group_by: The dimensions as written in the saved query.
    """

    name: str
    description: str
    metrics: tuple[str, ...]
    group_by: tuple[str, ...]


class _DuckDBDialect:
    """What MetricFlow needs to know of the engine in order to write SQL for it. It never runs anything."""

    def __init__(self) -> None:
        from metricflow.protocols.sql_client import SqlEngine
        from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer

        self.sql_engine_type = SqlEngine.DUCKDB
        self.sql_plan_renderer = DuckDbSqlPlanRenderer()

    def query(self, stmt: str, *_: Any) -> None:
        raise MetricError("the dialect only writes SQL; queries run in the build file")

    execute = dry_run = query

    def render_bind_parameter_key(self, bind_parameter_key: str) -> str:
        raise MetricError("metric queries take no bind parameters")

    def close(self) -> None:
        return None


class MetricLayer:
    """The semantic layer of one parsed dbt project.

    Args:
        semantic_manifest: Path of `semantic_manifest.json`, which `dbt parse` writes.

    Raises:
        MetricError: The file is missing; parse the project first.
    """

    def __init__(self, semantic_manifest: Path) -> None:
        if not semantic_manifest.is_file():
            raise MetricError(f"{semantic_manifest} is missing: parse the dbt project first")
        self._raw: dict[str, Any] = json.loads(semantic_manifest.read_text(encoding="utf-8"))
        # The manifest names the build file that was there when the project was parsed; whichever file is open is meant.
        spines = self._raw["project_configuration"]["time_spines"]
        for relation in (part["node_relation"] for part in (*self._raw["semantic_models"], *spines)):
            relation["database"] = None
            relation["relation_name"] = f'"{relation["schema_name"]}"."{relation["alias"]}"'
        self._engine: MetricFlowEngine | None = None
        # MetricFlow takes seconds to think about what depends on the parsed project alone: it is kept beside that.
        self._kept = semantic_manifest.with_name(f"saved_queries-{version('metricflow')}.json")

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The semantic manifest: semantic models, metrics and saved queries as dbt wrote them."""
        return self._raw

    def _get_engine(self) -> MetricFlowEngine:
        if self._engine is None:
            from metricflow.engine.metricflow_engine import MetricFlowEngine
            from metricflow_semantics.model.dbt_manifest_parser import parse_manifest_from_dbt_generated_manifest
            from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

            lookup = SemanticManifestLookup(parse_manifest_from_dbt_generated_manifest(json.dumps(self._raw)))
            self._engine = MetricFlowEngine(lookup, _DuckDBDialect())
        return self._engine

    def saved_queries(self) -> list[SavedQuery]:
        """All saved queries, by name."""
        return sorted(
            (
                SavedQuery(
                    name=saved["name"],
                    description=saved.get("description") or "",
                    metrics=tuple(saved["query_params"]["metrics"]),
                    group_by=tuple(saved["query_params"]["group_by"]),
                )
                for saved in self._raw["saved_queries"]
            ),
            key=lambda saved: saved.name,
        )

    def sql_of_saved_queries(self) -> dict[str, str]:
        """The SQL of each saved query by its name, as MetricFlow writes it for DuckDB.

        Raises:
            MetricError: MetricFlow cannot write one; the message names it.
        """
        if self._kept.exists():
            return json.loads(self._kept.read_text(encoding="utf-8"))
        written: dict[str, str] = {}
        for saved in self.saved_queries():
            try:
                written[saved.name] = self._explain(saved_query_name=saved.name)
            except Exception as error:
                raise MetricError(f"saved query {saved.name}: {error}") from error
        draft = self._kept.with_name(f".{self._kept.name}.{os.getpid()}")
        draft.write_text(json.dumps(written), encoding="utf-8")
        draft.replace(self._kept)
        return written

    def sql_of_metrics(self, metrics: list[str], group_by: list[str]) -> str:
        """The SQL of some metrics by some dimensions, e.g. `["mqls"]` by `["metric_time__month"]`."""
        return self._explain(metric_names=metrics, group_by_names=group_by)

    def _explain(self, **request: Any) -> str:
        from metricflow.engine.metricflow_engine import MetricFlowQueryRequest

        return self._get_engine().explain(MetricFlowQueryRequest.create(**request)).sql_statement.sql

    def catalog(self) -> list[tuple[str, str, str, str, str, str, str]]:
        """One row per metric: name, label, description, formula, owner, unit, grain.

        Raises:
            MetricError: A metric lacks its label, description, owner, unit or grain.
        """
        measures = {measure["name"]: measure for model in self._raw["semantic_models"] for measure in model["measures"]}
        rows = []
        for metric in sorted(self._raw["metrics"], key=lambda one: one["name"]):
            meta = (metric.get("config") or {}).get("meta") or {}
            row = (
                metric["name"],
                metric.get("label"),
                metric.get("description"),
                _formula(metric, measures),
                meta.get("owner"),
                meta.get("unit"),
                meta.get("grain"),
            )
            if not all(row):
                raise MetricError(
                    f"metric {metric['name']} needs a label, a description and config.meta with owner, unit and grain"
                )
            rows.append(row)
        return rows

    def build(self, connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
        """Write every saved query and the catalog into schema `metrics`, in one transaction.

        A month, a channel or another dimension value is a row; a ratio stands beside the metrics it is made of.

        Args:
            connection: Open for writing on the build file.

        Returns:
            Rows by table.

        Raises:
            MetricError: A saved query does not run; the message names it.
        """
        counts: dict[str, int] = {}
        written = self.sql_of_saved_queries()
        connection.execute("begin")
        try:
            connection.execute(f"create schema if not exists {SCHEMA}")
            for saved in self.saved_queries():
                table = f"{SCHEMA}.{saved.name}"
                try:
                    _create_table(connection, table, written[saved.name])
                except Exception as error:
                    raise MetricError(f"saved query {saved.name}: {error}") from error
                connection.execute(f"comment on table {table} is {_quoted(saved.description)}")
                counts[saved.name] = connection.execute(f"select count(*) from {table}").fetchall()[0][0]
            connection.execute(
                f"create or replace table {SCHEMA}.catalog (name varchar primary key, label varchar, "
                "description varchar, formula varchar, owner varchar, unit varchar, grain varchar)"
            )
            rows = self.catalog()
            connection.executemany(f"insert into {SCHEMA}.catalog values (?, ?, ?, ?, ?, ?, ?)", rows)
            connection.execute(
                f"comment on table {SCHEMA}.catalog is"
                " 'One row per metric: what it means, how it is computed, who owns it.'"
            )
            counts["catalog"] = len(rows)
            connection.execute("commit")
        except BaseException:
            connection.execute("rollback")
            raise
        return counts


def write_saved_query(connection: duckdb.DuckDBPyConnection, name: str, query: str) -> None:
    """Write the table of one saved query into the current database, as `MetricLayer.build` does."""
    connection.execute(f"create schema if not exists {SCHEMA}")
    _create_table(connection, f"{SCHEMA}.{name}", query)


def _create_table(connection: duckdb.DuckDBPyConnection, table: str, query: str) -> None:
    """Create the table of a query: periods as dates, whole numbers and money in types that every client knows.

    A row without a period says nothing of any period (an open opportunity has no closing day) and is left out.
    """
    columns = connection.execute(f"describe {query}").fetchall()
    selected = []
    periods = []
    for name, data_type, *_ in columns:
        if name.startswith("metric_time__"):
            periods.append(name)
            selected.append(f"cast({name} as date) as {name}")
        elif data_type == "HUGEINT":
            selected.append(f"cast({name} as bigint) as {name}")
        elif data_type.startswith("DECIMAL"):
            selected.append(f"cast({name} as decimal(18, 2)) as {name}")
        else:
            selected.append(name)
    known = " and ".join(f"{name} is not null" for name in periods) or "true"
    connection.execute(
        f"create or replace table {table} as select {', '.join(selected)} from ({query}) where {known} order by all"
    )


def _formula(metric: dict[str, Any], measures: dict[str, dict[str, Any]]) -> str:
    """The formula of a metric in one line: of metrics for a ratio, else of columns."""
    params = metric["type_params"]
    if metric["type"] == "ratio":
        return f"{params['numerator']['name']} / {params['denominator']['name']}"
    if metric["type"] == "derived":
        return str(params["expr"])
    measure = measures[params["measure"]["name"]]
    conditions = [
        re.sub(r"\{\{\s*Dimension\('(?:\w+__)?(\w+)'\)\s*\}\}", r"\1", where["where_sql_template"]).strip()
        for source in (metric, params["measure"])
        for where in ((source.get("filter") or {}).get("where_filters") or [])
    ]
    aggregation = f"{measure['agg']}({measure.get('expr') or measure['name']})"
    stock = measure.get("non_additive_dimension")
    last = " on the last day of the period" if stock and stock["window_choice"] == "max" else ""
    return aggregation + last + (f" where {' and '.join(conditions)}" if conditions else "")


def _quoted(text: str) -> str:
    return "'" + " ".join(text.split()).replace("'", "''") + "'"
