"""The main job as a person runs it. Slow: each run is a process of its own."""

import shutil

import dagster as dg
import duckdb
import pytest

from orchestration.agreed_definitions import Definitions
from orchestration.checks import CHECKS, check_of, result_of
from orchestration.landing import BrokenRule
from orchestration.preparation import prepare
from orchestration.publishing import fingerprints
from orchestration.settings import read_settings
from orchestration.writer_lock import single_writer
from tests.conftest import copied, run_main_job

pytestmark = pytest.mark.slow


def test_the_demo_ends_with_a_published_warehouse_and_a_summary_that_says_so(demo):
    for words in ("Loaded", "Held back", "Stale", "Definitions version 1", "Published", "Look at", "DEMO"):
        assert words in demo.output
    assert str(demo.settings.published) in demo.output
    assert demo.settings.published.is_symlink()


def test_every_published_table_is_described_and_says_that_it_is_a_demo(warehouse):
    undescribed = warehouse.execute(
        "select schema_name || '.' || table_name from duckdb_tables()"
        " where comment is null or comment not like '[%DEMO%] _%'"
    ).fetchall()
    assert undescribed == []


def test_every_published_column_is_described(warehouse):
    undescribed = warehouse.execute(
        "select schema_name || '.' || table_name || '.' || column_name from duckdb_columns()"
        " where not internal and comment is null"
    ).fetchall()
    assert undescribed == []


def test_the_ledger_accounts_for_every_row(warehouse):
    ((loads, rows, unaccounted),) = warehouse.execute(
        "select count(*), sum(rows_delivered), count(*) filter (rows_delivered <> rows_accepted + rows_quarantined"
        " + rows_unparseable + rows_superseded) from audit.loads"
    ).fetchall()
    assert loads > 20
    assert rows > 1000
    assert unaccounted == 0


def test_no_rep_is_published_by_name_or_id(warehouse):
    columns = warehouse.execute(
        "select schema_name, table_name, column_name from duckdb_columns()"
        " where not internal and (column_name = 'rep_id' or column_name like '%\\_rep\\_id' escape '\\')"
    ).fetchall()
    assert columns
    for schema, table, column in columns:
        values = warehouse.execute(
            f"select distinct {column} from {schema}.{table} where {column} not like 'team:%'"
        ).fetchall()
        assert values == [], f"{schema}.{table}"


SECRET = "never-to-be-seen"


@pytest.fixture(scope="module")
def second_run(own_demo):
    """The fingerprints and the file published before a second run, and that run, which cannot reach PostgreSQL."""
    published = own_demo.settings.published
    before = fingerprints(published), published.resolve()
    unreachable = f"postgresql://concord:{SECRET}@127.0.0.1:1/warehouse"
    return *before, run_main_job(**own_demo.environment, CONCORD_POSTGRES=unreachable)


def test_a_second_run_loads_nothing_and_publishes_an_equal_warehouse(own_demo, second_run):
    before, file, process = second_run
    assert "Loaded      nothing: no new files" in process.stdout
    assert own_demo.settings.published.resolve() != file, "it was published anew"
    assert fingerprints(own_demo.settings.published) == before


