"""Dagster's entry point: the graph of the main job, made from what `prepare` reads."""

from collections.abc import Iterator

import dagster as dg

from orchestration.assets import (
    MAIN_JOB,
    context_asset,
    dashboard_asset,
    dbt_models,
    landing_asset,
    metrics_asset,
    postgres_asset,
    published_asset,
)
from orchestration.automation import JOB_NAME, completeness_sensor, daily_schedule, new_files_sensor
from orchestration.checks import contract_checks
from orchestration.history import prepare_history
from orchestration.preparation import MainJob, Preparation, Progress, prepare
from orchestration.writer_lock import single_writer


def make_definitions(
    prepared: Preparation, progress: Progress = lambda line: None, runs: list[MainJob] | None = None
) -> dg.Definitions:
    """The whole graph. Each run's state is appended to `runs`, where the caller wants to look at it afterwards."""

    @dg.resource(description="The single writer of the warehouse, and the run that it makes.")
    def main_job(_: dg.InitResourceContext) -> Iterator[MainJob]:
        with single_writer(prepared.settings.lock_file):
            run = MainJob(prepared, progress)
            if runs is not None:
                runs.append(run)
            yield run

    models = dbt_models(prepared)
    metrics = metrics_asset(prepared)
    job = dg.define_asset_job(
        JOB_NAME,
        selection=dg.AssetSelection.all(),
        description="From new extract files to the published warehouse.",
        executor_def=dg.in_process_executor,
    )
    return dg.Definitions(
        assets=[
            landing_asset(prepared),
            context_asset(prepared),
            models,
            metrics,
            published_asset(prepared, models, metrics),
            dashboard_asset(),
            *([postgres_asset()] if prepared.settings.postgres else []),
        ],
        asset_checks=[contract_checks(prepared)],
        jobs=[job],
        schedules=[daily_schedule(job)],
        sensors=[new_files_sensor(prepared, job), completeness_sensor(job)],
        resources={MAIN_JOB: main_job},
        executor=dg.in_process_executor,
    )


@dg.definitions
def definitions() -> dg.Definitions:
    """The graph of the settings in the environment."""
    prepared = prepare()
    prepare_history(prepared.settings.dagster_home)
    return make_definitions(prepared)
