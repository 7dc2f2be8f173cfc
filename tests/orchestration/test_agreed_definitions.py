import shutil
from datetime import datetime

import pytest
import yaml

from orchestration.agreed_definitions import (
    VERSIONS_TABLE,
    DefinitionsError,
    load_definitions,
    main,
    read_specs,
    read_tables,
    table_hashes,
    version_hash,
    version_states,
)
from orchestration.settings import PROJECT_ROOT, Settings

YAML = """
seeds:
  - name: definition_versions
    description: One row per version.
    config: {column_types: {effective_from: timestamp, marketing_signed_on: date, sales_signed_on: date}}
    columns:
      - {name: version, data_tests: [unique, not_null]}
      - {name: effective_from}
      - {name: content_hash}
      - {name: signed_by_marketing}
      - {name: marketing_signed_on}
      - {name: signed_by_sales}
      - {name: sales_signed_on}
      - {name: table_hashes, config: {meta: {default: null}}}
  - name: stages
    description: One row per version and stage.
    config: {group: sales_operations, column_types: {window_days: integer}}
    data_tests:
      - unique_combination: {arguments: {columns: [version, stage]}}
    columns:
      - {name: version, data_tests: [not_null]}
      - {name: stage, data_tests: [not_null]}
      - name: owner_team
        data_tests: [{accepted_values: {arguments: {values: [marketing, sales]}}}]
      - {name: window_days}
      - {name: weight, data_type: "decimal(9,2)", config: {meta: {default: 1}}}
      - {name: is_open, data_type: boolean, config: {meta: {default: null}}}
  - name: channels
    description: One row per channel, without versions.
    data_tests: [{unique: {name: k, column_name: "lower(channel)"}}]
    columns: [{name: channel}, {name: since, data_type: date}]
"""
VERSIONS = (
    "version,effective_from,content_hash,signed_by_marketing,marketing_signed_on,signed_by_sales,sales_signed_on,"
    "table_hashes\n"
)
STAGES = "version,stage,owner_team,window_days,weight,is_open\n"


@pytest.fixture
def project(tmp_path):
    seeds = tmp_path / "project" / "seeds"
    seeds.mkdir(parents=True)
    (seeds / "all.yml").write_text(YAML)
    (seeds / "definition_versions.csv").write_text(VERSIONS + "1,2025-01-01,,,,,,\n")
    (seeds / "stages.csv").write_text(STAGES + "1,lead,marketing,90,1.0,true\n1,mql,sales,90,2,false\n")
    (seeds / "channels.csv").write_text("channel,since\npaid,2025-01-01\n")
    return tmp_path / "project"


@pytest.fixture
def company(tmp_path):
    folder = tmp_path / "company"
    folder.mkdir()
    return folder


def load(project, company=None):
    return load_definitions(Settings(extracts=project, warehouse=project / "w", definitions=company, project=project))


def tables_of(project, company=None):
    return read_tables(read_specs(project / "seeds"), project / "seeds", company)


def sign(project, content_hash, marketing="CMO", sales="CRO"):
    dates = ["2025-01-02" if name else "" for name in (marketing, sales)]
    (project / "seeds/definition_versions.csv").write_text(
        VERSIONS + f"1,2025-01-01,{content_hash},{marketing},{dates[0]},{sales},{dates[1]},\n"
    )


def test_a_companys_table_replaces_ours_and_its_folder_is_left_alone(project, company):
    (company / "channels.csv").write_bytes(b"\xef\xbb\xbfsince,Channel\r\n2026-01-01,\xc3\xa9v\xc3\xa9nement\r\n")
    (company / "README.md").write_text("why")
    before = {path.name: path.read_bytes() for path in company.iterdir()}
    definitions = load(project, company)
    assert (definitions.folder / "channels.csv").read_text() == "channel,since\névénement,2026-01-01\n"
    assert (definitions.folder / "stages.csv").read_text().count("\n") == 3
    assert {path.name: path.read_bytes() for path in company.iterdir()} == before
    assert load(project).folder != definitions.folder


