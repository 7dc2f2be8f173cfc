from __future__ import annotations

import pytest

from tests.compiled_models import CompiledFunnel, CompiledModels
from tests.funnel.funnel_build import UNDER_TEST


@pytest.fixture(scope="session")
def compiled_funnel(compiled_models: CompiledModels) -> CompiledFunnel:
    """The funnel's SQL."""
    return compiled_models.these(UNDER_TEST)
