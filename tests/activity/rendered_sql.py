"""Renders one macro or one singular test as dbt would for DuckDB, without starting dbt."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

PROJECT = Path(__file__).resolve().parents[2]
MACROS = (
    "as_of",
    "attribution_parameter",
    "business_date",
    "business_day_end",
    "convert_money",
    "counted_amount",
    "divide_money",
    "end_of_time",
    "exact_sum",
    "fail_with",
    "fiscal_month",
    "fiscal_quarter_start",
    "fiscal_year",
    "matches_pattern",
    "microseconds_between",
    "pattern_rank",
    "regex_full_match",
    "rule_covers",
    "rule_holds",
    "seconds_between",
    "start_of_time",
    "touch_party",
)


class _Adapter:
    """Dispatches to the DuckDB implementation, as dbt does on this target."""

    def __init__(self, macros: Mapping[str, Any]) -> None:
        self._macros = macros

    def dispatch(self, name: str, package: str) -> Any:
        """The implementation of a dispatched macro; `package` is always this project."""
        assert package == "concord"
        return self._macros[f"duckdb__{name}"]


class _CrossDatabase:
    """Those of dbt's own macros that ours call."""

    def dateadd(self, datepart: str, interval: object, from_date: str) -> str:
        """As dbt-duckdb writes it."""
        return f"date_add({from_date}, interval ({interval}) {datepart})"

    def date_trunc(self, datepart: str, date: str) -> str:
        """As dbt-duckdb writes it."""
        return f"date_trunc('{datepart}', {date})"

    def last_day(self, date: str, datepart: str) -> str:
        """As dbt-duckdb writes it."""
        return f"cast(date_trunc('{datepart}', {date}) + interval 1 {datepart} - interval 1 day as date)"

    def split_part(self, text: str, delimiter: str, part: int) -> str:
        """As dbt-duckdb writes it."""
        return f"split_part({text}, {delimiter}, {part})"

    def type_string(self) -> str:
        """As dbt-duckdb writes it."""
        return "varchar"

    def type_int(self) -> str:
        """As dbt-duckdb writes it."""
        return "integer"

    def type_bigint(self) -> str:
        """As dbt-duckdb writes it."""
        return "bigint"

    def type_timestamp(self) -> str:
        """As dbt-duckdb writes it."""
        return "timestamp"


@cache
def macros(**variables: Any) -> dict[str, Any]:
    """Our macros by name, each a function from SQL expressions to SQL; `variables` are the project's vars."""
    functions: dict[str, Any] = {}
    environment = jinja2.Environment(extensions=["jinja2.ext.do"])
    environment.globals.update(
        adapter=_Adapter(functions),
        dbt=_CrossDatabase(),
        var=lambda name, default=None: variables.get(name, default),
        ref=lambda name: name,
        # What these files are read for is a build that is made anew.
        config=lambda **_: "",
        clear_people=lambda changed: "",
        only_changed_people=lambda person_id="person_id": "true",
    )
    environment.globals["return"] = lambda value: value
    for name in MACROS:
        module = environment.from_string((PROJECT / "macros" / f"{name}.sql").read_text()).module
        functions |= {key: value for key, value in vars(module).items() if not key.startswith("_")}
        # A macro may call those that stand before it; names are looked up when the template is read.
        environment.globals.update(functions)
    functions["_environment"] = environment
    return functions


def rendered(path: str, **variables: Any) -> str:
    """The SQL of a file of the project that reads its inputs by their bare names."""
    environment: jinja2.Environment = macros(**variables)["_environment"]
    return environment.from_string((PROJECT / path).read_text()).render()
