from __future__ import annotations

import pytest

from tests.funnel.funnel_build import CompiledFunnel, compile_funnel
from tests.handoff.handoff_build import UNDER_TEST


@pytest.fixture(scope="session")
def compiled_handoffs(tmp_path_factory: pytest.TempPathFactory) -> CompiledFunnel:
    """The SQL of the hand-off, compiled once for all tests."""
    return compile_funnel(tmp_path_factory.mktemp("handoff"), UNDER_TEST)
