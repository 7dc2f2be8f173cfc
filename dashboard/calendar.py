"""The periods of the page: fiscal quarters, as the warehouse's calendar has them, up to the build's now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import duckdb

QUARTERS_SHOWN = 8
MONTHS_IN_A_YEAR = 12


@dataclass(frozen=True)
class Quarter:
    """A fiscal quarter: `id` such as 2026-Q2, its first day and its months' first days."""

    id: str
    label: str
    months: tuple[date, ...]
    is_to_date: bool


@dataclass(frozen=True)
class Calendar:
    """Quarters that can be chosen, oldest first, and the months that any of their views can need."""

    quarters: tuple[Quarter, ...]
    months: tuple[date, ...]
    partial_month: date | None
    last_day: date

    def month_number(self, month: date) -> int:
        """The place of a month among `months`."""
        return self.months.index(month)


def read_calendar(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> Calendar:
    """The calendar of a build, from `core.dim_dates`."""
    rows = connection.execute(
        "select distinct month_start_date, fiscal_quarter_start_date, fiscal_year, fiscal_quarter"
        " from core.dim_dates where month_start_date <= $last and fiscal_quarter_start_date <= $last"
        " order by month_start_date",
        {"last": as_of.date()},
    ).fetchall()
    whole = connection.execute(
        "select fiscal_quarter_start_date, list(distinct month_start_date order by month_start_date), max(date_day)"
        " from core.dim_dates group by all order by 1"
    ).fetchall()
    months_of = {start: (tuple(months), last) for start, months, last in whole}
    starts = sorted({row[1] for row in rows})
    chosen = starts[-QUARTERS_SHOWN:]
    names = {start: (year, quarter) for _, start, year, quarter in rows}
    quarters = tuple(
        Quarter(
            id=f"{names[start][0]}-Q{names[start][1]}",
            label=f"Q{names[start][1]} {names[start][0]}",
            months=months_of[start][0],
            # A build is at most as new as the last moment that it has seen: that day may still go on.
            is_to_date=as_of.date() <= months_of[start][1],
        )
        for start in chosen
    )
    before = [row[0] for row in rows if row[0] < chosen[0]][-MONTHS_IN_A_YEAR:]
    months = (*before, *(month for quarter in quarters for month in quarter.months))
    (partial,) = [
        row[0] if as_of.date() <= row[1] else None
        for row in connection.execute(
            "select month_start_date, max(date_day) from core.dim_dates"
            " where month_start_date = date_trunc('month', $last) group by all",
            {"last": as_of.date()},
        ).fetchall()
    ]
    return Calendar(quarters, months, partial, as_of.date())
