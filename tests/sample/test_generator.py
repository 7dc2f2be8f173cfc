"""What is generated is a function of scale and seed alone, whole or absent, and of the promised size."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import duckdb
import pytest

from sample import generate, next_day
from sample.generator import HORIZON, MANIFEST


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def count(folder: Path, table: str, where: str = "true") -> int:
    return (
        duckdb.connect().execute(f"select count(*) from '{folder}/truth/{table}.parquet' where {where}").fetchone()[0]
    )


def test_the_same_seed_gives_the_same_bytes_whatever_the_threads(sample_folder: Path, tmp_path: Path) -> None:
    generate(tmp_path / "alone", 0.1, 7, threads=1)
    generate(tmp_path / "three", 0.1, 7, threads=3)

    assert digests(tmp_path / "alone") == digests(sample_folder)
    assert digests(tmp_path / "three") == digests(sample_folder)


def test_another_seed_gives_another_company(sample_folder: Path, tmp_path: Path) -> None:
    generate(tmp_path / "other", 0.1, 8)

    ours, theirs = digests(sample_folder), digests(tmp_path / "other")
    shared = [name for name in ours if name.startswith("extracts/hubspot/contact/") and theirs.get(name) == ours[name]]
    assert not shared


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "sample"
    generate(out, 0.02, 7)
    written = (out / MANIFEST).stat().st_mtime_ns
    generate(out, 0.02, 7)
    assert (out / MANIFEST).stat().st_mtime_ns == written

    next_day(out)
    generate(out, 0.02, 7)
    assert json.loads((out / MANIFEST).read_text())["until"] == "2026-07-02T00:00:00"

    generate(out, 0.03, 7)
    assert json.loads((out / MANIFEST).read_text())["scale"] == 0.03


def test_another_generator_writes_anew(tmp_path: Path) -> None:
    out = tmp_path / "sample"
    generate(out, 0.02, 7)
    manifest = json.loads((out / MANIFEST).read_text())
    (out / MANIFEST).write_text(json.dumps(manifest | {"generator": "an older one"}))
    generate(out, 0.02, 7)
    assert json.loads((out / MANIFEST).read_text()) == manifest


def test_a_folder_of_someone_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(FileExistsError, match="did not write"):
        generate(tmp_path, 0.02, 7)
    assert (tmp_path / "mine.txt").read_text() == "keep me"


def test_a_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("sample.generator.write_truth", fail)
    with pytest.raises(OSError, match="disk full"):
        generate(tmp_path / "sample", 0.02, 7)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan")])
def test_a_scale_that_is_no_size_is_refused(tmp_path: Path, scale: float) -> None:
    with pytest.raises(ValueError, match="scale must be greater than 0"):
        generate(tmp_path / "sample", scale, 7)


def test_volumes_are_those_of_a_tenth(sample_folder: Path) -> None:
    assert 1_700 <= count(sample_folder, "people", "system = 'hubspot'") <= 2_200
    assert 36_000 <= count(sample_folder, "touches", "is_real") <= 46_000
    assert 500 <= count(sample_folder, "stages", "stage = 'mql' and not is_inferred") <= 750
    assert 120 <= count(sample_folder, "opportunities", "opportunity_type = 'new'") <= 260
    assert 40 <= count(sample_folder, "opportunities", "won_at is not null") <= 120


def test_every_format_is_delivered_in_seven_deliveries_and_more(sample_folder: Path) -> None:
    names = [path.name for path in (sample_folder / "extracts").rglob("*.*") if path.is_file()]
    assert {name.split(".", 1)[1] for name in names} == {"csv", "csv.gz", "jsonl", "parquet"}
    for object_name in ("lead", "opportunity", "contact"):
        mine = [name for name in names if name.startswith(f"{object_name}_")]
        assert f"{object_name}_history.csv" in mine
        assert sum(name.startswith(f"{object_name}_2026-06-") for name in mine) >= 5


def test_the_redelivered_file_has_the_same_bytes(sample_folder: Path) -> None:
    contacts = sample_folder / "extracts" / "hubspot" / "contact"
    assert (contacts / "contact_2026-06-26.csv").read_bytes() == (contacts / "contact_export_again.csv").read_bytes()


def test_a_late_visit_is_in_no_other_delivery(sample_folder: Path) -> None:
    sessions = sample_folder / "extracts" / "web_analytics" / "sessions"
    rows = (
        duckdb.connect()
        .execute(
            f"""
        select count(*), count(*) filter (other.session_id is not null)
        from '{sessions}/sessions_2026-06-28_late.parquet' as late
        left join '{sessions}/sessions_history.parquet' as other using (session_id)
        """
        )
        .fetchone()
    )
    assert rows[0] > 0
    assert rows[1] == 0


def test_a_correction_follows_each_wrong_amount(sample_folder: Path) -> None:
    opportunities = sample_folder / "extracts" / "salesforce" / "opportunity"
    rows = (
        duckdb.connect()
        .execute(
            f"""
        select count(*), count(*) filter (wrong."Amount" > corrected."Amount"),
            count(*) filter (wrong."LastModifiedDate" < corrected."LastModifiedDate"),
            count(*) filter (truth.amount = corrected."Amount")
        from '{opportunities}/opportunity_2026-06-27_second.csv' as wrong
        inner join '{opportunities}/opportunity_2026-06-28_correction.csv' as corrected using ("Id")
        inner join '{sample_folder}/truth/opportunities.parquet' as truth on truth.opportunity_id = corrected."Id"
        """
        )
        .fetchone()
    )
    assert rows[0] > 0
    assert set(rows) == {rows[0]}


def test_the_next_day_adds_and_changes(tmp_path: Path) -> None:
    out = tmp_path / "sample"
    generate(out, 0.1, 7)
    before = digests(out / "extracts")
    touches, stages = count(out, "touches"), count(out, "stages")
    until = next_day(out)

    assert f"{until:%Y-%m-%d}" == "2026-07-02"
    after = digests(out / "extracts")
    added = sorted(set(after) - set(before))
    assert {name: after[name] for name in before} == before
    assert all("2026-07-01" in name for name in added)
    assert {"hubspot/contact", "salesforce/lead", "salesforce/opportunity", "web_analytics/sessions"} <= {
        name.rsplit("/", 1)[0] for name in added
    }
    new = count(out, "touches") - touches
    assert 0.001 <= new / touches <= 0.006
    assert count(out, "stages") > stages
    contacts = (
        duckdb.connect()
        .execute(
            f"""
        select count(*) filter (property_createdate < '2026-07-01'),
            count(*) filter (property_createdate >= '2026-07-01')
        from read_csv('{out}/extracts/hubspot/contact/contact_2026-07-01.csv', all_varchar = true)
        """
        )
        .fetchone()
    )
    assert all(contacts), "a day has contacts that changed and contacts that are new"


def test_days_end_with_the_plan(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no generated sample"):
        next_day(tmp_path / "absent")

    out = tmp_path / "sample"
    generate(out, 0.02, 7)
    manifest = json.loads((out / MANIFEST).read_text())
    manifest["until"] = HORIZON.isoformat()
    (out / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match="plan ends on 2026-08-01"):
        next_day(out)
