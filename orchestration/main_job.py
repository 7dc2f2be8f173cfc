"""One run of the main job in this process, through Dagster, and what there is to say about it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field

import dagster as dg
from dagster._utils.error import SerializableErrorInfo

from orchestration import lean_dagster
from orchestration.after_run import not_done
from orchestration.automation import JOB_NAME
from orchestration.dbt_runs import NodeFailure, node_failures
from orchestration.definitions import make_definitions
from orchestration.history import EVENTS_AT_ONCE, prepare_history
from orchestration.preparation import MainJob, Progress, prepare
from orchestration.settings import Settings


@dataclass
class Outcome:
    """How a run ended.

    Attributes:
        errors: Why it failed, in words; none where all that was asked for was done.
        missing: Assets and checks that should have been made and were not, though no step failed.
        run: What the steps found, as far as they came.
        warnings: dbt tests that warn.
    """

    errors: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    run: MainJob | None = None
    warnings: tuple[NodeFailure, ...] = ()
    seconds: float = 0.0

    @property
    def is_success(self) -> bool:
        """Whether everything that was asked for happened."""
        return not self.errors and not self.missing


def run_main_job(settings: Settings, progress: Progress = lambda line: None) -> Outcome:
    """Run the main job, from extracts to the published warehouse.

    Raises:
        Exception: whatever makes it impossible to begin: settings, definitions, contracts, a project that does not
            parse. Errors of steps are in the outcome.
    """
    began = time.monotonic()
    prepare_history(settings.dagster_home)
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", EVENTS_AT_ONCE)
    lean_dagster.make_lean()
    prepared = prepare(settings, progress)
    runs: list[MainJob] = []
    definitions = make_definitions(prepared, progress, runs)
    outcome = Outcome()
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        job = definitions.resolve_job_def(JOB_NAME)
        result = job.execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            tags={"concord/process": str(os.getpid()), "concord/warehouse": str(settings.warehouse)},
        )
        for event in result.all_events:
            if event.event_type == dg.DagsterEventType.STEP_FAILURE:
                outcome.errors.append(root_message(event.step_failure_data.error))
            elif event.event_type == dg.DagsterEventType.RUN_FAILURE and event.job_failure_data.error:
                outcome.errors.append(root_message(event.job_failure_data.error))
        outcome.run = runs[-1] if runs else None
        outcome.errors = list(dict.fromkeys(outcome.errors))
        blocked = blocked_message(outcome.run)
        if blocked is not None and not result.success:
            # Dagster only counts the checks that failed; nothing below them ran.
            outcome.errors = [blocked]
        if not outcome.errors:
            outcome.missing = not_done(instance, result.dagster_run)
            if not result.success:
                outcome.errors.append("the run failed; see Dagster's run log")
    if outcome.run is not None and outcome.run.build is not None:  # else what lies there is of another run
        outcome.warnings = node_failures(prepared.project.target, frozenset({"warn"}))
    outcome.seconds = time.monotonic() - began
    return outcome


def root_message(error: SerializableErrorInfo | None) -> str:
    """The words of the error that began it all, without Dagster's around them."""
    if error is None:
        return "a step failed without a message"
    while error.cause is not None:
        error = error.cause
    name, _, message = error.message.strip().partition(": ")
    return message or name


def blocked_message(run: MainJob | None) -> str | None:
    """Why nothing was published, where a contract forbids it."""
    if run is None or run.landing is None or not run.landing.blocking_rules:
        return None
    return "\n".join(
        ["not published, because a contract that both teams signed forbids it:"]
        + [f"  {rule.message}" for rule in run.landing.blocking_rules]
    )
