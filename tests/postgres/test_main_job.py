"""PostgreSQL as a part of the main job: it follows the published file, and its failure fails the run alone."""

import dagster as dg
import duckdb
import pytest

from orchestration.assets import POSTGRES_KEY, PUBLISHED_KEY
from orchestration.definitions import make_definitions
from orchestration.main_job import Outcome
from orchestration.preparation import MainJob, prepare
from orchestration.settings import read_settings
from orchestration.summary import summary
from tests.conftest import run_main_job


@pytest.mark.slow
def test_a_failure_fails_the_run_but_not_the_file_and_is_made_good_by_its_step_alone(database, tmp_path):
    environment = {"CONCORD_WAREHOUSE": str(tmp_path / "warehouse"), "CONCORD_DEMO_SCALE": "0.005"}
    secret = "never-to-be-seen"
    unreachable = f"postgresql://concord:{secret}@127.0.0.1:1/warehouse"
    process = run_main_job(**environment, CONCORD_POSTGRES=unreachable)
    assert process.returncode == 1, process.stdout
    failed = [line for line in process.stdout.splitlines() if line.startswith("FAILED")]
    assert len(failed) == 1
    assert "cannot connect to PostgreSQL at concord@127.0.0.1:1/warehouse" in failed[0]
    assert "\nPublished   " in process.stdout
    settings = read_settings({**environment, "CONCORD_POSTGRES": database.uri})
    assert settings.published.exists()
    for folder in (settings.warehouse, settings.dagster_home):
        told = [path for path in folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
        assert told == []
    assert secret not in process.stdout

    lines, runs = [], []
    definitions = make_definitions(prepare(settings), lines.append, runs)
    job = definitions.resolve_implicit_global_asset_job_def()
    assert job.asset_layer.get(POSTGRES_KEY).parent_keys == {PUBLISHED_KEY}
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, asset_selection=[POSTGRES_KEY])
    assert result.success
    (run,) = runs
    assert isinstance(run, MainJob)
    assert "Publishing into PostgreSQL: switching to the new build" in lines
    told = summary(Outcome(run=run))
    with duckdb.connect(str(settings.published.resolve()), read_only=True) as file:
        ((tables,),) = file.execute("select count(*) from duckdb_tables() where not internal").fetchall()
        ((build_id,),) = file.execute("select build_id from audit.builds").fetchall()
    assert f"PostgreSQL  {tables} tables, " in told
    assert database.rows("select build_id, tables from marts._publish") == [(build_id, tables)]


def test_without_the_setting_there_is_no_such_step(manifest, tmp_path):
    definitions = make_definitions(prepare(read_settings({"CONCORD_WAREHOUSE": str(tmp_path)})))
    keys = {key for asset in definitions.assets for key in getattr(asset, "keys", ())}
    assert PUBLISHED_KEY in keys
    assert POSTGRES_KEY not in keys
