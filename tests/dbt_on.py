"""dbt on a build file of a test's own, as the main job starts it: the project is parsed once for all tests."""

import json
import os
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.agreed_definitions import load_definitions
from orchestration.dbt_runs import dbt_of_this_run, prepare_project
from orchestration.settings import PROJECT_ROOT, read_settings


class TestBuild:
    """A warehouse folder whose private build file a test fills and dbt builds.

    `definitions` is a folder of agreed tables that replace ours.
    """

    __test__ = False

    def __init__(self, folder: Path, definitions: Path | None = None) -> None:
        settings = {"CONCORD_WAREHOUSE": str(folder)}
        if definitions is not None:
            settings["CONCORD_DEFINITIONS"] = str(definitions)
        self._settings = read_settings(settings)
        self._project = prepare_project(self._settings, load_definitions(self._settings))
        self.file = self._settings.build_file
        self.file.parent.mkdir(parents=True, exist_ok=True)

    def begin(self, as_of: datetime | None) -> None:
        """Lay down the context of a build at a moment, which landing does not."""
        with duckdb.connect(str(self.file)) as connection:
            connection.execute("create schema if not exists audit")
            connection.execute(
                "create or replace table audit.build_context as select 'test' as build_id, 1::bigint as build_number,"
                " false as is_demo, ?::timestamp as as_of, null::timestamp as previous_as_of",
                [as_of],
            )

    def dbt(self, *arguments: str) -> list[dict[str, Any]]:
        """Run dbt, which has to succeed; returns its results, one a node."""
        launcher = dbt_of_this_run(self._project)
        done = subprocess.run(
            [launcher, "--no-use-colors", *arguments],
            cwd=PROJECT_ROOT,
            env={**os.environ, **self._project.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"dbt {' '.join(arguments)} failed:\n{done.stdout[-6000:]}"
        return json.loads((self._project.target / "run_results.json").read_bytes())["results"]

    def manifest(self) -> dict[str, Any]:
        """The manifest of the project."""
        return self._project.manifest()
