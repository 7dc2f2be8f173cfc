"""The project's models as dbt compiles them, for benchmarks that run their SQL on invented inputs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.processes import BenchmarkError
from orchestration.settings import PROJECT_ROOT


def compile_models(folder: Path, models: Sequence[str], file_name: str) -> None:
    """Write the SQL of the models, as dbt compiles it for a build file of that name, into the folder.

    Raises:
        BenchmarkError: dbt could not compile them.
    """
    scratch = folder / "compiled"
    scratch.mkdir(parents=True, exist_ok=True)
    outcome = subprocess.run(
        [sys.executable, "-m", "dbt.cli.main", "--quiet", "compile", "--target-path", str(scratch),
         "--log-path", str(scratch), "--profiles-dir", str(PROJECT_ROOT), "--select", *models],
        cwd=PROJECT_ROOT,
        env={**os.environ, "CONCORD_BUILD_FILE": str(scratch / file_name), "CONCORD_TARGET": "duckdb"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if outcome.returncode:
        raise BenchmarkError(f"dbt could not compile the models:\n{outcome.stdout[-3000:]}{outcome.stderr[-3000:]}")
    nodes = json.loads((scratch / "manifest.json").read_text())["nodes"].values()
    compiled = {node["name"]: node["compiled_code"] for node in nodes if node["name"] in models}
    (folder / "compiled.json").write_text(json.dumps(compiled))


def read_compiled(folder: Path) -> dict[str, str]:
    """The SQL by model, as `compile_models` wrote it."""
    return dict(json.loads((folder / "compiled.json").read_text()))
