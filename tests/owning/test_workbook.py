"""The workbook round trip: what nobody changed stays to the byte, every valid change survives, every fault is named."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from orchestration.agreed_definitions import DefinitionsError, read_specs
from orchestration.owning import folder as folder_module
from orchestration.owning.joint_log import joint_log_findings
from orchestration.owning.signing import Company, OwningError, propose, sign
from orchestration.owning.workbook import export, take_over
from orchestration.settings import PROJECT_ROOT
from tests.owning.conftest import VERSIONS, new_company

FIRST = 4  # row of the first record in each sheet


def content(company):
    return {path.name: path.read_bytes() for path in sorted(company.folder.iterdir())}


def rows(company, name):
    return [tuple(row.values()) for row in company.tables()[name].rows]


@contextmanager
def edited(company, target):
    """The exported workbook, to be changed as people do."""
    if not target.exists():
        export(company, target)
    book = load_workbook(target)
    yield book
    book.save(target)


def faults(company, book, checks=()):
    before = content(company)
    with pytest.raises(DefinitionsError) as error:
        take_over(company, book, checks)
    assert content(company) == before
    return str(error.value).splitlines()


def test_what_nobody_changed_comes_back_to_the_byte(company, tmp_path):
    before = content(company)
    assert export(company, tmp_path / "all.xlsx")["stages"] == 2
    done = take_over(company, tmp_path / "all.xlsx")
    assert (done.changed, done.kept, done.missing, done.warnings) == ({}, (), (), ())
    assert content(company) == before


@pytest.mark.slow
def test_our_own_tables_come_back_as_they_are(tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    for path in (PROJECT_ROOT / "seeds").glob("*.csv"):
        shutil.copyfile(path, own / path.name)
    company = Company(own, PROJECT_ROOT / "seeds")
    before = content(company)
    export(company, tmp_path / "all.xlsx")
    assert take_over(company, tmp_path / "all.xlsx", [joint_log_findings]).changed == {}
    assert content(company) == before


def test_the_workbook_explains_itself_and_guides_the_hand(company, tmp_path):
    propose(company, "2", note="=1+1")
    with edited(company, tmp_path / "all.xlsx") as book:
        assert book.sheetnames[0] == "Read me"
        assert set(book.sheetnames) >= set(read_specs(company.ours))
        assert [book[name].sheet_state for name in ("_lists", "_made_from")] == ["hidden", "hidden"]
        guide = {row[0].value: row[1].value for row in book["Read me"].iter_rows()}
        assert guide["stages"] == "One row per version and stage."
        stages = book["stages"]
        assert stages["C2"].value == "Who owns it from then on. (text)"
        assert [cell.value for cell in stages[3]] == [
            *("version", "stage", "owner_team", "window_days", "weight", "is_open")
        ]
        assert stages.freeze_panes == "A4"
        assert stages["C3"].comment.text == "Who owns it from then on. (text)"
        lists = {str(each.sqref).split(":")[0]: each.formula1 for each in stages.data_validations.dataValidation}
        assert set(lists) == {"C4", "F4"}
        sheet, _, cells = lists["C4"].lstrip("=").partition("!")
        assert [row[0].value for row in book[sheet][cells.replace("$", "")]] == ["marketing", "sales"]
        assert {str(e.sqref).split(":")[0] for e in book["mappings"].data_validations.dataValidation} == {"B4"}
        assert stages.protection.sheet
        assert not stages["B4"].protection.locked
        assert stages["B3"].protection.locked
        versions = book["definition_versions"]
        assert versions["C4"].protection.locked
        assert not versions["H5"].protection.locked
        # Neither when it is opened nor when somebody edits it is a text computed.
        assert (versions["H5"].value, versions["H5"].data_type, versions["H5"].quotePrefix) == ("=1+1", "s", True)
        assert {cell.data_type for row in stages.iter_rows(min_row=FIRST) for cell in row} <= {"s", "n"}
        assert not [cell for row in stages.iter_rows() for cell in row if isinstance(cell.value, int | float)]


def test_cells_are_taken_in_the_types_that_programs_give_them(company, tmp_path):
    with edited(company, tmp_path / "all.xlsx") as book:
        stages, channels = book["stages"], book["channels"]
        stages["D4"], stages["E4"], stages["F4"] = 45, 2.25, False
        stages["D5"] = 30.0
        channels["B4"], channels["C4"] = datetime(2026, 5, 1), time(8, 30)
        channels["B5"] = date(2026, 6, 1)
        channels["A6"], channels["B6"] = " events ", ""
    assert take_over(company, tmp_path / "all.xlsx").changed == {"channels": (2, 3), "stages": (2, 2)}
    assert rows(company, "stages") == [
        ("1", "lead", "marketing", "45", "2.25", "false"),
        ("1", "mql", "sales", "30", "", "false"),
    ]
    assert rows(company, "channels") == [
        ("paid", "2026-05-01", "08:30:00"),
        ("organic", "2026-06-01", ""),
        ("events", "", ""),
    ]


def test_every_fault_of_every_sheet_is_named_at_once(company, tmp_path):
    with edited(company, tmp_path / "all.xlsx") as book:
        stages = book["stages"]
        stages["A4"], stages["B4"], stages["C4"], stages["D4"] = None, "mql", "finance", "=1+1"
        stages["E4"], stages["F4"], stages["G5"] = "many", "perhaps", "beside"
        stages["A5"] = "9"
        stages["A6"], stages["B6"] = "1", "lead"
        stages["A7"], stages["B7"] = "1", "LEAD"
        stages["A8"], stages["B8"] = "1", "lead"
        book["channels"]["A5"], book["channels"]["B5"] = "PAID", "tomorrow"
        book["mappings"]["B4"] = "pad"
        book["definition_versions"]["B4"] = "2025-01-01T00:00:00+02:00"
        book.create_sheet("stages2")
    told = faults(company, tmp_path / "all.xlsx")
    expected = [
        ("sheet stages, row 4, column version:", "(rule not_null)"),
        ("sheet stages, row 4, column owner_team: 'finance' is not one of marketing, sales", "(rule accepted_values)"),
        ("sheet stages, row 4, column window_days: '=1+1' is a formula", "(rule value)"),
        ("sheet stages, row 4, column weight: 'many'", "(rule type decimal(9,2))"),
        ("sheet stages, row 4, column is_open: 'perhaps' is neither", "(rule type boolean)"),
        ("sheet stages, row 5, column G: 'beside' stands beside the table", "(rule columns)"),
        ("sheet stages, row 5, column version: '9' is not declared", "(rule version)"),
        ("sheet stages, row 8: version='1', stage='lead' is already on row 6", "(rule unique)"),
        ("sheet channels, row 5: channel='PAID' is already on row 4", "(rule unique)"),
        ("sheet channels, row 5, column since: 'tomorrow'", "(rule type date)"),
        ("sheet mappings, row 4, column channel: 'pad' is no channel of channels", "(rule relationships)"),
        ("sheet definition_versions, row 4, column effective_from:", "(rule type timestamp)"),
        ("sheet stages2: not an agreed table", "(rule sheets)"),
    ]
    for begins, ends in expected:
        assert [line for line in told if line.startswith(begins) and line.endswith(ends)], (begins, told)
    # And nothing else: the version without a name is no version, and `organic` is gone from the channels.
    assert len(told) == len(expected) + 1 + ("'organic' is no channel" in "".join(told))


def test_a_signed_row_cannot_be_changed_in_the_workbook(company, tmp_path):
    sign(company, "1", "marketing", "CMO")
    with edited(company, tmp_path / "all.xlsx") as book:
        book["stages"]["D5"] = "61"
    (told,) = faults(company, tmp_path / "all.xlsx")
    assert "sheet definition_versions, row 4: version '1' is signed" in told
    assert "sheet stages row 5 (stage='mql'): window_days was '60', is '61'" in told
    assert told.endswith("(rule signature)")


def test_work_of_others_in_the_folder_is_neither_lost_nor_hidden(company, tmp_path):
    with edited(company, tmp_path / "all.xlsx") as book:
        book["mappings"]["B4"] = "organic"
    others = "source,channel\nyahoo,organic\n"
    (company.folder / "mappings.csv").write_text(others)
    (told,) = faults(company, tmp_path / "all.xlsx")
    assert told.startswith("sheet mappings: ")
    assert "was changed since the workbook was made" in told
    with edited(company, tmp_path / "all.xlsx") as book:
        book["mappings"]["B4"] = "paid"
        book["stages"]["D5"] = "61"
    done = take_over(company, tmp_path / "all.xlsx")
    assert (done.changed, done.kept) == ({"stages": (2, 2)}, ("mappings",))
    assert (company.folder / "mappings.csv").read_text() == others


def test_sheets_and_rows_may_go_and_columns_may_not(company, tmp_path):
    with edited(company, tmp_path / "all.xlsx") as book:
        del book["channels"]
        book["stages"].delete_rows(FIRST)
        book["stages"].insert_rows(FIRST)
        book["mappings"].delete_rows(1)
    done = take_over(company, tmp_path / "all.xlsx")
    assert (done.missing, done.changed) == (("channels",), {"stages": (2, 1)})
    with edited(company, tmp_path / "all.xlsx") as book:
        book["mappings"].delete_cols(2)
        book["stages"].delete_rows(3)
    told = faults(company, tmp_path / "all.xlsx")
    assert told[0] == "sheet mappings: column 'channel' is missing (rule columns)"
    assert told[1].startswith("sheet stages: no row holds the names of its columns")


def test_what_is_no_workbook_is_refused(company, tmp_path):
    (tmp_path / "not.xlsx").write_bytes(b"PK\x03\x04 no")
    (tmp_path / "csv.xlsx").write_text("a,b\n")
    for name in ("not.xlsx", "csv.xlsx"):
        with pytest.raises(OwningError, match=r"it is no workbook \(.xlsx\) that can be read"):
            take_over(company, tmp_path / name)
    with pytest.raises(OwningError, match="there is no such file"):
        take_over(company, tmp_path / "gone.xlsx")
    (tmp_path / "mine.xlsx").write_text("work of somebody")
    with pytest.raises(OwningError, match="is there already"):
        export(company, tmp_path / "mine.xlsx")
    assert (tmp_path / "mine.xlsx").read_text() == "work of somebody"
    (company.folder / "mappings.csv").write_text("source,channel\nbell\x07,paid\n" + "x" * 40_000 + ",paid\n")
    with pytest.raises(OwningError) as error:
        export(company, tmp_path / "all.xlsx")
    assert "mappings.csv, line 2, column source: holds characters" in str(error.value)
    assert "mappings.csv, line 3, column source: longer than" in str(error.value)


def test_a_cut_short_import_leaves_all_old_or_all_new(company, tmp_path, monkeypatch):
    (company.folder / ".git").mkdir()
    (company.folder / ".git" / "HEAD").write_text("ref")
    with edited(company, tmp_path / "all.xlsx") as book:
        book["stages"]["D5"] = "61"
        book["channels"]["A5"] = "events"
        book["mappings"]["B5"] = "events"
    old = {name: rows(company, name) for name in ("stages", "channels", "mappings")}

    def fails(*_):
        raise OSError(18, "Invalid cross-device link")

    exchange = folder_module._exchange
    monkeypatch.setattr(folder_module, "_exchange", fails)
    with pytest.raises(folder_module.FolderError, match="cannot be exchanged in one step"):
        take_over(company, tmp_path / "all.xlsx")
    assert {name: rows(company, name) for name in old} == old
    monkeypatch.setattr(folder_module, "_exchange", exchange)

    class Killed(BaseException):
        pass

    for before_it in (True, False):

        def killed(here, there, before_it=before_it):
            if not before_it:
                exchange(here, there)
            raise Killed

        monkeypatch.setattr(folder_module, "_exchange", killed)
        with pytest.raises(Killed):
            take_over(company, tmp_path / "all.xlsx")
        seen = {name: rows(company, name) for name in old}
        assert (seen == old) == before_it
        assert before_it or all(seen[name] != old[name] for name in old)
        folder_module.heal(company.folder)
        assert (company.folder / ".git" / "HEAD").read_text() == "ref"
    monkeypatch.setattr(folder_module, "_exchange", exchange)
    assert take_over(company, tmp_path / "all.xlsx").changed == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.xlsx", "definitions", "seeds"]


# Texts as people paste them: formulas, quotes, breaks, all scripts; without what no cell can hold.
WORDS = (
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]) | st.sampled_from("=+-@'\"\n,;|*"),
        min_size=1,
        max_size=12,
    )
    .map(str.strip)
    .filter(lambda text: text and "x005F_" not in text and "_x" not in text)
)
VALID = {
    "owner_team": st.sampled_from(["marketing", "sales", ""]),
    "window_days": st.integers(-9, 9999).map(str),
    "weight": st.decimals(-99, 99, places=2).map(str),
    "is_open": st.sampled_from(["true", "FALSE", "True", ""]),
    "since": st.dates().map(date.isoformat),
    "at": st.times().map(lambda value: value.replace(microsecond=0).isoformat()),
    "note": WORDS,
}
BROKEN = {
    "owner_team": st.sampled_from(["finance", "Sales ", "=marketing"]).map(str.strip),
    "window_days": st.sampled_from(["many", "1.5", "--", "=1"]),
    "weight": st.sampled_from(["many", "NaN", "1,5", "inf"]),
    "is_open": st.sampled_from(["yes", "1", "wahr"]),
    "since": st.sampled_from(["31.12.2025", "2025-02-30", "soon"]),
    "at": st.sampled_from(["25:00", "noon"]),
}
SHEET_OF = {"since": "channels", "at": "channels", "note": "definition_versions"}
COLUMNS = {
    "stages": ["version", "stage", "owner_team", "window_days", "weight", "is_open"],
    "channels": ["channel", "since", "at"],
    "definition_versions": [
        *("version", "effective_from", "content_hash", "signed_by_marketing", "marketing_signed_on"),
        *("signed_by_sales", "sales_signed_on", "note", "table_hashes"),
    ],
}


def put(book, name, row, value):
    sheet = SHEET_OF.get(name, "stages")
    cell = book[sheet].cell(row, COLUMNS[sheet].index(name) + 1)
    cell.value = value or None
    if value:
        cell.data_type = "s"
    return sheet


@st.composite
def edits(draw, values):
    """Cells of the two first records (of the one version), each with a value for its column."""
    names = draw(st.lists(st.sampled_from(sorted(values)), min_size=1, max_size=5, unique=True))
    return {
        (name, FIRST if name == "note" else draw(st.sampled_from([FIRST, FIRST + 1]))): draw(values[name])
        for name in names
    }


@settings(max_examples=15, deadline=None)
@given(edits(VALID), st.lists(WORDS, max_size=3, unique_by=str.casefold))
def test_valid_edits_survive(cells, added):
    with tempfile.TemporaryDirectory() as place:
        company = new_company(Path(place))
        untouched = (company.folder / "mappings.csv").read_bytes()
        expected = {name: [list(row) for row in rows(company, name)] for name in COLUMNS}
        added = [word for word in added if word.casefold() not in ("paid", "organic")]
        with edited(company, Path(place) / "all.xlsx") as book:
            for (name, row), value in cells.items():
                sheet = put(book, name, row, value)
                kind = {"weight": lambda text: format(Decimal(text).normalize(), "f")}
                text = kind.get(name, str)(value)
                text = text.lower() if name == "is_open" else text
                expected[sheet][row - FIRST][COLUMNS[sheet].index(name)] = text
            for number, word in enumerate(added):
                cell = book["channels"].cell(FIRST + 2 + number, 1, word)
                cell.data_type = "s"
                expected["channels"].append([word, "", ""])
        take_over(company, Path(place) / "all.xlsx")
        assert {name: [list(row) for row in rows(company, name)] for name in COLUMNS} == expected
        assert (company.folder / "mappings.csv").read_bytes() == untouched
        after = content(company)
        (Path(place) / "all.xlsx").unlink()
        export(company, Path(place) / "all.xlsx")
        assert take_over(company, Path(place) / "all.xlsx").changed == {}
        assert content(company) == after


@settings(max_examples=15, deadline=None)
@given(edits(BROKEN))
def test_broken_cells_are_named_and_nothing_is_written(cells):
    with tempfile.TemporaryDirectory() as place:
        company = new_company(Path(place))
        with edited(company, Path(place) / "all.xlsx") as book:
            named = {
                f"sheet {put(book, name, row, value)}, row {row}, column {name}: {value!r}"
                for (name, row), value in cells.items()
            }
        told = faults(company, Path(place) / "all.xlsx")
        assert len(told) == len(named)
        assert {begins for begins in named if any(line.startswith(begins) for line in told)} == named


def test_the_joint_log_is_kept_through_the_workbook_and_checked(tmp_path):
    own, ours = tmp_path / "own", tmp_path / "ours"
    own.mkdir()
    ours.mkdir()
    for name in ("joint_log", "definition_versions", "signed_rows"):
        for ending in ("csv", "yml"):
            shutil.copyfile(PROJECT_ROOT / f"seeds/{name}.{ending}", ours / f"{name}.{ending}")
    (ours / "definition_versions.csv").write_text(VERSIONS + "1,2025-01-01,,,,,,,\n")
    company = Company(own, ours)
    entry = ["2026-1", "2026-06-12", "decision", "Deal size", "Discounts above 20 % need both teams", "sales"]
    with edited(company, tmp_path / "all.xlsx") as book:
        sheet = book["joint_log"]
        for number, value in enumerate([*entry, "2026-07-15"], start=1):
            sheet.cell(FIRST, number, value)
    assert take_over(company, tmp_path / "all.xlsx", [joint_log_findings]).changed == {"joint_log": (0, 1)}
    assert rows(company, "joint_log") == [(*entry, "2026-07-15", "")]
    assert [path.name for path in own.iterdir()] == ["joint_log.csv"]

    with edited(company, tmp_path / "all.xlsx") as book:
        sheet = book["joint_log"]
        wrong = ["2026-1", "12.06.2026", "idea", "deal sise", "Ask jane.roe@corp.example", "", "", ""]
        for number, value in enumerate(wrong, start=1):
            sheet.cell(FIRST + 1, number, value or None)
        sheet.cell(FIRST, 8, "2026-06-01")
        # The sheet was exported before the first import.
        book["_made_from"].delete_rows(1, 100)
    told = faults(company, tmp_path / "all.xlsx", [joint_log_findings])
    for begins in (
        "sheet joint_log, row 5, column logged_on: '12.06.2026' is not a valid date (rule type date)",
        "sheet joint_log, row 5, column kind: 'idea' is not one of disagreement",
        "sheet joint_log, row 5, column subject: 'deal sise' is no KPI, driver of the gap, panel or agreed table."
        " Is it deal_size? (rule subject)",
        "sheet joint_log, row 5, column entry: is with an e-mail address; the page shows it to everybody",
        "sheet joint_log, row 5: log_id='2026-1' is already on row 4 (rule unique)",
        "sheet joint_log, row 4, column closed_on: 2026-06-01 is before logged_on 2026-06-12 (rule order of days)",
    ):
        assert [line for line in told if line.startswith(begins)], (begins, told)
