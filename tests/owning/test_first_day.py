"""The first day of a company: what was found, what it counts as, and that the next run builds on it at once."""

from __future__ import annotations

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.agreed_definitions import read_specs, read_tables, version_states
from orchestration.landing import LandingReport
from orchestration.owning.first_day import _closest, _plain_text, compose
from orchestration.owning.folder import FolderError, csv_text, replace_tables, write_new
from orchestration.owning.harmless import harm
from orchestration.owning.profile import Found, Profile
from orchestration.owning.words import meaning
from orchestration.settings import PROJECT_ROOT
from tests.real.company import SHARED_DATA, bring_extracts

SEEDS = PROJECT_ROOT / "seeds"
HOSTILE = {
    "'); drop schema raw cascade; --": None,
    '=HYPERLINK("https://steal.example","Open")': "formula",
    "jane.roe@corp.example": "e-mail",
    "call +44 20 7946 0958": "phone",
    "Friend of Jane Roe": "name",
    "x" * 230: "longer",
    "Hot prospect": None,
}
ORDERLY = 150


@dataclass(frozen=True)
class Company:
    """A company after its first day: its extracts, its folder, and what was said."""

    extracts: Path
    definitions: Path
    said: str

    def rows(self, table: str) -> list[dict[str, str]]:
        with (self.definitions / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


def run(*command: str, **settings: str | Path) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CONCORD_")}
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=PROJECT_ROOT,
        env={**kept, **{key: str(value) for key, value in settings.items()}},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def first_day(folder: Path) -> Company:
    """`make init` on the extracts below a folder."""
    definitions = folder / "definitions"
    done = run(*("orchestration.owning", "init"), CONCORD_EXTRACTS=folder / "extracts", CONCORD_DEFINITIONS=definitions)
    assert done.returncode == 0, done.stdout[-5000:]
    return Company(folder / "extracts", definitions, done.stdout)


def built(company: Company, folder: Path) -> tuple[Path, str]:
    """The next `make run`, with the settings that the first day told to use."""
    told = re.search(r"^Next +make run (.*)$", company.said, re.M)
    assert told is not None, company.said
    settings = dict(part.split("=", 1) for part in shlex.split(told[1]))
    done = run("orchestration", "run", **settings, CONCORD_WAREHOUSE=folder / "warehouse")
    assert done.returncode == 0, done.stdout[-5000:]
    assert "PROVISIONAL: version 0 lacks" in done.stdout
    assert "To decide " in done.stdout
    return folder / "warehouse" / "concord.duckdb", done.stdout


@pytest.fixture(scope="module")
def connector(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """Files as connectors write them, with words in them that nobody should have written there."""
    folder = tmp_path_factory.mktemp("first_day")
    if not (SHARED_DATA / "fivetran_salesforce").is_dir():
        pytest.skip("no connector files beside this checkout (shared/data/fivetran_salesforce)")
    from tests.real.test_hubspot_and_ads_connector_files import ADS, NOT_AGREED
    from tests.real.test_salesforce_connector_files import OBJECTS

    files = {f"salesforce/{name}": f"fivetran_salesforce/{file}" for name, file in OBJECTS.items()}
    files |= {
        f"hubspot/{path.name.removesuffix('_data.csv')}": f"fivetran_hubspot/{path.name}"
        for path in (SHARED_DATA / "fivetran_hubspot").glob("*.csv")
        if not path.name.startswith(NOT_AGREED)
    }
    files |= {contract.replace(".", "/"): f"fivetran_ads/{name}_data.csv" for name, contract in ADS.items()}
    for place, file in files.items():
        target = folder / "extracts" / place
        target.mkdir(parents=True)
        shutil.copyfile(SHARED_DATA / file, target / "delivered.csv")
    with (folder / "extracts/salesforce/lead/a_form.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            [
                *("Id", "OwnerId", "FirstName", "LastName", "Email", "Company"),
                *("CreatedDate", "LastModifiedDate", "Status", "LeadSource"),
            ]
        )
        # So many in order that the file as a whole is not taken for a broken one.
        for number, word in enumerate([*HOSTILE, *["Working - Contacted"] * ORDERLY]):
            person = (f"00Q-hostile-{number}", "005-7", "Jane", "Roe", "jane.roe@corp.example", "Corp")
            writer.writerow([*person, "2024-02-01 09:00:00", "2024-02-02 09:00:00", word, word])
    return first_day(folder)


def texts_of(company: Company) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(company.definitions.iterdir()))


