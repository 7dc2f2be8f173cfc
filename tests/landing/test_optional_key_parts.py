"""A part of a key that may be empty still tells rows apart, and a later row of the same key supersedes."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from expectations.contract import CONTRACTS
from orchestration.landing import LandingReport, land

PROJECT = Path(__file__).resolve().parents[2]
PLAN = "kpi,month,plan_version,opportunity_type,segment,value\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An extracts folder that holds only finance's targets."""
    (tmp_path / "extracts" / "finance" / "targets").mkdir(parents=True)
    shutil.copytree(CONTRACTS / "finance", tmp_path / "contracts" / "finance")
    rates = tmp_path / "extracts" / "finance" / "fx_rates"
    rates.mkdir()
    (rates / "rates.csv").write_text("currency,valid_from,rate_to_reporting\nEUR,2025-01-01,1.1\n")
    return tmp_path


def deliver(folder: Path, name: str, rows: str, header: str = PLAN) -> LandingReport:
    """Put one more file of targets beside the others and land it."""
    (folder / "extracts" / "finance" / "targets" / name).write_text(header + rows)
    return land(
        extracts=folder / "extracts",
        build_file=folder / "build.duckdb",
        definitions=PROJECT / "seeds",
        contracts=folder / "contracts",
        as_of=datetime(2025, 6, 1),
        landed_at=datetime(2025, 6, 1),
    )


def current(folder: Path) -> list[tuple[str, float]]:
    """Key and value of the targets that hold."""
    with duckdb.connect(str(folder / "build.duckdb"), read_only=True) as connection:
        return connection.execute(
            "select _key, value::double from raw.finance__targets where _is_current order by 1"
        ).fetchall()


def test_empty_parts_of_a_key_keep_their_place(folder: Path) -> None:
    report = deliver(folder, "a.csv", "mqls,2025-01-01,,new,,10\nmqls,2025-01-01,,,new,20\nmqls,2025-01-01,,,,30\n")
    targets = next(extract for extract in report.extracts if extract.contract_id == "finance.targets")
    assert [load.status for load in targets.loads] == ["accepted"]
    # `new` as a type and `new` as a segment are two plans; region and team were not delivered at all.
    assert set(current(folder)) == {
        ("mqls|2025-01-01||new|||", 10.0),
        ("mqls|2025-01-01|||new||", 20.0),
        ("mqls|2025-01-01|||||", 30.0),
    }


def test_a_later_row_of_a_key_with_empty_parts_supersedes(folder: Path) -> None:
    deliver(folder, "a.csv", "mqls,2025-01-01,,new,,10\n")
    deliver(folder, "b.csv", "mqls,2025-01-01,,new,,11\n")
    assert current(folder) == [("mqls|2025-01-01||new|||", 11.0)]


def test_a_needed_part_of_a_key_is_held_back_when_empty(folder: Path) -> None:
    rows = "".join(f"mqls,2025-{month:02}-01,,new,,10\n" for month in range(1, 6)) + ",2025-01-01,,new,,10\n"
    report = deliver(folder, "a.csv", rows)
    broken = {rule.rule for rule in report.broken_rules if rule.contract_id == "finance.targets"}
    assert "not_null:kpi" in broken
    # No tolerance for plan figures: one broken row holds back the file.
    assert current(folder) == []