def test_dbt_is_left_the_tests_that_are_not_made_before_it(project):
    path = project / "seeds/all.yml"
    where = {"not_null": {"config": {"where": "stage = 'lead'"}}}
    kin = {"relationships": {"arguments": {"to": "ref('x')", "field": "y"}}}
    document = yaml.safe_load(YAML)
    document["seeds"][1]["columns"][3]["data_tests"] = [where, kin, "not_null"]
    path.write_text(yaml.safe_dump(document))
    left = {seed["name"]: seed for seed in yaml.safe_load((load(project).folder / "all.yml").read_text())["seeds"]}
    tests = {
        name: [test for tested in (seed, *seed["columns"]) for test in tested.get("data_tests", [])]
        for name, seed in left.items()
    }
    assert tests == {"definition_versions": [], "stages": [where, kin], "channels": []}
    assert [column["name"] for column in left["stages"]["columns"]] == STAGES.strip().split(",")


def test_a_column_with_a_default_may_be_left_out_by_a_company_but_not_by_us(project, company):
    (company / "stages.csv").write_text("version,stage,owner_team,window_days\n1,lead,marketing,30\n")
    rows = load(project, company).tables["stages"].rows
    assert [(row["window_days"], row["weight"], row["is_open"]) for row in rows] == [("30", "1", "")]
    (project / "seeds/stages.csv").write_text("version,stage,owner_team,window_days\n1,lead,marketing,30\n")
    with pytest.raises(DefinitionsError, match=r"stages.csv: column 'weight' is missing"):
        load(project)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "stagse.csv",
            "x\n",
            r"stagse.csv: not an agreed table. Is it stages.csv\?",
        ),
        ("channels.xlsx", "x", r"channels.xlsx: not an agreed table"),
        ("people.csv", "x", r"people.csv: not an agreed table; the folder may hold channels.csv, definition_v"),
        ("channels.csv", "", r"channels.csv: empty; it needs at least the header channel,since"),
        (
            "channels.csv",
            "channel,since,why\n",
            r"channels.csv: unknown column 'why'; known are channel, since",
        ),
        ("channels.csv", "channel\npaid\n", r"channels.csv: column 'since' is missing"),
        ("channels.csv", "channel,since,since\n", r"channels.csv: column 'since' is delivered twice"),
        ("channels.csv", "channel,since\npaid\n", r"channels.csv, line 2: 1 values for 2 columns"),
        (
            "channels.csv",
            "channel,since\na,\n\npaid,01.02.2025\n",
            r"channels.csv, line 4, column since: '01.02.2025'",
        ),
        ("channels.csv", "channel,since\npaid,\nPaid,\n", r"line 3: channel='Paid' is already on line 2"),
        ("channels.csv", 'channel,since\n"paid,2025', r"channels.csv, line 2: not CSV"),
        (
            "stages.csv",
            STAGES + "1,lead,marketing,9.5,1,true\n",
            r"column window_days: '9.5' is not a valid integer",
        ),
        ("stages.csv", STAGES + "1,lead,marketing,9,x,true\n", r"column weight: 'x' is not a valid decimal"),
        ("stages.csv", STAGES + "1,lead,marketing,9,NaN,true\n", r"column weight: 'NaN' is not a number"),
        (
            "stages.csv",
            STAGES + "1,lead,marketing,9,1,yes\n",
            r"column is_open: 'yes' is neither true nor false",
        ),
        (
            "stages.csv",
            STAGES + "1,lead,support,9,1,true\n",
            r"column owner_team: 'support' is not one of marketing",
        ),
        ("stages.csv", STAGES + "1,,sales,9,1,true\n", r"line 2, column stage: '' is empty"),
        (
            "stages.csv",
            STAGES + "1,a,sales,1,1,true\n1,a,sales,2,1,\n",
            r"line 3: version='1', stage='a' is already",
        ),
        (
            "stages.csv",
            STAGES + "1,a,sales,1,1,\n2,a,sales,1,1,\n",
            r"line 3, column version: '2' is not declared",
        ),
        ("definition_versions.csv", VERSIONS, r"no version is declared"),
        ("Stages.csv", STAGES, r"Stages.csv: not an agreed table. Is it stages.csv\?"),
        ("stages.csv", STAGES.replace(",", ";"), r"its columns are separated by ';'; save it with commas"),
        (
            "definition_versions.csv",
            VERSIONS + "1,2025-01-01T00:00:00+01:00,,,,,,\n",
            r"column effective_from: .* has a time zone",
        ),
    ],
)
def test_what_cannot_be_built_on_is_named_by_file_line_column_and_value(project, company, name, content, message):
    (company / name).write_text(content)
    with pytest.raises(DefinitionsError, match=message):
        load(project, company)


