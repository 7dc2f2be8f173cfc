"""`python -m orchestration run` runs the main job; `… dev` opens Dagster's web UI on this machine.

`… replay VERSION` runs a definition version over the whole history; `… explain METRIC MONTH` prints the passport of a
figure.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

USAGE = "usage: python -m orchestration run | dev | replay VERSION | explain METRIC MONTH"
PORT = "3000"


def main(arguments: Sequence[str]) -> int:
    """Run a command; 0 where all that was asked for happened."""
    if len(arguments) == 2 and arguments[0] == "replay":
        return replay_version(arguments[1], sys.stdout)
    if len(arguments) == 3 and arguments[0] == "explain":
        return explain_figure(arguments[1], arguments[2], sys.stdout)
    if list(arguments) not in (["run"], ["dev"]):
        print(USAGE, file=sys.stderr)
        return 2
    return run(sys.stdout) if arguments[0] == "run" else dev()


def run(out: TextIO) -> int:
    """Run the main job once, with progress and a summary."""
    from orchestration.settings import SettingsError, read_settings

    began = time.monotonic()

    def progress(line: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {line}", file=out, flush=True)

    try:
        settings = read_settings(os.environ)
    except SettingsError as error:
        print(f"Concord cannot start: {error}", file=sys.stderr)
        return 2
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    progress("Concord starts" + (": no CONCORD_EXTRACTS, so with the DEMO" if settings.is_demo else ""))
    from expectations.contract import ContractError
    from orchestration.agreed_definitions import DefinitionsError
    from orchestration.build_context import BuildError
    from orchestration.dbt_runs import DbtError
    from orchestration.main_job import run_main_job
    from orchestration.summary import summary

    try:
        outcome = run_main_job(settings, progress)
    except (BuildError, ContractError, DbtError, DefinitionsError) as error:
        print(f"Concord cannot start: {error}", file=sys.stderr)
        return 2
    print("\n" + summary(outcome), file=out, flush=True)
    return 0 if outcome.is_success else 1


def replay_version(version: str, out: TextIO) -> int:
    """Replay a definition version over the whole history, and publish what came of it."""
    from orchestration.settings import SettingsError, read_settings

    began = time.monotonic()

    def progress(line: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {line}", file=out, flush=True)

    if not version.strip():
        print("which version? make replay VERSION=…; `schedule` replays the schedule in force", file=sys.stderr)
        return 2
    from expectations.contract import ContractError
    from orchestration.agreed_definitions import DefinitionsError
    from orchestration.build_context import BuildError
    from orchestration.dbt_runs import DbtError
    from orchestration.preparation import prepare
    from orchestration.publishing import AuditError, PublishError
    from orchestration.publishing.postgres import PostgresError
    from orchestration.replay import ReplayError, describe, replay
    from orchestration.writer_lock import WriterLockedError

    try:
        prepared = prepare(read_settings(os.environ), progress)
        result, _ = replay(prepared, version.strip(), progress)
    except (BuildError, ContractError, DefinitionsError, ReplayError, SettingsError, WriterLockedError) as error:
        print(f"Concord cannot replay: {error}", file=sys.stderr)
        return 2
    except DbtError as error:
        print(f"The replay failed, and what is published stays as it is: {error}", file=sys.stderr)
        return 1
    except (AuditError, PostgresError, PublishError) as error:
        print(f"The replay was made and is kept, but not published everywhere: {error}", file=sys.stderr)
        return 1
    print("\n" + "\n".join(describe(result)), file=out, flush=True)
    return 0


def explain_figure(metric: str, month: str, out: TextIO) -> int:
    """Print the passport of a figure; 1 where plain SQL does not give the same."""
    from expectations.contract import ContractError
    from orchestration.agreed_definitions import DefinitionsError
    from orchestration.build_context import BuildError
    from orchestration.dbt_runs import DbtError
    from orchestration.explain import ExplainError, explain
    from orchestration.preparation import prepare
    from orchestration.settings import SettingsError, read_settings

    if not metric.strip() or not month.strip():
        print("which figure? make explain METRIC=mqls MONTH=2026-03", file=sys.stderr)
        return 2
    try:
        explanation = explain(prepare(read_settings(os.environ)), metric.strip(), month)
    except (BuildError, ContractError, DbtError, DefinitionsError, ExplainError, SettingsError) as error:
        print(f"Concord cannot explain: {error}", file=sys.stderr)
        return 2
    print("\n".join(explanation.lines), file=out, flush=True)
    return 0 if explanation.is_tied else 1


def dev() -> int:
    """Replace this process by Dagster's web UI and daemon, on loopback only."""
    from orchestration.history import prepare_history
    from orchestration.settings import SettingsError, read_settings

    try:
        settings = read_settings(os.environ)
    except SettingsError as error:
        print(f"Concord cannot start: {error}", file=sys.stderr)
        return 2
    prepare_history(settings.dagster_home)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    # Dagster's own processes load our run history by name.
    os.environ["PYTHONPATH"] = os.pathsep.join(
        part for part in (str(settings.project), os.environ.get("PYTHONPATH")) if part
    )
    os.chdir(settings.project)
    dg = str(Path(sys.executable).parent / "dg")
    os.execv(dg, [dg, "dev", "--host", "127.0.0.1", "--port", os.environ.get("DAGSTER_PORT", PORT)])
    raise AssertionError("execv does not return")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
