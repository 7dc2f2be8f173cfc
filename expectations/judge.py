"""Great Expectations as the judge of a staged table, pushed down to DuckDB on the caller's own connection.

Great Expectations has no DuckDB data source. What it needs is SQLAlchemy, so a dialect hands it the one
connection that staged the rows: nothing is copied, and its statements see uncommitted tables.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

_LENT: dict[str, Any] = {}


@dataclass(frozen=True)
class Verdict:
    """One broken rule of a judged table: `rows` by load number, as the suite's query returned them."""

    rule: str
    rows: dict[int, int]


@cache
def _dialect_url() -> str:
    """Register the dialect with SQLAlchemy once; return the URL prefix that selects it.

    The dialect never begins, commits or rolls back: SQLAlchemy's rollback on release would throw away both
    an unread result and the landing's own transaction.
    """
    import warnings

    from sqlalchemy.dialects import registry

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import duckdb_engine  # noqa: F401

    registry.register("concord_duckdb", "expectations.dialect", "LentConnectionDialect")
    return "concord_duckdb:///"


def lent_connection(token: str) -> Any:
    """The DuckDB connection that was lent under `token`."""
    return _LENT[token]


@cache
def _great_expectations() -> Any:
    """Great Expectations with analytics off and without progress bars (importing it takes seconds)."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import logging

    import great_expectations as gx

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    return gx


@cache
def _expectation_type() -> type:
    """An UnexpectedRowsExpectation that runs its query once instead of counting its rows in a second run."""
    gx = _great_expectations()

    class BrokenRules(gx.expectations.UnexpectedRowsExpectation):
        """The query returns one row a broken rule, so what it returns is also the count."""

        metric_dependencies = ("unexpected_rows_query.table",)

        def _validate(
            self, metrics: dict, runtime_configuration: dict | None = None, execution_engine: Any = None
        ) -> dict:
            rows = metrics["unexpected_rows_query.table"]
            return {
                "success": not rows,
                "result": {"observed_value": len(rows), "details": {"unexpected_rows": rows}},
            }

    return BrokenRules


class Judge:
    """One Great Expectations context on one DuckDB connection, reused for every table that is judged."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        gx = _great_expectations()
        self._token = f"c{id(self)}"
        _LENT[self._token] = connection
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        self._context = context
        self._source = context.data_sources.add_sql(
            name="staged",
            connection_string=_dialect_url() + self._token,
            create_temp_table=False,
        )
        self._definitions: dict[str, Any] = {}

    def judge(self, name: str, table: str, schema: str | None, queries: Sequence[Any]) -> list[Verdict]:
        gx = _great_expectations()
        if table not in self._definitions:
            asset = self._source.add_table_asset(name=table, table_name=table, schema_name=schema)
            self._definitions[table] = asset.add_batch_definition_whole_table("all")
        suite = gx.ExpectationSuite(
            name=name, expectations=[_expectation_type()(unexpected_rows_query=q) for q in queries]
        )
        batch = self._definitions[table].get_batch()
        result = batch.validate(suite, result_format="COMPLETE")
        verdicts = []
        for r in result.results:
            if r.exception_info.get("raised_exception") or any(
                isinstance(v, dict) and v.get("raised_exception") for v in r.exception_info.values()
            ):
                raise RuntimeError(r.exception_info)
            for row in r.result["details"]["unexpected_rows"]:
                verdicts.append(Verdict(row["rule"], {int(k): v for k, v in json.loads(row["rows"]).items()}))
        return verdicts
