"""Maven's CRM export: 8,800 opportunities without a single person, 4,238 of them won for 10,005,534."""

from __future__ import annotations

import csv
from collections import defaultdict
from decimal import Decimal

import duckdb
import pytest

from tests.real.company import SHARED_DATA, build_company

PIPELINE = SHARED_DATA / "maven_crm" / "sales_pipeline.csv"
TEAMS = SHARED_DATA / "maven_crm" / "sales_teams.csv"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    published = build_company("maven", "maven_crm", tmp_path_factory.mktemp("maven"), "2018-01-01")
    with duckdb.connect(str(published), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def pipeline() -> list[dict[str, str]]:
    with TEAMS.open(encoding="utf-8", newline="") as file:
        regions = {row["sales_agent"]: row["regional_office"] for row in csv.DictReader(file)}
    with PIPELINE.open(encoding="utf-8", newline="") as file:
        return [{**row, "region": regions[row["sales_agent"]]} for row in csv.DictReader(file)]


def quarter(day: str) -> str:
    return f"{day[:4]}Q{(int(day[5:7]) + 2) // 3}"


def test_won_and_lost_are_the_exports(warehouse) -> None:
    assert warehouse.execute(
        "select count(*) filter (where is_won), sum(amount) filter (where is_won),"
        " count(*) filter (where is_closed and not is_won), count(*) from core.fct_opportunities"
    ).fetchall() == [(4238, Decimal("10005534.00"), 2473, 8800)]


def test_bookings_by_quarter_and_region(warehouse, pipeline) -> None:
    expected: dict[tuple[str, str], list] = defaultdict(lambda: [0, Decimal(0)])
    for row in pipeline:
        if row["deal_stage"] == "Won":
            cell = expected[quarter(row["close_date"]), row["region"]]
            cell[0] += 1
            cell[1] += Decimal(row["close_value"])
    figures = warehouse.execute(
        """
        select year(won_at) || 'Q' || quarter(won_at), reps.region, count(*), sum(amount)
        from core.fct_opportunities
        inner join core.dim_reps as reps using (rep_id)
        where is_won
        group by all
        """
    ).fetchall()
    assert {(period, region): [deals, value] for period, region, deals, value in figures} == dict(expected)
    assert len(expected) == 12


def test_nobody_is_invented(warehouse) -> None:
    """No opportunity names a person: each is counted, unlinked, and enters the funnel where the deals do."""
    assert warehouse.execute("select link_evidence, count(*) from core.fct_opportunities group by 1").fetchall() == [
        ("none", 8800)
    ]
    assert warehouse.execute("select count(*) from core.dim_people").fetchall() == [(0,)]
    entries = dict(warehouse.execute("select stage, count(*) from funnel.fct_stage_entries group by 1").fetchall())
    assert entries == {"sqo": 4238, "won": 4238}
    assert warehouse.execute("select count(person_id) from funnel.fct_stage_entries").fetchall() == [(0,)]


def test_product_names_are_one(warehouse, pipeline) -> None:
    sold = dict(
        warehouse.execute(
            """
            select products.product_name, count(*)
            from core.fct_opportunity_lines as lines
            inner join core.dim_products as products using (product_id)
            group by 1
            """
        ).fetchall()
    )
    expected: dict[str, int] = defaultdict(int)
    for row in pipeline:
        if row["close_value"]:
            expected[row["product"].replace("GTXPro", "GTX Pro")] += 1
    assert sold == dict(expected)


def test_the_metrics_say_the_same(warehouse) -> None:
    assert warehouse.execute("select sum(won_deals), sum(bookings) from metrics.company_by_month").fetchall() == [
        (4238, Decimal("10005534.00"))
    ]


def test_there_is_nobody_to_hand_over(warehouse) -> None:
    assert warehouse.execute("select count(*) from funnel.fct_handoffs").fetchall() == [(0,)]


def test_with_one_system_there_is_one_figure(warehouse) -> None:
    """The CRM alone has figures of its own: its money is the shared one, its opportunities are not all accepted."""
    assert warehouse.execute(
        "select kpi, side, sum(side_value - shared_value), max(abs(residual)) from alignment.rpt_alignment_bridge"
        " group by all order by all"
    ).fetchall() == [
        ("bookings", "crm", 0, 0),
        ("opportunities", "crm", 8800 - 4238, 0),
        ("pipeline", "crm", 0, 0),
    ]
    assert warehouse.execute(
        "select reason, sum(value) from alignment.fct_alignment_steps group by 1 having sum(value) <> 0"
    ).fetchall() == [("below_definition", 8800 - 4238)]
