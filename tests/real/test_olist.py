"""Olist's marketing funnel: 8,000 qualified leads of which 842 were won, by the origin that the data set names."""

from __future__ import annotations

import csv
from collections import Counter

import duckdb
import pytest

from tests.real.company import SHARED_DATA, build_company

LEADS = SHARED_DATA / "olist" / "olist_marketing_qualified_leads_dataset.csv"
DEALS = SHARED_DATA / "olist" / "olist_closed_deals_dataset.csv"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    published = build_company("olist", "olist", tmp_path_factory.mktemp("olist"), "2018-11-15")
    with duckdb.connect(str(published), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def origins() -> dict[str, str]:
    """Origin by lead; a missing one has no channel to be mapped to."""
    with LEADS.open(encoding="utf-8", newline="") as file:
        return {row["mql_id"]: row["origin"] or "(unmapped)" for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def won() -> set[str]:
    with DEALS.open(encoding="utf-8", newline="") as file:
        return {row["mql_id"] for row in csv.DictReader(file)}


def test_every_delivered_row_is_accounted_for(warehouse) -> None:
    delivered, accounted = warehouse.execute(
        "select sum(rows_delivered),"
        " sum(rows_accepted + rows_quarantined + rows_unparseable + rows_superseded) from audit.loads"
    ).fetchall()[0]
    assert delivered == accounted
    assert warehouse.execute("select sum(rows_quarantined + rows_unparseable) from audit.loads").fetchall() == [(0,)]


def test_each_lead_is_one_mql_by_its_origin(warehouse, origins) -> None:
    mqls = dict(
        warehouse.execute(
            "select channel, count(*) from funnel.fct_stage_entries where stage = 'mql' and not is_inferred group by 1"
        ).fetchall()
    )
    assert sum(mqls.values()) == len(origins) == 8000
    assert mqls == Counter(origins.values())
    assert mqls["(unmapped)"] == 60


def test_each_closed_deal_is_won_by_its_leads_origin(warehouse, origins, won) -> None:
    wins = warehouse.execute(
        """
        select contacts.record_id, entries.channel
        from funnel.fct_stage_entries as entries
        inner join core.bridge_person_records as contacts
            on entries.person_id = contacts.person_id and contacts.system = 'marketing'
        where entries.stage = 'won'
        """
    ).fetchall()
    assert len(wins) == 842
    assert {record for record, _ in wins} == won


def test_a_lead_and_its_crm_record_are_one_person(warehouse, won) -> None:
    people, records = warehouse.execute(
        "select count(distinct person_id), count(*) from core.bridge_person_records"
    ).fetchall()[0]
    assert (people, records) == (8000, 8000 + len(won))


def test_the_metric_says_the_same(warehouse) -> None:
    assert warehouse.execute("select sum(mqls), sum(won_entries) from metrics.company_by_month").fetchall() == [
        (8000, 842)
    ]


def test_every_lead_has_one_fate(warehouse) -> None:
    """Nothing stamps a hand-over there, so the CRM's record is it: leads without one were not handed over.

    No call, mail or status history is delivered either, so no answer is logged to any of the others; one of them was
    not due yet when the export was made.
    """
    fates = dict(warehouse.execute("select fate, count(*) from funnel.fct_handoffs group by 1").fetchall())
    assert fates == {"not_handed_over": 8000 - 842, "untouched_overdue": 841, "pending": 1}


def test_every_lead_of_marketing_is_an_mql_of_both_and_the_crm_knows_the_won_ones(warehouse) -> None:
    """Nothing is left over: the CRM counts who became a seller, on the day of that, and knows of nobody else."""
    assert warehouse.execute("select count(*) from alignment.rpt_alignment_bridge where residual <> 0").fetchall() == [
        (0,)
    ]
    sides = "select sum(side_value), sum(agreeing_records), sum(records) from alignment.rpt_alignment_bridge"
    assert warehouse.execute(f"{sides} where kpi = 'mqls' and side = 'marketing'").fetchall() == [(8000, 8000, 8000)]
    contacted: dict[str, str] = {}
    with LEADS.open(encoding="utf-8", newline="") as file:
        contacted = {row["mql_id"]: row["first_contact_date"][:7] for row in csv.DictReader(file)}
    with DEALS.open(encoding="utf-8", newline="") as file:
        in_other_months = sum(contacted[row["mql_id"]] != row["won_date"][:7] for row in csv.DictReader(file))
    assert in_other_months > 100
    assert warehouse.execute(
        "select reason, count(*), sum(value) from alignment.fct_alignment_steps"
        " where kpi = 'mqls' and side = 'crm' group by 1 order by 1"
    ).fetchall() == [("no_record_here", 8000 - 842, 842 - 8000), ("other_period", 2 * in_other_months, 0)]
