"""What all tests share: the demo, built once through the real main job."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from orchestration.settings import PROJECT_ROOT, Settings, read_settings
from tests.compiled_models import compile_models

DEMO_SCALE = "0.05"


# Of the slow files these take longest. While one process builds the demo for the first of them, the other is at those
# of real companies, which do not need it.
LONGEST = ("whole/test_order_of_delivery.py", "real", "owning/test_first_day.py", "whole", "orchestration")


def pytest_collection_modifyitems(items):
    """Files with slow tests first, the longest before the others: no process is left with one of them at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    folder = Path(__file__).parent

    def place(path):
        parents = {path, *path.parents}
        longest = next((n for n, name in enumerate(LONGEST) if folder / name in parents), len(LONGEST))
        return longest if path in slow else len(LONGEST) + 1

    items.sort(key=lambda item: place(item.path))


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


def build_demo(folder):
    """Build the demo into a folder, which keeps what the run printed; what is there already is taken as it is."""
    environment = {"CONCORD_DEMO_SCALE": DEMO_SCALE, "CONCORD_WAREHOUSE": str(folder / "warehouse")}
    said = folder / "said"
    if not said.exists():
        process = run_main_job(**environment)
        assert process.returncode == 0, f"the main job failed:\n{process.stdout}"
        said.write_text(process.stdout)
    return Demo(read_settings(environment), environment, said.read_text())


@contextmanager
def folder_of_all(tmp_path_factory: pytest.TempPathFactory, name: str) -> Iterator[Path]:
    """A folder that all processes of this test run share; one at a time has it, the first one fills it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    folder = folder / name
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """The demo at a small scale through the main job, once for all processes that test. Nobody may change it.

    A test that runs the main job again on it takes `own_demo`.
    """
    with folder_of_all(tmp_path_factory, "demo") as folder:
        demo = build_demo(folder)
    before = demo.settings.published.readlink(), demo.settings.build_file.stat().st_mtime_ns
    yield demo
    after = demo.settings.published.readlink(), demo.settings.build_file.stat().st_mtime_ns
    assert after == before, "a test has changed the demo that all share"


@pytest.fixture(scope="module")
def own_demo(demo, tmp_path_factory):
    """The demo built and published in a warehouse of this module's own, which its tests may write."""
    warehouse = tmp_path_factory.mktemp("own") / "warehouse"
    return copied(demo, warehouse)


def copied(demo, warehouse):
    """The demo built and published in a copy of its warehouse."""
    shutil.copytree(demo.settings.warehouse, warehouse, symlinks=True)
    environment = {**demo.environment, "CONCORD_WAREHOUSE": str(warehouse)}
    return Demo(read_settings(environment), environment, demo.output)


@pytest.fixture(scope="module")
def warehouse(demo):
    """The published warehouse of the demo, read-only; what a module makes beside it is gone with the module."""
    with duckdb.connect(str(demo.settings.published.resolve()), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def build(demo):
    """The private build file of the demo, read-only; what a module makes beside it is gone with the module."""
    with duckdb.connect(str(demo.settings.build_file), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def compiled_models(tmp_path_factory):
    """The SQL of all models that tests run by themselves, compiled by one dbt for all of them."""
    with folder_of_all(tmp_path_factory, "compiled") as folder:
        return compile_models(folder)


@pytest.fixture(scope="session")
def manifest(tmp_path_factory):
    """The dbt manifest of the project, with our own agreed tables."""
    from orchestration.preparation import prepare

    return prepare(read_settings({"CONCORD_WAREHOUSE": str(tmp_path_factory.mktemp("manifest"))})).manifest
