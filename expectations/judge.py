"""Great Expectations as the judge of a staged table, pushed down to DuckDB on the caller's own connection.

Great Expectations has no DuckDB data source. What it needs is SQLAlchemy, so a dialect hands it the one
connection that staged the rows: nothing is copied, and its statements see what that connection sees. A suite
bundles all row rules of a contract into one expectation, which reads the staged flags once.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Any

from expectations.rules import CompiledContract, Rule, identifier

if TYPE_CHECKING:
    import duckdb

_LENT: dict[str, Any] = {}
_TOKEN = "lent"


class JudgementError(Exception):
    """Great Expectations could not evaluate a suite; nothing was judged."""


@dataclass(frozen=True)
class Verdict:
    """One broken rule: its figure (rows for row rules) by load number."""

    rule: str
    figures: dict[int, float]


def lent_connection(token: str) -> Any:
    """The DuckDB connection that was lent under `token`."""
    return _LENT[token]


def row_rules_query(compiled: CompiledContract) -> str:
    """Query of an expectation over the staged table: one row a broken row rule, with its rows a load."""
    counts = ", ".join(
        f"count(*) filter (where {identifier(compiled.flag(rule))}) as {identifier(compiled.flag(rule))}"
        for rule in compiled.row_rules
    )
    names = ", ".join(identifier(compiled.flag(rule)) for rule in compiled.row_rules)
    return _bundled(
        f"select _load_number, flag as rule, broken as figure from (unpivot "
        f"(select _load_number, {counts} from {{batch}} group by all) on {names} into name flag value broken) "
        "where broken > 0"
    )


def file_rules_query() -> str:
    """Query of an expectation over the table of file figures: one row a rule with figures out of bounds."""
    return _bundled(
        "select load_number as _load_number, rule, figure from {batch} where figure < minimum or figure > maximum"
    )


def _bundled(broken: str) -> str:
    return (
        "select rule, cast(to_json(map_from_entries(list((_load_number, figure)))) as varchar) as figures "
        f"from ({broken}) group by rule order by rule"
    )


@cache
def _dialect_url() -> str:
    from sqlalchemy.dialects import registry

    registry.register("concord_duckdb", "expectations.dialect", "LentConnectionDialect")
    return "concord_duckdb:///"


@cache
def _great_expectations() -> Any:
    """Great Expectations with analytics off (importing it takes seconds, so only when there is a judgement)."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    return great_expectations


@cache
def _expectation_type() -> Any:
    gx = _great_expectations()

    class BrokenRules(gx.expectations.UnexpectedRowsExpectation):
        """Fails where the query returns a broken rule.

        The base class runs the query a second time to count its rows; here the rows are their own count.
        """

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


def _meta(rules: Sequence[Rule], compiled: CompiledContract) -> dict[str, Any]:
    contract = compiled.contract
    return {
        "contract": contract.id,
        "version": contract.version,
        "owner": contract.owner,
        "rules": [f"{rule.id} ({rule.severity})" for rule in rules],
    }


def row_suite(compiled: CompiledContract) -> Any:
    """The Great Expectations suite of a contract's row rules, over its staged table."""
    return _suite(compiled, "row rules", row_rules_query(compiled), compiled.row_rules)


def file_suite(compiled: CompiledContract) -> Any:
    """The Great Expectations suite of a contract's file rules, over the table of file figures."""
    return _suite(compiled, "file rules", file_rules_query(), compiled.file_rules)


def _suite(compiled: CompiledContract, kind: str, query: str, rules: Sequence[Rule]) -> Any:
    gx = _great_expectations()
    expectation = _expectation_type()(
        unexpected_rows_query=query,
        description=f"{compiled.contract.title}: {kind} of contract {compiled.contract.id}",
        meta=_meta(rules, compiled),
    )
    return gx.ExpectationSuite(name=f"{compiled.contract.id} {kind}", expectations=[expectation])


@cache
def _source() -> Any:
    """The one data source of a process; which connection it reads is whichever is lent at the time."""
    context = _great_expectations().get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    return context.data_sources.add_sql(
        name="staged", connection_string=_dialect_url() + _TOKEN, create_temp_table=False
    )


@cache
def _batch_definition(schema: str, table: str) -> Any:
    asset = _source().add_table_asset(name=f"{schema}.{table}", table_name=table, schema_name=schema)
    return asset.add_batch_definition_whole_table("all")


@cache
def warm_up() -> None:
    """Import Great Expectations in the background, while the caller stages rows."""
    threading.Thread(target=_great_expectations, name="import great_expectations", daemon=True).start()


class Judge:
    """Great Expectations on one DuckDB connection, reused for every table that is judged; one at a time.

    The tables that it is pointed at (in `schema`, `<database>.<schema>`) may be replaced between judgements.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, schema: str) -> None:
        if _TOKEN in _LENT:
            raise JudgementError("another connection is being judged; close that judge first")
        self._schema = schema
        _LENT[_TOKEN] = connection

    def __enter__(self) -> Judge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connection back."""
        _LENT.pop(_TOKEN, None)

    def rows(self, compiled: CompiledContract, table: str) -> list[Verdict]:
        """Broken row rules of a staged table, by rule id."""
        by_flag = {compiled.flag(rule): rule.id for rule in compiled.row_rules}
        return [Verdict(by_flag[verdict.rule], verdict.figures) for verdict in self._judge(table, row_suite(compiled))]

    def files(self, compiled: CompiledContract, table: str) -> list[Verdict]:
        """Broken file rules of a table of figures (load_number, rule, figure, minimum, maximum)."""
        return self._judge(table, file_suite(compiled))

    def _judge(self, table: str, suite: Any) -> list[Verdict]:
        batch = _batch_definition(self._schema, table).get_batch()
        result = batch.validate(suite, result_format="COMPLETE")
        verdicts = []
        for outcome in result.results:
            details = (outcome.result or {}).get("details")
            if details is None:
                raise JudgementError(f"{suite.name}: could not be judged: {_reason(outcome.exception_info)}")
            for row in details["unexpected_rows"]:
                figures = {int(load): float(figure) for load, figure in json.loads(row["figures"]).items()}
                verdicts.append(Verdict(row["rule"], figures))
        return verdicts


def _reason(info: Any) -> str:
    if isinstance(info, dict):
        for value in (info, *info.values()):
            if isinstance(value, dict) and value.get("exception_message"):
                return str(value["exception_message"])
    return str(info)


__all__ = ["Judge", "JudgementError", "Verdict", "file_suite", "row_suite"]
