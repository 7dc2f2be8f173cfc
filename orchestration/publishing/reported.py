"""What was reported of closed months, and what became of it since."""

from __future__ import annotations

from collections.abc import Collection

# Figures by month that both teams report, each from the table that holds them. A table that a build does not have
# yet has no figures to freeze.
_FIGURES = {
    "funnel.rpt_funnel_conversion": """
        select stage || '_entrants' as metric, period_month::date as period_month,
            sum(entrants)::decimal(38, 2) as value
        from {source} where period_month is not null group by all""",
    "funnel.fct_lead_cycles": """
        select metric, period_month, value from (
            select date_trunc('month', won_at)::date as period_month, count(*)::decimal(38, 2) as won_deals,
                coalesce(sum(amount), 0)::decimal(38, 2) as bookings
            from {source} where won_at is not null group by all
        ) unpivot (value for metric in (won_deals, bookings))""",
    "core.fct_ad_spend": """
        select 'ad_spend' as metric, date_trunc('month', spend_date)::date as period_month,
            sum(cost)::decimal(38, 2) as value
        from {source} where spend_date is not null group by all""",
}


def closed_months_query(present: Collection[str], database: str) -> str:
    """A query for metric, period_month and value of every month that ended by the parameter `$as_of`."""
    parts = [
        f"select metric, period_month, value from ({query.format(source=f'{database}.{table}')})"
        for table, query in _FIGURES.items()
        if table in present
    ] or ["select null::varchar as metric, null::date as period_month, null::decimal(38, 2) as value where false"]
    return (
        f"select metric, period_month, value from ({' union all '.join(parts)})"
        " where period_month + interval 1 month <= $as_of"
    )