def test_another_encoding_is_named(project, company):
    (company / "channels.csv").write_bytes("channel,since\nMünchen,\n".encode("latin-1"))
    with pytest.raises(DefinitionsError, match=r"channels.csv: not UTF-8 \(byte 16\)"):
        load(project, company)


def test_every_finding_is_told_at_once(project, company):
    (company / "channels.csv").write_text("channel,since\npaid,soon\n")
    (company / "stages.csv").write_text(STAGES + "1,lead,support,x,1,true\n")
    with pytest.raises(DefinitionsError) as raised:
        load(project, company)
    assert len(str(raised.value).splitlines()) == 3


def test_a_table_of_ours_without_description_is_an_error(project):
    (project / "seeds/orphans.csv").write_text("a\n1\n")
    with pytest.raises(DefinitionsError, match="seeds/orphans.csv has no YAML"):
        load(project)


def test_the_hash_sees_content_and_nothing_else(project):
    stages = project / "seeds/stages.csv"
    before = version_hash(tables_of(project), "1")
    stages.write_text(
        "weight,is_open,version,stage,owner_team,window_days\r\n"
        "2.00,FALSE,1, mql ,sales,90\r\n1,TRUE,1,lead,marketing,90\r\n"
    )
    assert version_hash(tables_of(project), "1") == before, "order, line ends or another spelling of a value"
    (project / "seeds/channels.csv").write_text("channel,since\nother,\n")
    assert version_hash(tables_of(project), "1") == before, "a table without versions is not signed"
    stages.write_text(STAGES + "1,lead,marketing,90,1.0,true\n1,mql,sales,91,2,false\n")
    assert version_hash(tables_of(project), "1") != before


def test_an_added_column_without_values_unbinds_no_signature(project):
    before = version_hash(tables_of(project), "1")
    all_yml = project / "seeds/all.yml"
    all_yml.write_text(
        YAML.replace("      - {name: window_days}\n", "      - {name: window_days}\n      - {name: hint}\n")
    )
    stages = project / "seeds/stages.csv"
    stages.write_text(
        "\n".join(f"{line},{'hint' if n == 0 else ''}" for n, line in enumerate(stages.read_text().split()))
    )
    assert version_hash(tables_of(project), "1") == before
    stages.write_text(stages.read_text().replace("true,", "true,x"))
    assert version_hash(tables_of(project), "1") != before


def test_without_both_signatures_a_version_is_provisional_from_its_effect_on(project):
    content = version_hash(tables_of(project), "1")
    assert not version_states(tables_of(project))[0].is_signed
    sign(project, content, sales="")
    definitions = load(project)
    assert definitions.versions[0].missing == ("signed_by_sales",)
    assert definitions.unsigned(datetime(2025, 1, 1)) == definitions.versions
    assert definitions.in_force(datetime(2024, 12, 31)) == definitions.versions[0], "the earliest reaches back"
    sign(project, content)
    assert load(project).unsigned(datetime(2030, 1, 1)) == ()
    assert load(project).in_force(datetime(2025, 1, 1)).version == "1"


