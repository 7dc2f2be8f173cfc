"""What was reported of closed months, and what became of it since."""

from __future__ import annotations

from collections.abc import Mapping

# The metrics of a month that are settled by its end. Rates of cohorts are not: a cohort matures later, and that is no
# restatement.
REPORTED_METRICS = (
    "leads",
    "mqls",
    "sals",
    "sqls",
    "sqos",
    "won_deals",
    "bookings",
    "pipeline_created",
    "open_pipeline",
    "ad_spend",
)
SOURCE = "metrics.company_by_month"


def closed_months_query(present: Mapping[str, Mapping[str, str]], database: str) -> str:
    """A query for metric, period_month and value of every month that ended by the parameter `$as_of`.

    Args:
        present: Type by column, by `schema.table`, of the build. A build without monthly metrics reports nothing.
        database: Name under which the build is attached.
    """
    metrics = [name for name in REPORTED_METRICS if name in present.get(SOURCE, {})]
    if not metrics:
        nothing = "select null::varchar as metric, null::date as period_month, null::decimal(38, 2) as value"
        return f"select * from ({nothing}) where $as_of is null and false"
    figures = ", ".join(f"{name}::decimal(38, 2) as {name}" for name in metrics)
    return (
        "select metric, period_month, value from ("
        f"select metric_time__month::date as period_month, {figures} from {database}.{SOURCE}"
        f") unpivot (value for metric in ({', '.join(metrics)}))"
        " where period_month + interval 1 month <= $as_of"
    )