@pytest.mark.slow
def test_connector_files_give_a_folder_that_hides_nothing_and_holds_nobody(connector: Company) -> None:
    found = connector.rows("found_values")
    statuses = {row["value"]: row for row in found if (row["object"], row["field"]) == ("lead", "status")}
    assert statuses["Hot prospect"]["decision"] == "open"
    assert statuses["Hot prospect"]["counts_as"] == "no stage"
    assert statuses["Working - Contacted"]["counts_as"] == "stage sal"
    assert statuses["Working - Contacted"]["records"] == str(ORDERLY)
    withheld = [row for row in statuses.values() if "withheld" in row["value"]]
    # One each of formula, address, number, name and length; all are counted, none is shown.
    assert sorted(row["records"] for row in withheld) == ["1"] * 5
    assert {row["decision"] for row in withheld} == {"open"}

    written = texts_of(connector)
    for word, harmful in HOSTILE.items():
        assert (harmful is None) == (word in written), word
    assert "jane" not in written.lower()
    known = {row["status"] for row in connector.rows("lead_statuses")}
    assert {"Hot prospect", "'); drop schema raw cascade; --", "Working - Contacted"} <= known
    rule = {"version": "0", "stage": "sal", "system": "salesforce", "object": "lead", "field": "status"}
    assert {**rule, "value": "Working - Contacted"} in connector.rows("stage_rules")
    assert not [row for row in connector.rows("stage_rules") if row["value"] == "Hot prospect"]
    assert "Hot prospect" in (connector.definitions / "DECISIONS.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_next_run_builds_at_once_and_counts_what_nobody_mapped(connector: Company, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in connector.definitions.iterdir()}
    published, said = built(connector, tmp_path)
    assert {path.name: path.read_bytes() for path in connector.definitions.iterdir()} == before
    with duckdb.connect(str(published), read_only=True) as warehouse:
        assert warehouse.execute("select bool_and(is_provisional) from audit.builds").fetchall() == [(True,)]
        ((held,),) = warehouse.execute(
            "select rows_held from audit.quarantine_counts where object = 'lead' and rule = 'accepted_values:status'"
        ).fetchall()
        assert held == sum(harmful is not None for harmful in HOSTILE.values())
        unmapped = dict(
            warehouse.execute(
                "select system, count(*) from core.fct_touches where channel = '(unmapped)' group by 1"
            ).fetchall()
        )
        leads = warehouse.execute(
            "select count(*) from core.bridge_person_records where record_id like '00Q-hostile-%'"
        ).fetchall()
    assert leads == [(len(HOSTILE) + ORDERLY - held,)]
    listed = [row for row in connector.rows("found_values") if row["field"] == "source / medium"]
    assert unmapped
    assert set(unmapped) <= {row["system"] for row in listed if "(unmapped)" in row["counts_as"]}
    assert "salesforce.lead" in said

    # What a person has begun to own is never written over.
    again = run(
        *("orchestration.owning", "init"),
        CONCORD_EXTRACTS=connector.extracts,
        CONCORD_DEFINITIONS=connector.definitions,
    )
    assert again.returncode == 1
    assert "already holds" in again.stdout
    assert {path.name: path.read_bytes() for path in connector.definitions.iterdir()} == before


@pytest.mark.slow
@pytest.mark.matrix
def test_olist_as_reported_today(tmp_path: Path) -> None:
    """What marketing's system calls an MQL is an MQL, and a closed deal is won."""
    bring_extracts("olist", "olist", tmp_path)
    company = first_day(tmp_path)
    assert [
        (row["kind"], row["field"], row["value"], row["stage"])
        for row in company.rows("lead_rules")
        if row["kind"] != "exclusion"
    ] == [("system_status", "lifecycle_stage", "mql", "mql")]
    with duckdb.connect(str(built(company, tmp_path)[0]), read_only=True) as warehouse:
        assert warehouse.execute("select sum(mqls), sum(won_entries) from metrics.company_by_month").fetchall() == [
            (8000, 842)
        ]
        channels = dict(warehouse.execute("select channel, count(*) from core.fct_touches group by 1").fetchall())
    found = [row for row in company.rows("found_values") if row["field"] == "source / medium"]
    assert sum(int(row["records"]) for row in found) == sum(channels.values()) == 8000
    assert channels["(unmapped)"] == sum(int(row["records"]) for row in found if row["decision"] == "open")


@pytest.mark.slow
@pytest.mark.matrix
def test_maven_as_reported_today(tmp_path: Path) -> None:
    bring_extracts("maven", "maven_crm", tmp_path)
    company = first_day(tmp_path)
    meanings = {row["value"]: row["counts_as"] for row in company.rows("found_values") if row["field"] == "stage"}
    assert meanings == {
        "Engaging": "stage sqo",
        "Lost": "exit: lost",
        "Prospecting": "before acceptance",
        "Won": "stage won",
    }
    with duckdb.connect(str(built(company, tmp_path)[0]), read_only=True) as warehouse:
        assert warehouse.execute(
            "select count(*) filter (where is_won), sum(amount) filter (where is_won),"
            " count(*) filter (where is_closed and not is_won), count(*) from core.fct_opportunities"
        ).fetchall() == [(4238, Decimal("10005534.00"), 2473, 8800)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"CONCORD_DEFINITIONS": "{0}/new"}, "CONCORD_EXTRACTS is not set"),
        ({"CONCORD_EXTRACTS": "{0}"}, "CONCORD_DEFINITIONS is not set"),
        ({"CONCORD_EXTRACTS": "{0}", "CONCORD_DEFINITIONS": "{0}/inside"}, "lies in CONCORD_EXTRACTS"),
        ({"CONCORD_EXTRACTS": "{0}/nowhere", "CONCORD_DEFINITIONS": "{0}/new"}, "there is no such folder"),
    ],
)
def test_what_cannot_begin_says_why(tmp_path, monkeypatch, capsys, settings, message):
    from orchestration.owning.__main__ import main

    for name in [name for name in os.environ if name.startswith("CONCORD_")]:
        monkeypatch.delenv(name)
    for name, value in settings.items():
        monkeypatch.setenv(name, value.format(tmp_path))
    assert main(["init"]) == 1
    assert message in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == []


