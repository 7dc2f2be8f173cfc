"""A company whose files are delivered to the main job in whatever portions a test wants."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from orchestration.publishing import fingerprints
from tests.conftest import run_main_job


class DeliveringCompany:
    """Folders of extracts and of the warehouse; the files come from a generated sample."""

    def __init__(self, folder: Path, sample: Path):
        self.sample = sample
        self.extracts = folder / "extracts"
        self.warehouse = folder / "warehouse"
        self.published = self.warehouse / "concord.duckdb"
        self.extracts.mkdir(parents=True)

    def files(self) -> list[Path]:
        """Every file of the sample, as a path inside the folder of extracts."""
        return sorted(path.relative_to(self.sample) for path in self.sample.glob("*/*/*"))

    def deliver(self, files: Iterable[Path]) -> None:
        for file in files:
            (self.extracts / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.sample / file, self.extracts / file)

    def run(self, **environment):
        return run_main_job(CONCORD_EXTRACTS=self.extracts, CONCORD_WAREHOUSE=self.warehouse, **environment)

    def build(self) -> str:
        """Run the main job, which has to succeed; returns what it said."""
        process = self.run()
        assert process.returncode == 0, process.stdout
        return process.stdout


def is_history(file: Path) -> bool:
    """Whether it is a file of the first delivery, all there was until then."""
    return file.name.split(".")[0].endswith("_history")


def day_of(file: Path) -> str:
    """The day of the delivery; what bears no day came with the first one."""
    digits = [part for part in file.name.replace(".", "_").split("_") if part.startswith("2026-")]
    return digits[0] if digits else ""


def marts(published: Path) -> dict[str, str]:
    """A hash over the rows of every published table, but for those that tell how the files came in."""
    found = {name: value for name, value in fingerprints(published).items() if not name.startswith("audit.")}
    assert {"core", "funnel", "metrics"} <= {name.split(".")[0] for name in found}
    return found


def differing(one: dict[str, str], other: dict[str, str]) -> dict[str, tuple]:
    """The tables that are not the same, with what they hold on both sides."""
    return {
        name: (one.get(name), other.get(name))
        for name in sorted(one.keys() | other.keys())
        if one.get(name) != other.get(name)
    }