def test_a_postgresql_that_cannot_be_reached_fails_the_run_but_not_the_file(own_demo, second_run):
    *_, process = second_run
    assert process.returncode == 1, process.stdout
    failed = [line for line in process.stdout.splitlines() if line.startswith("FAILED")]
    assert len(failed) == 1
    assert "cannot connect to PostgreSQL at concord@127.0.0.1:1/warehouse" in failed[0]
    assert "\nPublished   " in process.stdout
    settings = own_demo.settings
    for folder in (settings.warehouse, settings.dagster_home):
        told = [path for path in folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
        assert told == []
    assert SECRET not in process.stdout


def test_a_second_writer_is_refused_and_told_who_writes(own_demo):
    before = own_demo.settings.published.resolve()
    with single_writer(own_demo.settings.lock_file):
        process = run_main_job(**own_demo.environment)
    assert process.returncode == 1
    assert "is being written by process" in process.stdout
    assert "Nothing was changed" in process.stdout
    assert own_demo.settings.published.resolve() == before


@pytest.mark.parametrize(
    ("environment", "message", "code"),
    [
        ({"CONCORD_EXTRACTS": "/no/such/folder"}, "CONCORD_EXTRACTS=/no/such/folder: there is no such folder", 2),
        ({"CONCORD_TARGET": "spark"}, "does not run on Spark yet", 2),
        ({"CONCORD_EXTRAKTS": "x"}, "unknown setting CONCORD_EXTRAKTS", 2),
    ],
)
def test_what_cannot_start_says_why(tmp_path, environment, message, code):
    process = run_main_job(CONCORD_WAREHOUSE=tmp_path / "w", **environment)
    assert process.returncode == code
    assert message in process.stdout
    assert "Traceback" not in process.stdout


def test_an_empty_folder_of_extracts_is_an_error_and_never_the_demo(tmp_path):
    (tmp_path / "extracts").mkdir()
    process = run_main_job(CONCORD_EXTRACTS=tmp_path / "extracts", CONCORD_WAREHOUSE=tmp_path / "w")
    assert process.returncode == 1
    assert str(tmp_path / "extracts") in process.stdout
    assert "DEMO" not in process.stdout
    assert not (tmp_path / "w/concord.duckdb").exists()


def test_real_extracts_are_not_built_into_the_demos_warehouse(own_demo):
    before = own_demo.settings.published.resolve()
    process = run_main_job(CONCORD_WAREHOUSE=own_demo.settings.warehouse, CONCORD_EXTRACTS=own_demo.settings.extracts)
    assert process.returncode == 2
    assert "was built from demo at scale 0.05, this run is from extracts" in process.stdout
    assert own_demo.settings.published.resolve() == before


def test_a_changed_row_under_a_signature_stops_the_run_and_leaves_what_is_published(own_demo, tmp_path):
    before = own_demo.settings.published.resolve()
    for name in ("definition_versions.csv", "stages.csv"):
        shutil.copy(own_demo.settings.project / "seeds" / name, tmp_path)
    stages = tmp_path / "stages.csv"
    stages.write_text(stages.read_text().replace(",90", ",91", 1))
    process = run_main_job(**own_demo.environment, CONCORD_DEFINITIONS=tmp_path)
    assert process.returncode == 2
    assert "version '1' is signed, but not with its present content" in process.stdout
    assert f"stages ({stages}; owner: analytics) changed" in process.stdout
    assert own_demo.settings.published.resolve() == before


def test_an_as_of_before_all_data_stops_the_run_and_leaves_what_is_published(own_demo):
    before = own_demo.settings.published.resolve()
    process = run_main_job(**own_demo.environment, CONCORD_AS_OF="2001-01-01")
    assert process.returncode == 1
    assert "CONCORD_AS_OF=2001-01-01 00:00:00: that is before all delivered data" in process.stdout
    assert "The earliest accepted row is of 20" in process.stdout
    assert "What was published before is unchanged" in process.stdout
    assert "Traceback" not in process.stdout
    assert own_demo.settings.published.resolve() == before


def test_unsigned_definitions_are_built_and_marked(demo, tmp_path):
    """Other definitions make a build anew, over the one that is there."""
    versions = (demo.settings.project / "seeds/definition_versions.csv").read_text().splitlines()
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions/definition_versions.csv").write_text(f"{versions[0]}\n1,2000-01-01 00:00:00,,,,,,,\n")
    own = copied(demo, tmp_path / "warehouse")
    process = run_main_job(**own.environment, CONCORD_DEFINITIONS=tmp_path / "definitions")
    assert process.returncode == 0, process.stdout
    assert "Loaded      nothing: no new files" in process.stdout
    assert "PROVISIONAL: version 1 lacks signed_by_marketing, signed_by_sales" in process.stdout
    with duckdb.connect(str(own.settings.published.resolve()), read_only=True) as warehouse:
        marked = warehouse.execute(
            "select count(*), count(*) filter (comment like '[PROVISIONAL, DEMO] %') from duckdb_tables()"
        ).fetchall()
        assert marked[0][0] == marked[0][1] > 10
        builds = warehouse.execute("select is_provisional, is_full_refresh from audit.builds order by build_number")
        assert builds.fetchall() == [(False, True), (True, True)]
    here, there = fingerprints(own.settings.published), fingerprints(demo.settings.published)
    different = {name for name in there if name.split(".")[0] in {"core", "funnel"} and here[name] != there[name]}
    # A folder of definitions stands in place of the demo company's notes.
    assert different <= {"core.dim_definition_versions", "core.dim_joint_log"}, "two builds of one input are equal"


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    from orchestration.definitions import make_definitions

    prepared = prepare(read_settings({"CONCORD_WAREHOUSE": str(tmp_path_factory.mktemp("graph"))}))
    return prepared, make_definitions(prepared)


def test_one_graph_leads_from_every_extract_to_the_published_warehouse(graph):
    prepared, definitions = graph
    assets = definitions.resolve_asset_graph()
    published = dg.AssetKey(["published", "concord"])
    upstream, queue = set(), [published]
    while queue:
        for parent in assets.get(queue.pop()).parent_keys - upstream:
            upstream.add(parent)
            queue.append(parent)
    extracts = {dg.AssetKey([c.system, c.object]) for c in prepared.contracts.values()}
    assert extracts <= assets.materializable_asset_keys
    assert extracts <= upstream, "an extract that leads nowhere"
    assert not {key for key in assets.get_all_asset_keys() if key not in assets.materializable_asset_keys}, (
        "something that nobody makes"
    )


def test_every_asset_has_an_owner_a_group_and_a_description(graph):
    assets = graph[1].resolve_asset_graph()
    poor = [
        key.to_user_string()
        for key in assets.materializable_asset_keys
        if not (assets.get(key).owners and assets.get(key).description and assets.get(key).group_name != "default")
    ]
    assert poor == []


def test_contract_checks_block_and_dbt_tests_are_checks(graph):
    prepared, definitions = graph
    assets = definitions.resolve_asset_graph()
    checks = {key: assets.get_check_spec(key) for key in assets.asset_check_keys}
    for contract in prepared.contracts.values():
        own = [spec for key, spec in checks.items() if key.asset_key == dg.AssetKey([contract.system, contract.object])]
        assert {"delivered", "readable", "rows"} <= {spec.name for spec in own}
        assert all(spec.blocking for spec in own)
    tests = [n for n in prepared.manifest["nodes"].values() if n["resource_type"] == "test"]
    assert len(checks) > len(tests) * 0.9


def broken(rule, *, blocks, severity="error"):
    return BrokenRule("crm", "people", "crm.people", rule, severity, blocks, "sales_operations", "what and whose", 3.0)


@pytest.mark.parametrize(
    ("rules", "passed", "severity"),
    [
        ([], True, "WARN"),
        ([broken("not_null:id", blocks=False)], False, "WARN"),
        ([broken("not_null:id", blocks=False), broken("unique:key", blocks=True)], False, "ERROR"),
    ],
)
def test_a_check_stops_the_run_only_where_the_contract_says_so(rules, passed, severity):
    result = result_of(dg.AssetKey(["crm", "people"]), "rows", rules)
    assert (result.passed, result.severity.value) == (passed, severity)
    if rules:
        record = result.metadata["broken"].records[0].data
        assert (record["rule"], record["figure"], record["owner"]) == ("not_null:id", 3.0, "sales_operations")


def test_every_rule_belongs_to_one_check():
    assert check_of("not_null:email") == "rows"
    assert check_of("usual_volume") == "usual"
    assert check_of("freshness") == "fresh"
    assert check_of("required") == "delivered"
    assert check_of("never heard of it") == "rows"
    kinds = [kind for _, group in CHECKS.values() for kind in group]
    assert len(kinds) == len(set(kinds))


def test_definitions_without_versions_have_none_in_force():
    from datetime import datetime

    assert Definitions({}, ()).in_force(datetime(2026, 1, 1)) is None
