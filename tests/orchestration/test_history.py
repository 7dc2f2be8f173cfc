import os
import subprocess
import sys

import dagster as dg
import pytest
import yaml

from orchestration.history import EVENTS_AT_ONCE, RunHistory, prepare_history
from orchestration.settings import PROJECT_ROOT


@dg.asset
def good():
    return dg.MaterializeResult(metadata={"rows": 3})


@dg.asset_check(asset=good)
def is_small():
    return dg.AssetCheckResult(passed=True)


@dg.asset
def bad():
    raise ValueError("no such luck")


@pytest.fixture(params=["0", EVENTS_AT_ONCE])
def home(request, tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", request.param)
    prepare_history(tmp_path / "dagster")
    return tmp_path / "dagster"


def run(home, *assets, checks=()):
    definitions = dg.Definitions(
        assets=list(assets),
        asset_checks=list(checks),
        jobs=[dg.define_asset_job("main", selection=dg.AssetSelection.all(), executor_def=dg.in_process_executor)],
    )
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert isinstance(instance.event_log_storage, RunHistory)
        return definitions.resolve_job_def("main").execute_in_process(instance=instance, raise_on_error=False)


def test_another_process_reads_the_whole_history_of_a_run(home):
    result = run(home, good, checks=[is_small])
    with dg.DagsterInstance.from_config(str(home)) as instance:
        logged = [entry.dagster_event for entry in instance.all_logs(result.run_id) if entry.dagster_event]
        assert {event.event_type_value for event in result.all_events} <= {e.event_type_value for e in logged}
        assert instance.get_run_by_id(result.run_id).is_success
        latest = instance.get_latest_materialization_event(dg.AssetKey("good"))
        assert latest.asset_materialization.metadata["rows"].value == 3
        check = instance.event_log_storage.get_latest_asset_check_execution_by_key(
            [dg.AssetCheckKey(dg.AssetKey("good"), "is_small")]
        )
        assert [record.status.value for record in check.values()] == ["SUCCEEDED"]


def test_a_failed_run_is_recorded_as_failed(home):
    result = run(home, bad)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert instance.get_run_by_id(result.run_id).status == dg.DagsterRunStatus.FAILURE
        assert "no such luck" in str(instance.all_logs(result.run_id))


def test_runs_follow_each_other_in_one_history(home):
    ids = {run(home, good).run_id for _ in range(3)}
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert {record.run_id for record in instance.get_runs()} == ids


def test_nothing_is_sent_anywhere_and_a_killed_run_keeps_no_slot(home):
    config = yaml.safe_load((home / "dagster.yaml").read_text())
    assert config["telemetry"]["enabled"] is False
    assert config["concurrency"]["pools"] == {"granularity": "run", "default_limit": 1}


def test_an_edited_instance_file_is_put_right(home):
    (home / "dagster.yaml").write_text("telemetry: {enabled: true}")
    prepare_history(home)
    assert yaml.safe_load((home / "dagster.yaml").read_text())["telemetry"]["enabled"] is False


FIRST_RUN = """
import sys
from pathlib import Path
import dagster as dg
from orchestration.history import prepare_history
print("ready", flush=True)
sys.stdin.readline()
prepare_history(Path(sys.argv[1]))
with dg.DagsterInstance.from_config(sys.argv[1]) as instance:
    instance.get_runs(limit=1)
    instance.all_asset_keys()
"""


@pytest.mark.slow
def test_first_runs_side_by_side_do_not_break_the_history_that_they_share(tmp_path):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", FIRST_RUN, str(tmp_path / "dagster")],
            cwd=PROJECT_ROOT,
            env={**os.environ, "DAGSTER_HOME": str(tmp_path / "dagster")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, complaint = process.communicate(timeout=120)
        assert process.returncode == 0, complaint
