"""The same files give the same marts, row for row, in whatever portions and order they are delivered."""

import os
import random
import signal
import subprocess
import sys

import pytest

from orchestration.settings import PROJECT_ROOT
from sample import generate, next_day
from tests.whole.company import DeliveringCompany, day_of, differing, is_history, marts

SMALL = 0.02


@pytest.mark.slow
def test_history_first_and_then_the_days_give_the_marts_of_all_at_once(demo, tmp_path):
    company = DeliveringCompany(tmp_path, demo.extracts)
    files = company.files()
    later = [file for file in files if not is_history(file)]
    assert len(later) > 50
    company.deliver(file for file in files if is_history(file))
    company.build()
    first = marts(company.published)
    company.deliver(later)
    assert "Loaded      nothing" not in company.build()
    assert differing(marts(company.published), marts(demo.settings.published)) == {}
    assert len(differing(marts(company.published), first)) > 10, "the later files changed nothing: nothing is shown"


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """A sample with one day delivered after its first data."""
    out = tmp_path_factory.mktemp("small") / "sample"
    generate(out, SMALL, 7)
    next_day(out)
    return out / "extracts"


@pytest.fixture(scope="module")
def together(sample, tmp_path_factory):
    """The marts of one run over all files."""
    company = DeliveringCompany(tmp_path_factory.mktemp("together"), sample)
    company.deliver(company.files())
    company.build()
    return marts(company.published)


@pytest.mark.slow
@pytest.mark.matrix
def test_day_by_day(sample, together, tmp_path):
    company = DeliveringCompany(tmp_path, sample)
    days = sorted({day_of(file) for file in company.files()})
    assert len(days) == 8, "the first delivery, six days and the next one"
    for day in days:
        company.deliver(file for file in company.files() if day_of(file) == day)
        company.build()
    assert differing(marts(company.published), together) == {}


@pytest.mark.slow
@pytest.mark.matrix
@pytest.mark.parametrize("seed", [1, 2])
def test_shuffled(sample, together, tmp_path, seed):
    """Days may come before the history that they change; each portion has some files of every kind."""
    company = DeliveringCompany(tmp_path, sample)
    files = company.files()
    random.Random(seed).shuffle(files)
    for portion in range(3):
        company.deliver(files[portion::3])
        # Half of the required extracts may be lacking at first: then nothing is published, which is right.
        process = company.run()
        assert process.returncode == 0 or "required" in process.stdout, process.stdout
    assert process.returncode == 0, process.stdout
    assert differing(marts(company.published), together) == {}


@pytest.mark.slow
@pytest.mark.matrix
@pytest.mark.parametrize(
    ("moment", "kill"),
    [
        ("new file", os.killpg),
        ("Building the models: ", os.killpg),
        # dbt is not killed with it: it has to end by itself, or it would hold the build file.
        pytest.param("Building the models: ", os.kill, id="Building the models, without its dbt"),
        ("Auditing the new warehouse", os.killpg),
    ],
)
def test_a_run_killed_in_the_middle_changes_nothing_and_the_next_one_makes_up_for_it(
    sample, together, tmp_path, moment, kill
):
    company = DeliveringCompany(tmp_path, sample)
    company.deliver(file for file in company.files() if is_history(file))
    company.build()
    before = company.published.readlink(), company.published.read_bytes()
    company.deliver(company.files())
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CONCORD_", "DBT_"))}
    with subprocess.Popen(
        [sys.executable, "-m", "orchestration", "run"],
        cwd=PROJECT_ROOT,
        env={**environment, "CONCORD_EXTRACTS": company.extracts, "CONCORD_WAREHOUSE": company.warehouse},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        for line in process.stdout:
            if moment in line:
                kill(process.pid, signal.SIGKILL)
                break
        else:
            pytest.fail(f"the run ended without ever saying {moment!r}")
    assert process.returncode == -signal.SIGKILL
    assert (company.published.readlink(), company.published.read_bytes()) == before
    company.build()
    assert differing(marts(company.published), together) == {}
