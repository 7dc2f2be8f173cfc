from __future__ import annotations

import pytest

from tests.alignment.alignment_build import compile_alignment
from tests.funnel.funnel_build import CompiledFunnel


@pytest.fixture(scope="session")
def compiled_alignment(tmp_path_factory: pytest.TempPathFactory) -> CompiledFunnel:
    """The SQL of the alignment bridge, compiled once for all tests."""
    return compile_alignment(tmp_path_factory.mktemp("alignment"))