def test_a_version_makes_a_build_provisional_only_once_it_is_in_force(project):
    content = version_hash(tables_of(project), "1")
    sign(project, content)
    versions = project / "seeds/definition_versions.csv"
    versions.write_text(versions.read_text() + "2,2026-01-01,,,,,,\nidea,,,,,,,\n")
    definitions = load(project)
    assert [v.version for v in definitions.versions] == ["1", "2", "idea"]
    assert definitions.unsigned(datetime(2025, 12, 31)) == ()
    assert [v.version for v in definitions.unsigned(datetime(2026, 1, 1))] == ["2"]
    assert definitions.in_force(datetime(2099, 1, 1)).version == "2", "what is only proposed is never in force"


def test_a_changed_row_under_a_signature_is_an_error_that_says_what_to_do(project):
    signed = version_hash(tables_of(project), "1")
    sign(project, signed)
    stages = project / "seeds/stages.csv"
    stages.write_text(stages.read_text().replace("90", "30", 1))
    present = version_hash(tables_of(project), "1")
    with pytest.raises(DefinitionsError, match="version '1' is signed, but not with its present content") as raised:
        load(project)
    assert signed in str(raised.value)
    assert present in str(raised.value)
    assert "new version" in str(raised.value)
    sign(project, present)
    assert load(project).versions[0].is_signed


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        ("stages:{stages}", ["content_hash itself was changed"]),
        ("stages:000000000000", ["stages ({folder}/stages.csv; owner: sales operations) changed"]),
        ("", ["which of its tables (stages) changed is not known, because table_hashes is empty"]),
        ("rules:123456789012", ["rules has no rows of it any more; stages (", "owner: sales operations) was added"]),
    ],
)
def test_the_table_that_changed_is_named_with_its_owner(project, kept, words):
    now = table_hashes(tables_of(project), "1")
    (project / "seeds/definition_versions.csv").write_text(
        f"{VERSIONS}1,2025-01-01,0,CMO,2025-01-02,CRO,2025-01-02,{kept.format(**now)}\n"
    )
    with pytest.raises(DefinitionsError) as raised:
        load(project)
    for word in words:
        assert word.format(folder=project / "seeds") in str(raised.value)
    assert f"table_hashes stages:{now['stages']}" in str(raised.value), "what to put there next time"


def test_our_own_versions_name_their_tables_as_they_are():
    tables = read_tables(read_specs(PROJECT_ROOT / "seeds"), PROJECT_ROOT / "seeds", None)
    for row in tables[VERSIONS_TABLE].rows:
        kept = dict(part.split(":") for part in row["table_hashes"].split())
        assert kept == table_hashes(tables, row["version"]), "put there what `agreed_definitions hash` prints"


def test_a_signature_without_hash_binds_nothing_and_is_an_error(project):
    sign(project, "")
    with pytest.raises(DefinitionsError, match="content_hash is empty"):
        load(project)


def test_the_same_content_lies_in_one_folder_and_a_killed_merge_leaves_no_half(project):
    first = load(project).folder
    assert load(project).folder == first
    shutil.rmtree(first)
    assert load(project).folder == first
    assert sorted(path.name for path in first.parent.iterdir()) == [first.name]


def test_our_own_tables_can_be_built_on(capsys, monkeypatch):
    for name in ("CONCORD_DEFINITIONS", "CONCORD_EXTRACTS"):
        monkeypatch.delenv(name, raising=False)
    assert main(["check"]) == 0, capsys.readouterr().err


def test_the_command_line_prints_hashes_and_refuses_unknown_versions(capsys):
    assert main(["hash", "no such version"]) == 1
    assert "no version 'no such version'" in capsys.readouterr().err
    assert main([]) == 2
    assert (PROJECT_ROOT / "seeds").is_dir()
