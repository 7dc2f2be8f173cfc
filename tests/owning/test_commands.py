"""The commands as people give them, on our own tables."""

import os

import pytest
from openpyxl import load_workbook

from orchestration.agreed_definitions import load_definitions
from orchestration.owning.__main__ import main
from orchestration.owning.joint_log import joint_log_findings
from orchestration.settings import Settings


@pytest.fixture
def given(tmp_path, monkeypatch):
    """Sets what make hands on, for a company whose folder is still empty."""
    for name in [name for name in os.environ if name.startswith("CONCORD_")]:
        monkeypatch.delenv(name)
    (tmp_path / "definitions").mkdir()
    monkeypatch.setenv("CONCORD_DEFINITIONS", str(tmp_path / "definitions"))

    def give(**values):
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return give


@pytest.mark.slow
def test_from_a_proposal_to_two_signatures_through_the_workbook(given, tmp_path, capsys):
    given(VERSION="2", NOTE="Shorter", EFFECTIVE="2026-10-01", FILE=str(tmp_path / "all.xlsx"))
    assert main(["propose"]) == 0
    assert "begun from version 1" in capsys.readouterr().out
    assert main(["export"]) == 0
    book = load_workbook(tmp_path / "all.xlsx")
    sheet = book["stages"]
    place = next(row[0].row for row in sheet.iter_rows(min_row=4) if (row[0].value, row[1].value) == ("2", "mql"))
    sheet.cell(place, 6).value = "45"
    book.save(tmp_path / "all.xlsx")
    assert main(["import"]) == 0
    assert "Changed     stages: 14 rows before, 14 now" in capsys.readouterr().out

    assert main(["sign", "TEAM=marketing", "BY=CMO"]) == 0
    assert main(["sign", "TEAM=sales", "BY=CRO"]) == 0
    capsys.readouterr()
    assert main(["check"]) == 0
    checked = capsys.readouterr().out.splitlines()
    assert [line.split(", content")[0] for line in checked if "version 2" in line] == [
        "version 2, in force from 2026-10-01: signed"
    ]

    sheet.cell(place, 6).value = "50"
    book.save(tmp_path / "all.xlsx")
    assert main(["import"]) == 1
    told = capsys.readouterr().err
    assert "sheet stages: " in told  # changed by the first import, since the workbook was made
    assert f"sheet stages row {place} (stage='mql'): window_days was '45', is '50'" in told
    assert "owner: " in told


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["sign", "TEAM=sales", "BY=CRO"], "VERSION= is missing: VERSION=… TEAM=… BY=… have to be given"),
        (["sign", "COLOUR=red"], "'COLOUR=red' is none of VERSION, TEAM"),
        (["propose", "VERSION=1"], "there is such a version already"),
        (["import", "FILE=/nowhere.xlsx"], "there is no such file"),
        (["burn"], "usage: python -m orchestration.owning init | check"),
    ],
)
def test_what_was_not_understood_is_said_and_nothing_is_done(given, tmp_path, capsys, command, message):
    assert main(command) != 0
    assert message in capsys.readouterr().err
    assert list((tmp_path / "definitions").iterdir()) == []


def test_an_entry_of_the_log_about_nothing_is_told_before_a_build(given, tmp_path, capsys):
    (tmp_path / "definitions" / "joint_log.csv").write_text(
        "log_id,logged_on,kind,subject,entry,owner_team,due_on,closed_on\n"
        "1,2026-06-12,note,the weather,It rained,sales,2026-06-01,\n"
    )
    assert main(["check"]) == 1
    told = capsys.readouterr().err
    assert "joint_log.csv, line 2, column subject: 'the weather' is no KPI" in told
    assert "joint_log.csv, line 2, column due_on: 2026-06-01 is before logged_on 2026-06-12" in told


def test_the_demo_company_has_notes_of_its_own_and_a_company_none_of_them(tmp_path):
    """The invented log is shown with the invented extracts alone, changes no signature, and a folder replaces it."""
    warehouse, given = tmp_path / "warehouse", tmp_path / "definitions"
    given.mkdir()
    demo = load_definitions(Settings(tmp_path / "extracts", warehouse, demo_scale=1.0))
    assert len(demo.tables["joint_log"].rows) > 5
    assert joint_log_findings(demo.tables) == []
    for settings in (
        Settings(tmp_path / "extracts", warehouse),
        Settings(tmp_path / "extracts", warehouse, given),
        Settings(tmp_path / "extracts", warehouse, given, demo_scale=1.0),
    ):
        company = load_definitions(settings)
        assert list(company.tables["joint_log"].rows) == []
        assert company.versions == demo.versions
        assert {name for name, table in demo.tables.items() if table.rows != company.tables[name].rows} == {"joint_log"}
