"""A version is begun as a copy, signed by both teams as it is, and no row of it changes unnoticed afterwards."""

import csv

import pytest

from orchestration.agreed_definitions import DefinitionsError, version_hash, version_states
from orchestration.owning.signing import OwningError, in_force, propose, rows_version, sign


def rows(company, name):
    with (company.folder / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def state(company, version):
    return next(state for state in version_states(company.tables()) if state.version == version)


def test_a_version_begins_as_a_copy_of_the_one_in_force(company):
    untouched = (company.folder / "mappings.csv").read_bytes()
    told = propose(company, "2", note="Shorter windows")
    assert "begun from version 1: 2 rows in 1 tables" in told[0]
    assert [(row["version"], row["stage"], row["window_days"]) for row in rows(company, "stages")] == [
        ("1", "lead", "90"),
        ("1", "mql", "60"),
        ("2", "lead", "90"),
        ("2", "mql", "60"),
    ]
    begun = rows(company, "definition_versions")[-1]
    assert (begun["version"], begun["effective_from"], begun["note"]) == ("2", "", "Shorter windows")
    assert not any(begun[name] for name in ("content_hash", "signed_by_marketing", "signed_by_sales"))
    assert (company.folder / "mappings.csv").read_bytes() == untouched
    # A proposal is not in force, and the next version may be based on it all the same.
    propose(company, "3", base="2", effective_from="2026-03-01")
    assert rows(company, "definition_versions")[-1]["effective_from"] == "2026-03-01 00:00:00"
    assert len(rows(company, "stages")) == 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"version": "1"}, "VERSION=1: there is such a version already"),
        ({"version": "../2"}, "make a version's name"),
        ({"version": "2", "base": "9"}, "FROM=9: there is no such version; declared are 1"),
        ({"version": "2", "effective_from": "soon"}, "EFFECTIVE=soon: not a day"),
    ],
)
def test_what_cannot_be_begun_is_refused_and_nothing_is_written(company, arguments, message):
    before = {path.name: path.read_bytes() for path in company.folder.iterdir()}
    with pytest.raises(OwningError, match=message):
        propose(company, **arguments)
    assert {path.name: path.read_bytes() for path in company.folder.iterdir()} == before


def test_both_teams_sign_one_content(company):
    propose(company, "2")
    assert state(company, "2").missing == ("signed_by_marketing", "signed_by_sales")
    content = version_hash(company.tables(), "2")
    told = sign(company, "2", "marketing", "CMO", on="2026-01-05", content=content[:8])
    assert told[-1].endswith("sales has not signed: builds stay PROVISIONAL")
    assert state(company, "2").missing == ("signed_by_sales",)
    sign(company, "2", "sales", "CRO", on="2026-01-07")
    assert state(company, "2").is_signed
    row = rows(company, "definition_versions")[-1]
    assert (row["content_hash"], row["marketing_signed_on"], row["sales_signed_on"]) == (
        content,
        "2026-01-05",
        "2026-01-07",
    )


def test_ours_are_kept_with_the_signature_so_that_a_release_cannot_unbind_it(company):
    sign(company, "1", "marketing", "CMO")
    assert [row["version"] for row in rows(company, "stages")] == ["1", "1"]
    (company.ours / "stages.csv").write_text("version,stage,owner_team,window_days,weight,is_open\n")
    assert state(company, "1").missing == ("signed_by_sales",)


def test_a_row_that_changed_under_a_signature_is_named_with_its_place_and_owner(company):
    propose(company, "2")
    sign(company, "2", "marketing", "CMO")
    path = company.folder / "stages.csv"
    text = path.read_text()
    path.write_text(
        text.replace("2,mql,sales,60", "2,mql,sales,30").replace("2,lead,marketing,90,1.5,true\n", "")
        + "2,sal,sales,9,,\n"
    )
    with pytest.raises(DefinitionsError) as error:
        version_states(company.tables())
    message = str(error.value)
    assert "version '2' is signed, but not with its present content" in message
    assert "owner: sales operations" in message
    assert "stages.csv line 4 (stage='mql'): window_days was '60', is '30'" in message
    assert "stages.csv line 5 (stage='sal') was added" in message
    assert "the row stage='lead' was removed" in message

    with pytest.raises(OwningError, match=r"signed by marketing with another content .*window_days was '60'.* AGAIN=1"):
        sign(company, "2", "sales", "CRO")
    sign(company, "2", "sales", "CRO", again=True)
    assert state(company, "2").missing == ("signed_by_marketing",)
    path.write_text(text)
    with pytest.raises(DefinitionsError):
        version_states(company.tables())


def test_another_version_may_change_while_one_is_signed(company):
    propose(company, "2")
    sign(company, "1", "sales", "CRO")
    path = company.folder / "stages.csv"
    path.write_text(path.read_text().replace("2,mql,sales,60", "2,mql,sales,30"))
    assert state(company, "1").missing == ("signed_by_marketing",)
    sign(company, "2", "sales", "CRO")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("9", "sales", "CRO"), "VERSION=9: declared are 1"),
        (("1", "finance", "CFO"), "TEAM=finance: it is marketing or sales that signs"),
        (("1", "sales", "jane@corp.example"), "name the role that signs, such as VP Sales; it is with an e-mail"),
        (("1", "sales", " "), "it is empty"),
        (("1", "sales", "=1+1"), "formula"),
    ],
)
def test_what_cannot_be_signed_says_why(company, arguments, message):
    with pytest.raises(OwningError, match=message):
        sign(company, *arguments)
    assert [path.name for path in company.folder.iterdir()] == ["mappings.csv"]


def test_somebody_who_read_another_content_does_not_sign_this_one(company):
    with pytest.raises(OwningError, match="HASH=00000000: the present content of version 1 is"):
        sign(company, "1", "sales", "CRO", content="00000000")
    with pytest.raises(OwningError, match="HASH="):
        sign(company, "1", "sales", "CRO", content=version_hash(company.tables(), "1")[:4])
    with pytest.raises(OwningError, match="ON=yesterday: not a day"):
        sign(company, "1", "sales", "CRO", on="yesterday")


def test_a_version_without_rows_of_its_own_works_with_those_before_it(company):
    (company.folder / "definition_versions.csv").write_text(
        (company.ours / "definition_versions.csv").read_text() + "2,2025-06-01,,,,,,,\n3,2026-01-01,,,,,,,\n4,,,,,,,,\n"
    )
    tables = company.tables()
    assert [rows_version(tables, version, "stages") for version in ("1", "2", "3", "4")] == ["1"] * 4
    from datetime import datetime

    assert in_force(tables, datetime(2024, 1, 1)) == "1"
    assert in_force(tables, datetime(2025, 6, 1)) == "2"
    assert in_force(tables, datetime(2026, 7, 1)) == "3"
    propose(company, "5", base="3")
    assert [row["version"] for row in rows(company, "stages")] == ["1", "1", "5", "5"]
