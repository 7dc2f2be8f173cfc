from __future__ import annotations

import pytest

from tests.alignment.alignment_build import UNDER_TEST
from tests.compiled_models import CompiledFunnel, CompiledModels


@pytest.fixture(scope="session")
def compiled_alignment(compiled_models: CompiledModels) -> CompiledFunnel:
    """The SQL of the alignment bridge."""
    return compiled_models.these(UNDER_TEST)
