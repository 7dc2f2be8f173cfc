from __future__ import annotations

import pytest

from tests.funnel.funnel_build import CompiledFunnel
from tests.revenue.revenue_build import compile_revenue


@pytest.fixture(scope="session")
def compiled_revenue(tmp_path_factory: pytest.TempPathFactory) -> CompiledFunnel:
    """The revenue models' SQL, compiled once for all tests."""
    return compile_revenue(tmp_path_factory.mktemp("revenue"))
