"""Bring a public data set into the vendor-neutral templates and build a warehouse of it with the main job."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration.preparation import MainJob, prepare
from orchestration.settings import read_settings
from tests.dbt_on import TestBuild

PROJECT = Path(__file__).resolve().parents[2]
SHARED_DATA = PROJECT.parent / "shared" / "data"


def build_company(name: str, data: str, folder: Path, as_of: str) -> Path:
    """Build the warehouse of one company and return the published file.

    Each `tests/real/<name>/extracts/<system>__<object>.sql` becomes one CSV file of that extract;
    `tests/real/<name>/definitions` are the company's own agreed tables.

    Args:
        name: folder of the company beside this file.
        data: folder of its data set under the shared data.
        folder: where extracts and warehouse go.
        as_of: the build's now, because these data sets say no modification times.
    """
    company = Path(__file__).parent / name
    extracts = bring_extracts(name, data, folder)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CONCORD_")}
    run = subprocess.run(
        [sys.executable, "-m", "orchestration", "run"],
        cwd=PROJECT,
        env={
            **kept,
            "CONCORD_EXTRACTS": str(extracts),
            "CONCORD_WAREHOUSE": str(folder / "warehouse"),
            "CONCORD_DEFINITIONS": str(company / "definitions"),
            "CONCORD_AS_OF": as_of,
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-5000:]
    assert "PROVISIONAL" in run.stdout, "nobody signed these definitions, and the run has to say so"
    return folder / "warehouse" / "concord.duckdb"


def build_parts(name: str, data: str, folder: Path, as_of: str, *models: str) -> Path:
    """Build some models of one company, all that they read, and the tests of these; returns the private build file.

    The arguments are those of `build_company`, whose run takes more than twice the time.
    """
    definitions = Path(__file__).parent / name / "definitions"
    settings = {
        "CONCORD_EXTRACTS": str(bring_extracts(name, data, folder)),
        "CONCORD_WAREHOUSE": str(folder / "warehouse"),
        "CONCORD_DEFINITIONS": str(definitions),
        "CONCORD_AS_OF": as_of,
    }
    job = MainJob(prepare(read_settings(settings)))
    job.land()
    assert job.begin().is_provisional, "nobody signed these definitions"
    build = TestBuild(folder / "warehouse", definitions)
    build.dbt(
        *("--quiet", "build", "--exclude-resource-type", "unit_test", "--indirect-selection", "buildable"),
        *("--select", *(f"+{model}" for model in models)),
    )
    return build.file


def bring_extracts(name: str, data: str, folder: Path) -> Path:
    """Bring the data set of one company into the templates, below a folder; returns the folder of the extracts."""
    source = SHARED_DATA / data
    if not source.is_dir():
        pytest.skip(f"the public data set {data} is not beside this checkout (shared/data/{data})")
    for query in sorted((Path(__file__).parent / name / "extracts").glob("*.sql")):
        system, object_name = query.stem.split("__")
        target = folder / "extracts" / system / object_name
        target.mkdir(parents=True)
        sql = query.read_text(encoding="utf-8").replace("{data}", str(source))
        with duckdb.connect() as connection:
            connection.execute(f"copy ({sql}) to '{target / 'export.csv'}' (header)")
    return folder / "extracts"
