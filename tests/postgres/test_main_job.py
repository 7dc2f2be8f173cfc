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


@pytest.mark.slow
def test_what_was_not_published_there_is_made_good_by_its_step_alone(database, own_demo):
    """A run that could not reach PostgreSQL: tests/orchestration/test_main_job.py."""
    settings = read_settings({**own_demo.environment, "CONCORD_POSTGRES": database.uri})
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
