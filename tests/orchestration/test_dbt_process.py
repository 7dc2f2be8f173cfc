"""dbt ends with the run that started it, and Dagster need not wait for it to say its version."""

import os
import signal
import subprocess
import sys
from importlib.metadata import version

from orchestration.dbt_runs import dbt_of_this_run
from orchestration.settings import PROJECT_ROOT

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


def test_the_launcher_is_dbt_of_this_very_environment(tmp_path):
    launcher = dbt_of_this_run(tmp_path)
    said = subprocess.run([launcher, "--version"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert said.stdout == f"dbt-core {version('dbt-core')}\n"
    helped = subprocess.run([launcher, "build", "--help"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert "--full-refresh" in helped.stdout
