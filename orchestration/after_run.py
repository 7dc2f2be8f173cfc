"""What a run made, against what it should have made: a skipped step can leave a run reported as a success."""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

_DONE = {dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_CHECK_EVALUATION}
_PLANNED = {dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED, dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED}


def missing_events(events: Iterable[dg.DagsterEvent]) -> list[str]:
    """Assets and checks that were planned in these events of one run and did not come, by name."""
    planned: set[str] = set()
    done: set[str] = set()
    for event in events:
        if event.event_type in _DONE:
            done.add(_name(event))
        elif event.event_type in _PLANNED:
            planned.add(_name(event))
    return sorted(planned - done)


def not_done(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[str]:
    """Assets and checks that the run should have made and did not, by name."""
    logged = instance.all_logs(run.run_id, of_type=_DONE | _PLANNED)
    return missing_events(entry.dagster_event for entry in logged if entry.dagster_event is not None)


def _name(event: dg.DagsterEvent) -> str:
    if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        check = event.asset_check_evaluation_data
        return f"{check.asset_key.to_user_string()}:{check.check_name}"
    if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
        check = event.asset_check_planned_data
        return f"{check.asset_key.to_user_string()}:{check.check_name}"
    key = event.asset_key
    return key.to_user_string() if key else ""
