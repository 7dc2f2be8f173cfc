from __future__ import annotations

import pytest

from tests.funnel.funnel_build import CompiledFunnel, compile_funnel


@pytest.fixture(scope="session")
def compiled_funnel(tmp_path_factory: pytest.TempPathFactory) -> CompiledFunnel:
    """The funnel's SQL, compiled once for all tests."""
    return compile_funnel(tmp_path_factory.mktemp("funnel"))
