from types import SimpleNamespace

import dagster as dg
import pytest

from orchestration.automation import completeness_sensor, daily_schedule, new_files_sensor
from orchestration.settings import Settings
from tests.orchestration.test_delivered_files import write


@dg.asset
def made():
    return 1


@dg.multi_asset(specs=[dg.AssetSpec("left_out", skippable=True)])
def skips():
    yield from ()


JOB = dg.define_asset_job("main", selection=dg.AssetSelection.all(), executor_def=dg.in_process_executor)


def new_files(extracts, demo_scale=None):
    prepared = SimpleNamespace(settings=Settings(extracts=extracts, warehouse=extracts / "w", demo_scale=demo_scale))
    return new_files_sensor(prepared, JOB)


@pytest.fixture(autouse=True)
def _no_batches(monkeypatch):
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE", raising=False)


def test_new_files_start_one_run_and_the_same_files_none(tmp_path):
    extracts = tmp_path / "extracts"
    write(extracts, "crm/people/a.csv", "1")
    sensor = new_files(extracts)
    first = sensor(dg.build_sensor_context())
    assert len(first.run_requests) == 1
    again = sensor(dg.build_sensor_context(cursor=first.cursor))
    assert isinstance(again, dg.SkipReason)
    write(extracts, "crm/people/b.csv", "2")
    second = sensor(dg.build_sensor_context(cursor=first.cursor))
    assert second.run_requests[0].run_key != first.run_requests[0].run_key


def test_a_file_that_is_still_written_starts_nothing(tmp_path):
    write(tmp_path, "crm/people/a.csv", "1", age=0)
    assert "still being written" in new_files(tmp_path)(dg.build_sensor_context()).skip_message


def test_an_empty_folder_and_the_demo_start_nothing(tmp_path):
    assert isinstance(new_files(tmp_path)(dg.build_sensor_context()), dg.SkipReason)
    write(tmp_path, "crm/people/a.csv", "1")
    assert "demo" in new_files(tmp_path, demo_scale=1.0)(dg.build_sensor_context()).skip_message


def run(instance, *assets):
    definitions = dg.Definitions(assets=list(assets), jobs=[JOB])
    result = definitions.resolve_job_def("main").execute_in_process(instance=instance)
    event = next(event for event in result.all_events if event.event_type == dg.DagsterEventType.RUN_SUCCESS)
    return dg.build_run_status_sensor_context(
        sensor_name="completeness", dagster_instance=instance, dagster_run=result.dagster_run, dagster_event=event
    )


def test_a_successful_run_that_made_less_than_it_should_fails_the_sensor():
    sensor = completeness_sensor(JOB)
    with dg.instance_for_test() as instance:
        context = run(instance, made, skips)
        with pytest.raises(dg.Failure, match="did not make: left_out"):
            sensor(context)


def test_a_complete_run_passes():
    with dg.instance_for_test() as instance:
        completeness_sensor(JOB)(run(instance, made))


def test_the_schedule_is_daily_and_on():
    schedule = daily_schedule(JOB)
    assert schedule.cron_schedule == "0 5 * * *"
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