def test_a_new_folder_is_written_whole_or_not_at_all(tmp_path):
    target = tmp_path / "deep" / "definitions"
    write_new(target, {"a.csv": "x\n1\n", "b.csv": "y\n"})
    assert {path.name: path.read_text() for path in target.iterdir()} == {"a.csv": "x\n1\n", "b.csv": "y\n"}
    (target / "notes.md").write_text("mine")
    with pytest.raises(FolderError, match=r"already holds a\.csv, b\.csv, notes\.md"):
        write_new(target, {"c.csv": ""})
    assert sorted(path.name for path in target.parent.iterdir()) == ["definitions"]
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    for name, message in (("file", "is not a folder"), ("link", "a link to nothing")):
        with pytest.raises(FolderError, match=message):
            write_new(tmp_path / name, {"c.csv": ""})


def test_tables_are_replaced_at_once_and_all_else_stays(tmp_path):
    target = tmp_path / "definitions"
    (target / ".git").mkdir(parents=True)
    (target / ".git" / "HEAD").write_text("ref")
    for name in ("a.csv", "b.csv", "notes.md"):
        (target / name).write_text(f"old {name}")
    replace_tables(target, {"a.csv": "new"})
    assert {path.relative_to(target).as_posix(): path.read_text() for path in target.rglob("*") if path.is_file()} == {
        "a.csv": "new",
        "b.csv": "old b.csv",
        "notes.md": "old notes.md",
        ".git/HEAD": "ref",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["definitions"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("Working - Contacted", None),
        ("--None--", None),
        ("+1 open", None),
        ("2025-10-03 webinar", None),
        ("=1+1", "formula"),
        ("@SUM(A1)", "formula"),
        ("-2+3+cmd|' /C calc'!A0", "formula"),
        ("ask a.b@c.example", "e-mail"),
        ("0151 234 567 89", "phone"),
        ("via Ann-Marie O'Neil", "name"),
        ("O'Neil, Ann-Marie", "name"),
        ("Ann Marie", None),
        ("a\tb", "control"),
        ("*", "any value"),
        ("x" * 201, "longer"),
    ],
)
def test_what_may_be_written(value, reason):
    told = harm(value, {"ann-marie o'neil"})
    assert (told is None) == (reason is None)
    assert reason is None or reason in told


def test_words_of_common_systems_are_known_and_no_others():
    assert {
        word: meaning("person_status", word)
        for word in ("Open - Not Contacted", "WORKING - contacted", "Closed - Not Converted", "Nurturing", "Zebra")
    } == {
        "Open - Not Contacted": "none",
        "WORKING - contacted": "sal",
        "Closed - Not Converted": "disqualified",
        "Nurturing": "recycled",
        "Zebra": None,
    }
    assert meaning("lifecycle_stage", "marketingqualifiedlead") == "mql"
    assert meaning("lifecycle_stage", "Marketing Qualified Lead") == "mql"
    assert meaning("opportunity_stage", "Appointment scheduled") == "before"


def test_our_own_statuses_mean_what_our_signed_version_says():
    """The list of common words and the agreed example do not contradict each other."""
    tables = read_tables(read_specs(SEEDS), SEEDS, None)
    rules = {row["value"]: row["stage"] for row in tables["stage_rules"].rows if row["field"] == "status"}
    exits = {row["value"]: row["exit_type"] for row in tables["exit_reasons"].rows if row["field"] == "status"}
    agreed = rules | exits
    assert {word: meaning("person_status", word) for word in agreed} == agreed
    assert version_states(tables)


