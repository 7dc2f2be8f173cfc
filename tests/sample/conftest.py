from __future__ import annotations

from pathlib import Path

import pytest

from sample import generate


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample at a tenth of its usual size; read only."""
    out = tmp_path_factory.mktemp("sample") / "tenth"
    generate(out, 0.1, 7)
    return out
