"""From delivered files to raw tables: stage once, judge, and account for every row. Imports no Dagster."""

from orchestration.landing.land import land
from orchestration.landing.report import (
    BrokenRule,
    ExtractReport,
    ExtractsError,
    LandingError,
    LandingReport,
    LoadReport,
)

__all__ = [
    "BrokenRule",
    "ExtractReport",
    "ExtractsError",
    "LandingError",
    "LandingReport",
    "LoadReport",
    "land",
]
