"""A company whose files are delivered to the main job in whatever portions a test wants."""

import logging
import re
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

import duckdb

from orchestration.publishing import fingerprints
from tests.conftest import run_main_job

logger = logging.getLogger(__name__)


class DeliveringCompany:
    """Folders of extracts and of the warehouse; the files come from a generated sample."""

    def __init__(self, folder: Path, sample: Path):
        self.sample = sample
        self.extracts = folder / "extracts"
        self.warehouse = folder / "warehouse"
        self.published = self.warehouse / "concord.duckdb"
        self.extracts.mkdir(parents=True, exist_ok=True)
        self.corrections = 0

    def files(self) -> list[Path]:
        """Every file of the sample, as a path inside the folder of extracts."""
        return sorted(path.relative_to(self.sample) for path in self.sample.glob("*/*/*"))

    def deliver(self, files: Iterable[Path]) -> None:
        for file in files:
            (self.extracts / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.sample / file, self.extracts / file)

    def correct(self, extract: str, query: str) -> None:
        """Deliver rows made from an extract's first delivery, `history`; another's by the name of its folder.

        An extract that the sample does not have begins with them.
        """
        self.corrections += 1
        with duckdb.connect() as connection:
            named = set(re.findall(r"'([a-z_]+/[a-z_]+)'", query))
            for folder in sorted(named | {extract} if "from history" in query else named):
                (file,) = (path for path in (self.sample / folder).iterdir() if is_history(path))
                reader = f"read_csv('{file}', all_varchar = true)" if ".csv" in file.name else f"'{file}'"
                connection.execute(f'create view "{folder}" as select * from {reader}')
            query = re.sub(r"'([a-z_]+/[a-z_]+)'", r'"\1"', query).replace("from history", f'from "{extract}"')
            # The greatest name of all, which decides where a system gives no time of modification.
            target = self.extracts / extract / f"zz_correction_{self.corrections:02}.parquet"
            target.parent.mkdir(parents=True, exist_ok=True)
            connection.execute(f"copy ({query}) to '{target}' (format parquet)")
            ((rows,),) = connection.execute(f"select count(*) from '{target}'").fetchall()
        assert rows, f"no row of {extract} is corrected: nothing is shown"

    def was_built_anew(self) -> bool:
        """Whether the newest build was made anew rather than added to the one before."""
        with duckdb.connect(str(self.published), read_only=True) as connection:
            return connection.execute(
                "select is_full_refresh from audit.builds order by build_number desc limit 1"
            ).fetchall() == [(True,)]

    def copied_to(self, folder: Path) -> "DeliveringCompany":
        """The same company as it stands now, in folders of its own."""
        shutil.copytree(self.extracts.parent, folder, symlinks=True, dirs_exist_ok=True)
        other = DeliveringCompany(folder, self.sample)
        other.corrections = self.corrections
        return other

    def run(self, **environment):
        began = time.monotonic()
        process = run_main_job(CONCORD_EXTRACTS=self.extracts, CONCORD_WAREHOUSE=self.warehouse, **environment)
        files = sum(1 for _ in self.extracts.glob("*/*/*"))
        logger.info(
            "main job over %d files ended with %d in %.0f s", files, process.returncode, time.monotonic() - began
        )
        return process

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
    of_deliveries = ("audit.", "alignment.fct_contract_checks", "alignment.rpt_contract_scorecard")
    found = {name: value for name, value in fingerprints(published).items() if not name.startswith(of_deliveries)}
    assert {"core", "funnel", "metrics"} <= {name.split(".")[0] for name in found}
    return found


def differing(one: dict[str, str], other: dict[str, str]) -> dict[str, tuple]:
    """The tables that are not the same, with what they hold on both sides."""
    return {
        name: (one.get(name), other.get(name))
        for name in sorted(one.keys() | other.keys())
        if one.get(name) != other.get(name)
    }