def test_the_closest_row_is_the_one_that_the_models_take():
    rows = [
        {"system": "*", "value": "*google*", "channel": "part"},
        {"system": "*", "value": "google", "channel": "exact"},
        {"system": "hubspot", "value": "*", "channel": "system"},
        {"system": "*", "value": "a*b*c", "channel": "pieces"},
    ]

    def channel(system: str, value: str) -> str | None:
        row = _closest(rows, {"system": system, "value": value}, order=("value", "system"))
        return row["channel"] if row else None

    assert channel("hubspot", " Google ") == "exact"
    assert channel("crm", "my Google ad") == "part"
    assert channel("hubspot", "bing") == "system"
    assert channel("crm", "bing") is None
    assert channel("crm", "aXXbYYc") == "pieces"
    assert channel("crm", "abXc") == "pieces"
    assert channel("crm", "acb") is None


def test_values_are_no_markup():
    assert _plain_text("<b>[x](y)|`z`") == r"&lt;b&gt;\[x\](y)\|\`z\`"


# What systems hold where a word should stand.
WORDS = (
    st.text(max_size=20)
    | st.sampled_from(["*", "=1+1", "@a", "+1 (2)", " Won", "Won\u00a0", "WON", "won|lost", "a,b", "mql", "Qualified"])
    | st.sampled_from(
        ["jane.roe@corp.example", "Jane Roe", "x" * 400, "'; drop table x; --", "Nurture", "nurture", "Renewal"]
    )
    | st.builds(
        lambda words: " ".join(words), st.lists(st.sampled_from(["why", "not", "so"]), min_size=30, max_size=40)
    )
)
DETAILS = {
    "stage": {"won": 1, "lost": 0, "open": 2},
    "activity": {"type": "(unmapped)", "weight": "0", "team": "marketing"},
    "outcome": {"is_touch": True},
    "source / medium": {"channels": ["(unmapped)", "email"]},
    "campaign": {"channels": ["(unmapped)"]},
    "platform": {"channels": ["paid_search"]},
    "content": {"job": None, "team": None},
    "owner": {"team": "Team of Jane Roe", "is_user": True},
    "country": {"iso2": None, "region": None},
    **{
        name: {}
        for name in (
            *("status", "status_reason", "lifecycle_stage", "rating", "source", "self_reported_source", "type"),
            *("loss_reason", "competitor", "forecast_category", "lead_source", "currency"),
        )
    },
}
FOUND = st.lists(
    st.builds(
        lambda system, name, value, records: Found(system, "lead", name, value, records, DETAILS[name]),
        st.sampled_from(["salesforce", "hubspot"]),
        st.sampled_from(sorted(DETAILS)),
        WORDS,
        st.integers(0, 50),
    ),
    max_size=60,
    unique_by=lambda each: (each.system, each.field, each.value),
)


@settings(max_examples=20, deadline=None)
@given(FOUND)
def test_whatever_is_found_the_next_run_can_read_the_folder_and_every_record_is_counted(found):
    specs = read_specs(SEEDS)
    ours = read_tables(specs, SEEDS, None)
    seen = Profile(
        found=tuple(found),
        landing=LandingReport(datetime(2026, 1, 1)),
        last_day=None,
        has_own_now=True,
        crm_systems=frozenset({"salesforce"}),
        user_domains=("corp.example",),
        currencies_with_rate=frozenset({"USD"}),
        people=frozenset({"jane roe"}),
        held=(),
    )
    made = compose(Path("definitions"), seen, ours, "USD")
    with tempfile.TemporaryDirectory() as place:
        for name, rows in made.tables.items():
            text = csv_text([column.name for column in specs[name].columns], rows)
            (Path(place) / f"{name}.csv").write_text(text, encoding="utf-8", newline="")
        tables = read_tables(specs, SEEDS, Path(place))
    (state,) = version_states(tables)
    assert (state.version, state.is_signed) == ("0", False)

    counted: dict[tuple[str, str], int] = defaultdict(int)
    for row in tables["found_values"].rows:
        if row["field"] != "agreed table":
            counted[row["system"], row["field"]] += int(row["records"] or 0)
    expected: dict[tuple[str, str], int] = defaultdict(int)
    for each in found:
        if each.value.strip() or each.field == "activity":
            expected[each.system, each.field] += each.records
    assert counted == expected
    written = {value for table in made.tables.values() for row in table for value in row.values()}
    assert not [value for value in written if value[:1] in ("=", "@") and value not in ("=", "@")]
    assert not [value for value in written if "jane" in value.casefold() or len(value) > 300]
    assert "jane" not in made.texts["DECISIONS.md"].casefold()
    # Nothing that a person calls a word of the funnel came from a word that nobody knows.
    rules = {row["value"] for row in tables["stage_rules"].rows if row["field"] == "status"}
    assert rules <= {each.value.strip() for each in found if meaning("person_status", each.value)}
