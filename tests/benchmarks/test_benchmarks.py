"""The benchmarks run, measure the right thing, and notice what goes wrong."""

import json
import logging
import os
import sys

import pytest

from benchmarks.__main__ import main, measure_all, measure_attribution, measure_handoffs, table
from benchmarks.gate import run, write_file
from benchmarks.handoff import growth
from benchmarks.job import scan
from benchmarks.postgres import measure_ways
from benchmarks.processes import BenchmarkError, measure

MEGABYTE = 1_000_000


def python(code):
    return measure([sys.executable, "-c", code], os.environ, ".")


def test_memory_and_time_are_those_of_the_whole_tree():
    child = f"import time; held = bytearray({200 * MEGABYTE}); time.sleep(3)"
    usage, output = python(
        f"import subprocess, sys; held = bytearray({100 * MEGABYTE}); print('said');"
        f"subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    )
    assert output == "said\n"
    assert 300 * MEGABYTE <= usage.peak_bytes < 450 * MEGABYTE
    assert usage.wall_seconds >= 3
    assert usage.cpu_seconds < usage.wall_seconds


def test_a_failed_process_is_told_with_its_words():
    with pytest.raises(BenchmarkError, match="out of tea"):
        python("raise SystemExit('out of tea')")


def test_a_process_that_hangs_is_killed_with_its_children_and_told():
    hanging = "import subprocess; subprocess.run(['sleep', '600'])"
    with pytest.raises(BenchmarkError, match="was killed after 3 s"):
        measure([sys.executable, "-c", hanging], os.environ, ".", limit_seconds=3)


def test_the_gate_finds_what_plain_sql_finds(tmp_path):
    path = tmp_path / "events.csv"
    write_file(path, 20_000)
    with path.open("a") as file:
        # The second row once more, with another address: a key that stands for two different rows.
        file.write(path.read_text().splitlines()[2].replace("person", "someone") + "\n")
    gate, plain = run("gate", path), run("plain", path)
    assert gate.broken == plain.broken == {"accepted_values:type": 5, "max_length:recipient": 5, "unique:key": 2}


def test_every_way_brings_the_same_rows_into_postgres(tmp_path):
    runs = measure_ways(5_000, tmp_path)
    assert set(runs) == {"publish", "by_hand", "copy"}
    assert all(run.seconds > 0 and run.usage.peak_bytes > MEGABYTE for run in runs.values())


def test_the_scan_reads_every_format(tmp_path):
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    (folder / "1.csv").write_text("x,y\n1,2\n")
    (folder / "2.jsonl").write_text('{"x": 1}\n')
    (folder / "note.md").write_text("not an extract")
    assert scan(tmp_path) > 0


def test_the_table_lines_up():
    lines = table([("what", "1.0", "2.0", "3 GB"), ("something longer", "10.0", "", "")])
    assert len({len(line) for line in lines}) == 1
    assert lines[3].startswith("| something longer |")


@pytest.mark.slow
@pytest.mark.matrix
def test_everything_is_measured_once(tmp_path):
    say = logging.getLogger(__name__).info
    rows, figures = measure_all([0.01], 1, ["start", "job", "gate"], 1_000, tmp_path, say)
    assert [row[0].removeprefix("scale 0.01, ") for row in rows if row[0].startswith("scale 0.01, ")] == [
        "cold",
        "nothing new",
        "one new day",
        "dbt models, cold (summed)",
        "bare scan of the same files",
        "models as a multiple of the scan",
        "one new day of cold, start-up left out",
    ]
    (run,) = figures["job"]["0.01"]
    assert run["cold"]["models_seconds"] > 0
    assert run["cold"]["usage"]["peak_bytes"] > 100 * MEGABYTE
    assert json.dumps(figures)


def test_an_unknown_part_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["--only", "coffee"])
    assert "coffee" in capsys.readouterr().err


@pytest.mark.slow
def test_all_ways_over_the_same_touches(tmp_path, monkeypatch):
    """The models have to give out the value of every conversion, or the benchmark fails by itself."""
    # Millions of simulated paths take as long over few touches as over many.
    monkeypatch.setattr("benchmarks.attribution.WAYS", ("scan", "sort", "models", "day", "peer"))
    ways = measure_attribution([20_000], 1, tmp_path, lambda _: None)[20_000]
    assert {way for way, runs in ways.items() if len(runs) == 1 and runs[0].seconds > 0} == {
        "scan", "sort", "models", "day", "peer"
    }  # fmt: skip
    figures = ways["models"][0].figures
    assert len(figures) == 22
    assert len(set(figures.values())) == 2
    assert min(figures.values()) > 0
    assert 0 < ways["peer"][0].error < 0.5
    day = ways["day"][0].figures
    assert 0 < day["other credit"] < day["all credit"] / 10 < day["credit by removal effects"] * 2


def test_growth_is_told_beside_n_log_n():
    assert growth(1024, 1.0, 1024 * 1024, 2048.0) == 1.0
    assert growth(1024, 1.0, 1024 * 1024, 1024.0 * 1024) == 512.0


@pytest.mark.matrix
def test_every_invented_handoff_is_due_and_every_touch_a_choice(tmp_path):
    """The benchmark fails by itself where they are not."""
    (run,) = measure_handoffs([2_000], 1, tmp_path, lambda _: None)[2_000]
    assert run.figures["choices"] == run.figures["touched"] > run.figures["skips"] > 0
    assert run.usage.peak_bytes > 0
