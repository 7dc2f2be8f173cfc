"""Plain helpers around dbt: parse only what changed, one environment for every process, figures of a run."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from orchestration.agreed_definitions import Definitions
from orchestration.build_context import hash_files
from orchestration.settings import Settings

_PROJECT = ("dbt_project.yml", "profiles.yml", "models", "macros", "tests/dbt")


class DbtError(Exception):
    """dbt could not parse or build; the message holds dbt's own words."""


@dataclass(frozen=True)
class DbtProjectState:
    """A parsed project: where its manifest lies and the environment that any dbt process on it needs."""

    target: Path
    environment: Mapping[str, str]
    was_parsed: bool

    @property
    def manifest_path(self) -> Path:
        """The manifest."""
        return self.target / "manifest.json"

    def manifest(self) -> dict[str, Any]:
        """The manifest, read."""
        return json.loads(self.manifest_path.read_bytes())


def dbt_executable() -> str:
    """Dbt of this very environment, never another one on the path."""
    return str(Path(sys.executable).parent / "dbt")


def dbt_of_this_run(target: Path) -> str:
    """An executable that is dbt and ends with this process, laid into dbt's target folder."""
    launcher = target / "dbt"
    interpreter = shlex.quote(sys.executable)
    launcher.write_text(f'#!/bin/sh\nexec {interpreter} -m orchestration.dbt_process {os.getpid()} "$@"\n')
    launcher.chmod(0o755)
    return str(launcher)


def prepare_project(settings: Settings, definitions: Definitions) -> DbtProjectState:
    """Parse the project, unless an equal one was parsed already.

    The target folder is one per warehouse, so that builds of two warehouses never meet in it.

    Raises:
        DbtError: the project does not parse.
    """
    warehouse = hashlib.sha256(str(settings.build_file).encode()).hexdigest()[:12]
    target = settings.scratch / "dbt" / warehouse
    environment = {
        "CONCORD_BUILD_FILE": str(settings.build_file),
        # Relative: with an absolute seed path dbt writes into the folder it reads.
        "CONCORD_SEED_PATH": definitions.folder.relative_to(settings.project).as_posix(),
        "CONCORD_TARGET": settings.target,
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(target),
        # Every statement of a run is 12 MB of log; the SQL itself lies compiled in the target folder.
        "DBT_LOG_LEVEL_FILE": "info",
        "DBT_LOG_FORMAT_FILE": "text",
        "DBT_PROFILES_DIR": str(settings.project),
        "DBT_PROJECT_DIR": str(settings.project),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }
    state = hashlib.sha256(
        json.dumps(
            [
                hash_files(settings.project, _PROJECT),
                environment,
                version("dbt-core"),
                version("dbt-duckdb"),
            ]
        ).encode()
    ).hexdigest()
    stamp = target / "parsed"
    project = DbtProjectState(target, environment, was_parsed=False)
    if project.manifest_path.exists() and stamp.exists() and stamp.read_text() == state:
        return project
    stamp.unlink(missing_ok=True)
    target.mkdir(parents=True, exist_ok=True)
    # A manifest of other seeds is of no use to the partial parser, which looks at files by their path.
    process = subprocess.run(
        [dbt_executable(), "--quiet", "--no-use-colors", "parse"],
        cwd=settings.project,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if process.returncode != 0:
        raise DbtError(f"dbt cannot parse the project:\n{process.stdout.strip()[-4000:]}")
    stamp.write_text(state)
    return DbtProjectState(target, environment, was_parsed=True)


def project_variable(project: Path, name: str, default: Any) -> Any:
    """A variable of dbt_project.yml."""
    document = yaml.safe_load((project / "dbt_project.yml").read_text(encoding="utf-8"))
    return document.get("vars", {}).get(name, default)


@dataclass(frozen=True)
class NodeFailure:
    """One node that failed, or a test that warned, in dbt's words."""

    unique_id: str
    status: str
    message: str

    @property
    def name(self) -> str:
        """The node's own name."""
        return self.unique_id.split(".")[2]


def node_failures(target: Path, statuses: frozenset[str] = frozenset({"error", "fail"})) -> tuple[NodeFailure, ...]:
    """Nodes of the last dbt run that ended in one of the statuses, in the order they ended."""
    path = target / "run_results.json"
    if not path.exists():
        return ()
    results = json.loads(path.read_bytes())["results"]
    return tuple(
        NodeFailure(result["unique_id"], result["status"], " ".join((result["message"] or "").split()))
        for result in results
        if result["status"] in statuses
    )
