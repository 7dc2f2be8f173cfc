"""What all tests share: the demo, built once through the real main job."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from orchestration.settings import PROJECT_ROOT, Settings, read_settings

DEMO_SCALE = "0.05"


def run_main_job(**environment):
    """`make run` without the set-up, in a process of its own; settings of the machine are left out."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("CONCORD_", "DBT_", "DAGSTER_"))
    }
    return subprocess.run(
        [sys.executable, "-m", "orchestration", "run"],
        cwd=PROJECT_ROOT,
        env={**inherited, **{name: str(value) for name, value in environment.items()}},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@dataclass(frozen=True)
class Demo:
    """The demo company, built and published.

    `truth` is the folder of what was planted; `output` is what a person saw of the run.
    """

    settings: Settings
    environment: dict
    output: str

    @property
    def extracts(self) -> Path:
        return self.settings.extracts

    @property
    def truth(self) -> Path:
        return self.settings.extracts.parent / "truth"


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """The demo at a small scale through the main job; what the run printed is shown if it failed."""
    environment = {
        "CONCORD_DEMO_SCALE": DEMO_SCALE,
        "CONCORD_WAREHOUSE": str(tmp_path_factory.mktemp("demo") / "warehouse"),
    }
    process = run_main_job(**environment)
    assert process.returncode == 0, f"the main job failed:\n{process.stdout}"
    return Demo(read_settings(environment), environment, process.stdout)


@pytest.fixture(scope="session")
def warehouse(demo):
    """The published warehouse of the demo, read-only."""
    with duckdb.connect(str(demo.settings.published.resolve()), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def build(demo):
    """The private build file of the demo, read-only. No run may write it while this is open."""
    with duckdb.connect(str(demo.settings.build_file), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def manifest(tmp_path_factory):
    """The dbt manifest of the project, with our own agreed tables."""
    from orchestration.preparation import prepare

    return prepare(read_settings({"CONCORD_WAREHOUSE": str(tmp_path_factory.mktemp("manifest"))})).manifest
