import dagster as dg
import pytest

from orchestration.after_run import missing_events, not_done


def job_of(*assets, checks=()):
    definitions = dg.Definitions(
        assets=list(assets),
        asset_checks=list(checks),
        jobs=[dg.define_asset_job("main", selection=dg.AssetSelection.all(), executor_def=dg.in_process_executor)],
    )
    return definitions.resolve_job_def("main")


@dg.asset
def landed():
    return 1


@dg.multi_asset(specs=[dg.AssetSpec("a"), dg.AssetSpec("b", skippable=True)])
def marts():
    yield dg.MaterializeResult("a")


@dg.asset(deps=["b"])
def published():
    return 1


@dg.asset_check(asset=landed)
def is_fresh():
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN)


def test_a_skipped_asset_is_missing_though_the_run_is_a_success():
    with dg.instance_for_test() as instance:
        result = job_of(landed, marts, published).execute_in_process(instance=instance)
        assert result.success, "Dagster calls this run a success: that is the trap"
        assert not_done(instance, result.dagster_run) == ["b", "published"]


def test_nothing_is_missing_where_all_was_made_and_checked_even_if_a_check_failed():
    with dg.instance_for_test() as instance:
        result = job_of(landed, checks=[is_fresh]).execute_in_process(instance=instance)
        assert not_done(instance, result.dagster_run) == []


def test_a_check_that_was_not_made_is_missing():
    with dg.instance_for_test() as instance:
        result = job_of(landed, checks=[is_fresh]).execute_in_process(instance=instance)
        logged = [entry.dagster_event for entry in instance.all_logs(result.run_id) if entry.dagster_event]
        left = [event for event in logged if event.event_type != dg.DagsterEventType.ASSET_CHECK_EVALUATION]
        assert missing_events(left) == ["landed:is_fresh"]


def test_a_run_without_events_asked_for_nothing():
    assert missing_events([]) == []


@pytest.fixture(autouse=True)
def _no_batches(monkeypatch):
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE", raising=False)
