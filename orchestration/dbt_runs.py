"""Plain helpers around dbt: parse only what changed, one environment for every process, figures of a run."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from orchestration.agreed_definitions import Definitions
from orchestration.build_context import hash_files
from orchestration.dbt_process import SEED_PATH
from orchestration.settings import Settings

_PARSED, _KEPT_PARSED, _DAY = "parsed-", 4, 86_400.0
_PROJECT = ("dbt_project.yml", "profiles.yml", "models", "macros", "tests/dbt")


class DbtError(Exception):
    """dbt could not parse or build; the message holds dbt's own words."""


@dataclass(frozen=True)
class DbtProjectState:
    """A parsed project.

    Attributes:
        parsed: Folder of what dbt made of the project: its manifest and that of the semantic layer. Equal projects
            share it, whatever agreed tables they read and whatever warehouse they build.
        target: Folder in which dbt writes what it did in this warehouse; one per warehouse, so that builds of two
            warehouses never meet in it.
        environment: What any dbt process on this warehouse needs.
        was_parsed: Whether it was parsed now.
    """

    parsed: Path
    target: Path
    environment: Mapping[str, str]
    was_parsed: bool

    @property
    def manifest_path(self) -> Path:
        """The manifest."""
        return self.parsed / "manifest.json"

    @property
    def semantic_manifest_path(self) -> Path:
        """The manifest of the semantic layer."""
        return self.parsed / "semantic_manifest.json"

    def manifest(self) -> dict[str, Any]:
        """The manifest, read."""
        return json.loads(self.manifest_path.read_bytes())


def dbt_executable() -> str:
    """Dbt of this very environment, never another one on the path."""
    return str(Path(sys.executable).parent / "dbt")


def dbt_of_this_run(project: DbtProjectState) -> str:
    """An executable that is dbt on the parsed project and ends with this process, laid into dbt's target folder."""
    project.target.mkdir(parents=True, exist_ok=True)
    launcher = project.target / "dbt"
    process = [sys.executable, "-m", "orchestration.dbt_process", str(os.getpid()), str(project.parsed)]
    launcher.write_text(f'#!/bin/sh\nexec {shlex.join(process)} "$@"\n')
    launcher.chmod(0o755)
    return str(launcher)


def prepare_project(settings: Settings, definitions: Definitions) -> DbtProjectState:
    """Parse the project, unless an equal one was parsed already, for whatever warehouse.

    Raises:
        DbtError: the project does not parse.
    """
    warehouse = hashlib.sha256(str(settings.build_file).encode()).hexdigest()[:12]
    scratch = settings.scratch / "dbt"
    environment = {
        "CONCORD_TARGET": settings.target,
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
                _described_tables(definitions.folder),
                environment,
                version("dbt-core"),
                version("dbt-duckdb"),
            ]
        ).encode()
    ).hexdigest()
    # Relative: with an absolute seed path dbt writes into the folder it reads.
    environment |= {SEED_PATH: definitions.folder.relative_to(settings.project).as_posix()}
    parsed = scratch / f"{_PARSED}{state[:16]}"
    was_parsed = not parsed.is_dir()
    if was_parsed:
        scratch.mkdir(parents=True, exist_ok=True)
        # The file that is named here only gives the database its name; nothing is opened.
        _parse(settings.project, environment, parsed, settings.build_file.name)
    parsed.touch()
    _sweep_parsed(scratch)
    target = scratch / warehouse
    return DbtProjectState(parsed, target, environment | _places(target, settings.build_file), was_parsed)


def _described_tables(folder: Path) -> str:
    """A hash of all that dbt's parser sees of the agreed tables: their names and their YAML, but not their rows."""
    described = sorted(path.name for path in folder.iterdir() if path.suffix != ".csv")
    names = sorted(path.name for path in folder.glob("*.csv"))
    return hash_files(folder, described) + hashlib.sha256("\0".join(names).encode()).hexdigest()


def _places(target: Path, build_file: Path) -> dict[str, str]:
    return {"CONCORD_BUILD_FILE": str(build_file), "DBT_TARGET_PATH": str(target), "DBT_LOG_PATH": str(target)}


def _parse(project: Path, environment: Mapping[str, str], parsed: Path, database: str) -> None:
    """Parse into a folder that is whole or absent."""
    draft = Path(tempfile.mkdtemp(prefix=".parsing-", dir=parsed.parent))
    try:
        process = subprocess.run(
            [dbt_executable(), "--quiet", "--no-use-colors", "parse"],
            cwd=project,
            env={**os.environ, **environment, **_places(draft, draft / database)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if process.returncode != 0:
            raise DbtError(f"dbt cannot parse the project:\n{process.stdout.strip()[-4000:]}")
        draft.chmod(0o755)
        try:
            draft.rename(parsed)
        except OSError:
            if not parsed.is_dir():  # else another run was faster, with the same project
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _sweep_parsed(scratch: Path) -> None:
    """Remove what was parsed long ago and not used since; another run may just be using what is younger."""
    folders = sorted(scratch.glob(f"{_PARSED}*"), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in folders[_KEPT_PARSED:]:
        if time.time() - folder.stat().st_mtime > _DAY:
            shutil.rmtree(folder, ignore_errors=True)


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


def _in_words(message: str) -> str:
    """A node's message on one line; of a Python model that raised only what it said, its traceback is in dbt.log."""
    if "Traceback (most recent call last)" in message:
        message = message.strip().splitlines()[-1]
    return " ".join(message.split())


def node_failures(target: Path, statuses: frozenset[str] = frozenset({"error", "fail"})) -> tuple[NodeFailure, ...]:
    """Nodes of the last dbt run that ended in one of the statuses, in the order they ended."""
    path = target / "run_results.json"
    if not path.exists():
        return ()
    results = json.loads(path.read_bytes())["results"]
    return tuple(
        NodeFailure(result["unique_id"], result["status"], _in_words(result["message"] or ""))
        for result in results
        if result["status"] in statuses
    )
