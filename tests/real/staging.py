"""Build the staging of landed files, with its tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from orchestration.landing import LandingReport
from tests.dbt_on import TestBuild


def staging_built(landed: Path, report: LandingReport, folder: Path, models: Iterable[str]) -> TestBuild:
    """Build models and all that they read, with their tests, on a copy of a landed build file."""
    build = TestBuild(folder)
    shutil.copyfile(landed, build.file)
    build.begin(report.as_of)
    # A test that also reads models which are not built here has nothing to say.
    build.dbt(
        *("--quiet", "build", "--exclude-resource-type", "unit_test", "--indirect-selection", "buildable"),
        *("--select", *(f"+{model}" for model in models)),
    )
    return build
