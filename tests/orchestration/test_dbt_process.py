"""dbt ends with the run that started it, and Dagster need not wait for it to say its version."""

import os
import signal
import subprocess
import sys
from importlib.metadata import version

import duckdb
import pytest

from orchestration.agreed_definitions import load_definitions
from orchestration.dbt_runs import dbt_of_this_run, prepare_project
from orchestration.settings import PROJECT_ROOT, read_settings

# A run, in a few words: it starts a child that would go on for long, and is killed before it ends.
RUN = """
import os, subprocess, sys, time
child = "import os, sys, time; from orchestration.dbt_process import end_with;" \\
    "end_with(int(sys.argv[1])); print(os.getpid(), flush=True); time.sleep(60)"
subprocess.Popen([sys.executable, "-c", child, str(os.getpid())])
time.sleep(60)
"""


def test_a_child_ends_when_only_its_parent_is_killed():
    with subprocess.Popen([sys.executable, "-c", RUN], stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT) as run:
        child = int(run.stdout.readline())
        os.kill(child, 0)
        os.kill(run.pid, signal.SIGKILL)
        # The child holds the other end of the pipe: it is at its end when the child is gone.
        assert run.stdout.read() == ""
    assert run.returncode == -signal.SIGKILL


def test_a_child_whose_parent_is_gone_already_ends_at_once():
    done = subprocess.run(
        # No process is its own parent.
        [
            sys.executable,
            "-c",
            "import os, time; from orchestration.dbt_process import end_with; end_with(os.getpid()); time.sleep(60)",
        ],
        cwd=PROJECT_ROOT,
        check=False,
        timeout=30,
    )
    assert done.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_two_warehouses_share_a_parsed_project_and_nothing_else(tmp_path):
    """The launcher is dbt of this environment, on the parsed project, the own agreed tables and the own build file."""
    (tmp_path / "agreed").mkdir()
    (tmp_path / "agreed/segments.csv").write_text("segment,min_employees,max_employees\nEverybody,1,\n")
    projects = []
    for name, own in (("one", {}), ("other", {"CONCORD_DEFINITIONS": str(tmp_path / "agreed")})):
        settings = read_settings({"CONCORD_WAREHOUSE": str(tmp_path / name), **own})
        projects.append(prepare_project(settings, load_definitions(settings)))
    one, other = projects
    assert one.parsed == other.parsed
    assert not other.was_parsed
    assert one.target != other.target
    launcher = dbt_of_this_run(other)
    said = run_launcher(launcher, {}, "--version")
    assert said.stdout == f"dbt-core {version('dbt-core')}\n"
    (tmp_path / "other/private").mkdir(parents=True)
    before = one.manifest_path.stat().st_mtime_ns
    seeded = run_launcher(launcher, other.environment, "--log-format", "json", "seed", "--select", "segments")
    assert seeded.returncode == 0, seeded.stdout
    assert "UnableToPartialParse" not in seeded.stdout, "it was parsed again"
    with duckdb.connect(str(tmp_path / "other/private/build.duckdb"), read_only=True) as connection:
        assert connection.execute("select segment from definitions.segments").fetchall() == [("Everybody",)]
    assert one.manifest_path.stat().st_mtime_ns == before
    refused = run_launcher(launcher, other.environment, "seed", "--select", "no_such_seed", "--warn-error")
    assert refused.returncode == 1
    assert "no_such_seed" in refused.stdout


def run_launcher(launcher, environment, *arguments):
    return subprocess.run(
        [launcher, *arguments],
        cwd=PROJECT_ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
