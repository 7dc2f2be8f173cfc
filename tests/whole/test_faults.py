"""What must not be built on: the run says which contract, rule or agreement, and whose; what is published stays."""

import csv
import shutil
from pathlib import Path

import pytest

from orchestration.settings import PROJECT_ROOT
from tests.whole.company import DeliveringCompany, is_history

pytestmark = pytest.mark.slow


@pytest.fixture
def company(demo, tmp_path):
    """A company with a published warehouse, whose private build file is lost: everything is landed anew."""
    company = DeliveringCompany(tmp_path, demo.extracts)
    company.deliver(file for file in company.files() if is_history(file))
    company.warehouse.mkdir()
    builds = demo.settings.published.resolve()
    (company.warehouse / "builds").mkdir()
    shutil.copy(builds, company.warehouse / "builds")
    company.published.symlink_to(Path("builds") / builds.name)
    return company


def deliver_no_rate(company: DeliveringCompany, currency: str) -> None:
    (file,) = (company.extracts / "finance/fx_rates").iterdir()
    with file.open(newline="") as rates:
        header, *rows = csv.reader(rates)
    left = [row for row in rows if row[header.index("currency")] != currency]
    assert 0 < len(left) < len(rows)
    with file.open("w", newline="") as rates:
        csv.writer(rates).writerows([header, *left])


def without_required_extract(company):
    shutil.rmtree(company.extracts / "salesforce/lead")
    return {}


def without_rate(company):
    deliver_no_rate(company, "GBP")
    return {}


def with_a_changed_agreement(company):
    agreed = company.extracts.parent / "agreed"
    agreed.mkdir()
    for name in ("definition_versions.csv", "lead_rules.csv"):
        shutil.copy(PROJECT_ROOT / "seeds" / name, agreed)
    rules = (agreed / "lead_rules.csv").read_text().splitlines()
    (agreed / "lead_rules.csv").write_text("\n".join(rules[:-1]) + "\n")
    return {"CONCORD_DEFINITIONS": agreed}


def without_files(company):
    shutil.rmtree(company.extracts)
    company.extracts.mkdir()
    return {}


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        pytest.param(
            without_required_extract,
            1,
            [
                "a contract that both teams signed forbids it",
                "salesforce.lead",
                "rule required: Salesforce leads is required and was never delivered. Deliver it into salesforce/lead/",
                "sales_operations",
            ],
            id="missing required extract",
        ),
        pytest.param(
            without_rate,
            1,
            [
                "assert_every_amount_has_a_rate",
                "No exchange rate of GBP to USD from 2025-",
                "deliver finance/fx_rates valid from that first day (finance operations)",
                "dbt could not build what was asked for",
                "What was published before is unchanged",
            ],
            id="missing exchange rate",
        ),
        pytest.param(
            with_a_changed_agreement,
            2,
            [
                "version '1' is signed, but not with its present content",
                "agreed/lead_rules.csv; owner: marketing operations) changed",
            ],
            id="changed row under an old signature",
        ),
        pytest.param(
            without_files,
            1,
            ["no file in it", "Nothing was loaded, and the demo is never used instead"],
            id="empty folder of real extracts",
        ),
    ],
)
def test_the_run_fails_and_says_what_to_do(company, fault, code, words):
    environment = fault(company)
    before = company.published.readlink(), company.published.read_bytes()
    process = company.run(**environment)
    assert process.returncode == code, process.stdout
    assert [word for word in words if word not in process.stdout] == [], process.stdout
    assert "Traceback" not in process.stdout
    assert "DEMO" not in process.stdout
    assert (company.published.readlink(), company.published.read_bytes()) == before
