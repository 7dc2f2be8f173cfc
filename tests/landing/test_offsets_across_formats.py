"""Typed moments say nothing about offsets; texts that lose the offsets they had are stopped."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from expectations.contract import CONTRACTS
from orchestration.landing import LandingReport, land

PROJECT = Path(__file__).resolve().parents[2]
HEADER = "session_id,visitor_id,started_at\n"


@pytest.fixture
def sessions(tmp_path: Path) -> Path:
    """The folder that takes deliveries of web sessions."""
    folder = tmp_path / "extracts" / "web_analytics" / "sessions"
    folder.mkdir(parents=True)
    shutil.copytree(CONTRACTS / "web_analytics", tmp_path / "contracts" / "web_analytics")
    return folder


def land_sessions(sessions: Path) -> LandingReport:
    """Land what lies in the folder."""
    root = sessions.parents[2]
    return land(
        extracts=root / "extracts",
        build_file=root / "build.duckdb",
        definitions=PROJECT / "seeds",
        contracts=root / "contracts",
        landed_at=datetime(2025, 6, 1),
    )


def started(sessions: Path) -> dict[str, datetime]:
    """Accepted sessions and when they started, UTC."""
    with duckdb.connect(str(sessions.parents[2] / "build.duckdb"), read_only=True) as connection:
        rows = connection.execute("select session_id, started_at from raw.web_analytics__sessions").fetchall()
    return dict(rows)


def test_texts_with_offsets_follow_typed_moments(sessions: Path) -> None:
    duckdb.connect().sql(
        "select 'typed' as session_id, 'v' as visitor_id, timestamp '2025-05-01 10:00:00' as started_at"
    ).write_parquet(str(sessions / "a.parquet"))
    (sessions / "b.csv").write_text(HEADER + "with_offset,v,2025-05-02T10:00:00+02:00\n")
    report = land_sessions(sessions)
    assert [load.status for extract in report.extracts for load in extract.loads] == ["accepted", "accepted"]
    assert started(sessions) == {
        "typed": datetime(2025, 5, 1, 10),
        "with_offset": datetime(2025, 5, 2, 8),
    }


def test_texts_that_lose_their_offsets_are_stopped(sessions: Path) -> None:
    (sessions / "a.csv").write_text(HEADER + "with_offset,v,2025-05-02T10:00:00+02:00\n")
    (sessions / "b.csv").write_text(HEADER + "naive,v,2025-05-03T10:00:00\n")
    report = land_sessions(sessions)
    assert [load.status for extract in report.extracts for load in extract.loads] == ["accepted", "stopped"]
    assert {rule.rule for rule in report.broken_rules if rule.severity == "error"} == {"consistent_offsets:started_at"}
    assert set(started(sessions)) == {"with_offset"}
