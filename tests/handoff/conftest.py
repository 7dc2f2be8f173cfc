from __future__ import annotations

import pytest

from tests.compiled_models import CompiledFunnel, CompiledModels
from tests.handoff.handoff_build import UNDER_TEST


@pytest.fixture(scope="session")
def compiled_handoffs(compiled_models: CompiledModels) -> CompiledFunnel:
    """The SQL of the hand-off."""
    return compiled_models.these(UNDER_TEST)
