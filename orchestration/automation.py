"""When the main job runs by itself: every morning, and when new files lie in the folder of extracts."""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from orchestration.after_run import not_done
from orchestration.delivered_files import look, remembered_key
from orchestration.preparation import Preparation

JOB_NAME = "main"


def daily_schedule(job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """Every morning at five, UTC: what came overnight is on the page when people start."""
    return dg.ScheduleDefinition(
        name="daily",
        job=job,
        cron_schedule="0 5 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )


def new_files_sensor(prepared: Preparation, job: UnresolvedAssetJobDefinition) -> dg.SensorDefinition:
    """Runs the main job when the folder holds other files than at its last look: by name and content, not by date."""

    @dg.sensor(
        name="new_files",
        job=job,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Runs the main job when a file of the extracts is new or has other content.",
    )
    def new_files(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        settings = prepared.settings
        if settings.is_demo:
            return dg.SkipReason("CONCORD_EXTRACTS is not set: the demo gets no new files")
        state = look(settings.extracts, context.cursor)
        last = remembered_key(context.cursor)
        if state.key is None:
            return dg.SkipReason("a file is still being written")
        if state.key == last or not state.files:
            context.update_cursor(state.cursor())
            return dg.SkipReason("no new files")
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=state.key)], cursor=state.cursor())

    return new_files


def completeness_sensor(job: UnresolvedAssetJobDefinition) -> dg.SensorDefinition:
    """Compares, after each successful run, what was made with what should have been.

    A run in which a step was skipped can end as a success; then this sensor fails and names what is missing.
    """

    @dg.run_status_sensor(
        name="completeness",
        run_status=dg.DagsterRunStatus.SUCCESS,
        monitored_jobs=[job],
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def completeness(context: dg.RunStatusSensorContext) -> None:
        missing = not_done(context.instance, context.dagster_run)
        if missing:
            raise dg.Failure(
                f"run {context.dagster_run.run_id} ended as a success, but did not make: {', '.join(missing)}"
            )

    return completeness
