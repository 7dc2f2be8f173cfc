"""A sales engagement platform lands in a folder of its own, under the real contract."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from expectations.contract import CONTRACTS
from orchestration.landing import LandingReport, land

PROJECT = Path(__file__).resolve().parents[2]
AGREED = "activity_id,record_id,opportunity_id,owner_id,type,direction,outcome,content_id,occurred_at,duration_minutes"
CALL = "00Q1,,005A,call,outbound,connected,,2026-03-0{day}T09:00:00Z,4.5"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A company of which only finance has delivered so far."""
    for system in ("finance", "sales_engagement"):
        shutil.copytree(CONTRACTS / system, tmp_path / "contracts" / system)
    rates = tmp_path / "extracts" / "finance" / "fx_rates"
    rates.mkdir(parents=True)
    (rates / "rates.csv").write_text("currency,valid_from,rate_to_reporting\nEUR,2025-01-01,1.1\n")
    return tmp_path


def landed(folder: Path) -> LandingReport:
    """Land what lies there."""
    return land(
        extracts=folder / "extracts",
        build_file=folder / "build.duckdb",
        definitions=PROJECT / "seeds",
        contracts=folder / "contracts",
        as_of=datetime(2026, 3, 10),
        landed_at=datetime(2026, 3, 10),
    )


def query(folder: Path, sql: str) -> list[tuple]:
    """Rows of a query on the build file."""
    with duckdb.connect(str(folder / "build.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_without_a_platform_there_is_an_empty_typed_table(folder: Path) -> None:
    report = landed(folder)
    assert not any(rule.system == "sales_engagement" for rule in report.broken_rules)
    assert query(folder, "select count(*) from raw.sales_engagement__activities") == [(0,)]
    types = dict(
        query(
            folder,
            "select column_name, data_type from duckdb_columns() where table_name = 'sales_engagement__activities'",
        )
    )
    assert {name: types[name] for name in ("activity_id", "crm_system", "duration_minutes", "occurred_at")} == {
        "activity_id": "VARCHAR",
        "crm_system": "VARCHAR",
        "duration_minutes": "DECIMAL(18,2)",
        "occurred_at": "TIMESTAMP",
    }


def test_the_agreed_columns_suffice_and_an_unknown_crm_is_held_back(folder: Path) -> None:
    place = folder / "extracts" / "sales_engagement" / "activities"
    place.mkdir(parents=True)
    (place / "a.csv").write_text(AGREED + "\n" + f"a1,{CALL.format(day=1)}\na2,{CALL.format(day=2)}\n")
    assert not any(rule.system == "sales_engagement" for rule in landed(folder).broken_rules)
    rows = [f"b{n},{CALL.format(day=3)},{'pipeline' if n == 7 else 'salesforce'},00T{n}" for n in range(40)]
    (place / "b.csv").write_text(f"{AGREED},crm_system,crm_activity_id\n" + "\n".join(rows) + "\n")
    (broken,) = (rule for rule in landed(folder).broken_rules if rule.severity == "error")
    assert (broken.rule, broken.figure, broken.owner) == ("accepted_values:crm_system", 1, "sales_operations")
    assert "Owner: sales_operations" in broken.message
    counted = "select crm_system, count(*), count(crm_activity_id) from raw.sales_engagement__activities group by 1"
    assert sorted(query(folder, counted), key=str) == [("salesforce", 39, 39), (None, 2, 0)]
