"""The main job as a whole: cold, with nothing new and with one new day, beside a bare scan of the same files."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.processes import Usage, measure
from orchestration.agreed_definitions import load_definitions
from orchestration.dbt_runs import prepare_project
from orchestration.settings import PROJECT_ROOT, read_settings
from sample.generator import generate, next_day

SEED = 7
SMALLEST_SCALE = 0.01
_READERS = {
    ".csv": "read_csv({file}, all_varchar = true, header = true)",
    ".gz": "read_csv({file}, all_varchar = true, header = true)",
    ".jsonl": "read_csv({file}, columns = {{'line': 'varchar'}}, header = false, auto_detect = false, delim = chr(1), "
    "quote = '', escape = '')",
    ".parquet": "read_parquet({file})",
}


@dataclass(frozen=True)
class JobRun:
    """One run of the main job.

    Attributes:
        models_seconds: dbt's own time for all models and seeds, summed; two run at once.
        tests_seconds: the same of the data tests.
        slowest: the slowest models with their seconds.
    """

    usage: Usage
    models_seconds: float
    tests_seconds: float
    slowest: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class ScaleRun:
    """One round at one scale; seconds of the bare scan of all files that the cold run read."""

    cold: JobRun
    nothing_new: JobRun
    new_day: JobRun
    scan_seconds: float
    extract_bytes: int
    build_bytes: int


def run_scale(scale: float, folder: Path, say: Callable[[str], None]) -> ScaleRun:
    """One round: build from nothing, build again, deliver a day, build again. The demo's generation is left out.

    What each run took is said at once: a round of a large scale takes many minutes, and may not come to its end.
    """
    source = folder / "demo" / f"{scale:g}"
    generate(source, scale, SEED)
    with _copy_of(source, folder / "round") as extracts:
        warehouse = folder / "warehouse"
        shutil.rmtree(warehouse, ignore_errors=True)
        scan_seconds = scan(extracts / "extracts")
        extract_bytes = sum(path.stat().st_size for path in _files(extracts / "extracts"))
        cold = run_job(extracts / "extracts", warehouse)
        say(f"cold: {cold.usage}")
        nothing_new = run_job(extracts / "extracts", warehouse)
        say(f"nothing new: {nothing_new.usage}")
        next_day(extracts, with_truth=False)
        new_day = run_job(extracts / "extracts", warehouse)
        say(f"one new day: {new_day.usage}")
        build_bytes = (warehouse / "private" / "build.duckdb").stat().st_size
        shutil.rmtree(warehouse)
    return ScaleRun(cold, nothing_new, new_day, scan_seconds, extract_bytes, build_bytes)


def run_start_up(folder: Path) -> JobRun:
    """The same job where there is next to nothing to do: the smallest demo, built before, with nothing new."""
    source = folder / "demo" / f"{SMALLEST_SCALE:g}"
    generate(source, SMALLEST_SCALE, SEED)
    warehouse = folder / "smallest"
    if not (warehouse / "concord.duckdb").exists():
        run_job(source / "extracts", warehouse)
    return run_job(source / "extracts", warehouse)


def run_job(extracts: Path, warehouse: Path) -> JobRun:
    """Run the main job as `make run` does."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("CONCORD_", "DBT_"))}
    settings = {"CONCORD_EXTRACTS": str(extracts), "CONCORD_WAREHOUSE": str(warehouse)}
    usage, _ = measure([sys.executable, "-m", "orchestration", "run"], {**inherited, **settings}, PROJECT_ROOT)
    return JobRun(usage, *_dbt_times(settings))


def _dbt_times(environment: dict[str, str]) -> tuple[float, float, tuple[tuple[str, float], ...]]:
    settings = read_settings(environment)
    target = prepare_project(settings, load_definitions(settings)).target
    results = json.loads((target / "run_results.json").read_bytes())["results"]
    times = {result["unique_id"]: float(result["execution_time"]) for result in results}
    models = {name: seconds for name, seconds in times.items() if not name.startswith("test.")}
    slowest = sorted(models.items(), key=lambda entry: -entry[1])[:10]
    return (
        sum(models.values()),
        sum(seconds for name, seconds in times.items() if name.startswith("test.")),
        tuple((name.split(".")[2], seconds) for name, seconds in slowest),
    )


def scan(extracts: Path) -> float:
    """Seconds to read every value of every file once and do nothing with it but a hash: the physical floor."""
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false; set preserve_insertion_order = false")
        began = time.monotonic()
        for path in _files(extracts):
            file = "'" + str(path).replace("'", "''") + "'"
            relation = _READERS[path.suffix].format(file=file)
            connection.execute(f"select bit_xor(hash(delivered)) from {relation} as delivered").fetchall()
        return time.monotonic() - began


def _files(extracts: Path) -> list[Path]:
    return sorted(path for path in extracts.rglob("*") if path.suffix in _READERS)


@contextmanager
def _copy_of(source: Path, target: Path) -> Iterator[Path]:
    """A copy to deliver a day into. Its files are the same ones, which nobody writes again."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source / "extracts", target / "extracts", copy_function=os.link)
    shutil.copyfile(source / "sample.json", target / "sample.json")
    try:
        yield target
    finally:
        shutil.rmtree(target, ignore_errors=True)
