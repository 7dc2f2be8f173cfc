from __future__ import annotations

import pytest

from tests.compiled_models import CompiledFunnel, CompiledModels
from tests.revenue.revenue_build import UNDER_TEST


@pytest.fixture(scope="session")
def compiled_revenue(compiled_models: CompiledModels) -> CompiledFunnel:
    """The revenue models' SQL."""
    return compiled_models.these(UNDER_TEST)
