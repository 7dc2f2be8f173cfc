import subprocess
import sys
import threading
from dataclasses import replace
from datetime import datetime

import duckdb
import pytest

from orchestration.agreed_definitions import ColumnSpec, Definitions, Table, TableSpec
from orchestration.build_context import begin_build, current_build, note_models_built
from orchestration.publishing import AuditError, PublishError, fingerprints, publish, sweep
from orchestration.publishing.replays import prepare_store
from orchestration.publishing.tables import AUDIT_TABLES, PublishedTable, tables_of_manifest
from orchestration.publishing.visibility import RepVisibility
from orchestration.settings import PROJECT_ROOT, Settings

publish_module = sys.modules["orchestration.publishing.publish"]
AS_OF = datetime(2026, 3, 15)
DEALS = PublishedTable(
    "core",
    "fct_deals",
    "One row per deal.",
    {"deal_id": "The deal's key."},
    keys=(("deal_id",),),
    personal=frozenset({"buyer"}),
)
REPS = PublishedTable("core", "dim_reps", "One row per rep.", keys=(("rep_id",),))
FUNNEL = PublishedTable("metrics", "company_by_month", "One row per month.")
TABLES = (DEALS, REPS, FUNNEL)
STEPS = ["copy", "audit", "sync", "rename", "swap", "note", "sweep"]


@pytest.fixture
def settings(tmp_path):
    settings = Settings(extracts=tmp_path, warehouse=tmp_path / "warehouse", project=PROJECT_ROOT)
    settings.private.mkdir(parents=True)
    with duckdb.connect(str(settings.build_file)) as build:
        build.execute("create schema core; create schema metrics; create schema audit")
        build.execute(
            "create table core.dim_reps as select 'rep' || r as rep_id, 'Person ' || r as rep_name,"
            " case when r < 5 then 'North' else 'South' end as team from range(7) as t(r)"
        )
        build.execute(
            "create table core.fct_deals as select 'd' || d as deal_id, 'rep' || (d % 7) as rep_id,"
            " 'rep' || (d % 7) as owner_rep_id, 'a person' as buyer, 'Deal ' || d as note, d::decimal(18,2) as amount"
            " from range(700) as t(d)"
        )
        build.execute(
            "create table metrics.company_by_month (metric_time__month date, mqls bigint, mql_to_sal_rate double)"
        )
        build.execute(
            "insert into metrics.company_by_month values"
            " ('2026-01-01', 7, 0.5), ('2026-02-01', 5, null), ('2026-03-01', 1, null)"
        )
        for table in AUDIT_TABLES[:3]:
            types = {"rows_": "bigint", "is_": "boolean", "load_number": "bigint"}
            columns = ", ".join(
                f"{name} {next((t for start, t in types.items() if name.startswith(start)), 'varchar')}"
                for name in table.columns
            )
            build.execute(f"create table audit.{table.name} ({columns}, raw_row varchar)")
        load(build, "first.csv", delivered=10, accepted=8, quarantined=2)
    return settings


def load(build, name, delivered, accepted, quarantined=0):
    build.execute(
        "insert into audit.loads by name select ? as load_id, ? as file_name, ? as rows_delivered, ? as rows_accepted,"
        " ? as rows_quarantined, 0 as rows_unparseable, 0 as rows_superseded, 'x@private.example' as raw_row",
        [name, name, delivered, accepted, quarantined],
    )


def run(
    settings, sql=None, *, level="rep", tables=TABLES, as_of=AS_OF, progress=lambda step: None,
    definitions=None,
):  # fmt: skip
    if sql:
        with duckdb.connect(str(settings.build_file)) as build:
            build.execute(sql)
    context = begin_build(settings, definitions or Definitions({}, ()), as_of=as_of)
    return publish(settings, context, tables, visibility=RepVisibility(level), progress=progress)


def read(settings, query):
    with duckdb.connect(str(settings.published), read_only=True) as warehouse:
        return warehouse.execute(query).fetchall()


def test_what_is_published_is_a_relative_link_to_a_whole_file(settings):
    publication = run(settings)
    assert settings.published.is_symlink()
    assert not settings.published.readlink().is_absolute()
    assert settings.published.resolve() == publication.path.resolve()
    assert [path.name for path in settings.builds.iterdir()] == [publication.path.name]
    assert read(settings, "select count(*), sum(amount)::bigint from core.fct_deals") == [(700, 244650)]
    tags = read(settings, "select tags from duckdb_databases() where not internal and database_name not in ('temp')")
    assert "v1.5" in str(tags), "a client of DuckDB 1.5 must be able to open it"


def test_personal_columns_and_private_columns_of_the_ledger_stay_in_the_build_file(settings):
    run(settings)
    columns = {name for (name,) in read(settings, "select column_name from duckdb_columns() where not internal")}
    assert "deal_id" in columns
    assert "buyer" not in columns
    assert "raw_row" not in columns


def test_every_table_is_described_and_carries_the_marks_of_the_build(settings):
    run(replace(settings, demo_scale=0.5))
    comments = dict(read(settings, "select schema_name || '.' || table_name, comment from duckdb_tables()"))
    assert comments["core.fct_deals"] == "[PROVISIONAL, DEMO] One row per deal."
    assert all(comment.startswith("[PROVISIONAL, DEMO] ") for comment in comments.values())
    column = read(settings, "select comment from duckdb_columns() where column_name = 'deal_id' and not internal")
    assert column == [("The deal's key.",)]


@pytest.mark.parametrize(
    ("level", "reps", "deals"),
    [
        ("rep", 7, {f"rep{n}" for n in range(7)}),
        # South has two reps, fewer than a group of five.
        ("team", 1, {"team:North", None}),
        ("off", 0, {None}),
    ],
)
def test_reps_are_seen_as_far_as_the_visibility_allows(settings, level, reps, deals):
    run(settings, level=level)
    assert read(settings, "select count(*) from core.dim_reps") == [(reps,)]
    for column in ("rep_id", "owner_rep_id"):
        assert {value for (value,) in read(settings, f"select distinct {column} from core.fct_deals")} == deals
    names = read(settings, "select count(*) from core.dim_reps where rep_name is not null")
    assert names == [(7 if level == "rep" else 0,)]


@pytest.mark.parametrize(("level", "group"), [("everyone", 5), ("team", 1)])
def test_an_unknown_visibility_is_an_error(level, group):
    with pytest.raises(ValueError, match=r"rep_(visibility|minimum_group) is"):
        RepVisibility(level, group)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "update core.fct_deals set note = 'ask jo.smith+x@corp.co.uk first' where deal_id = 'd7'",
            r"core.fct_deals, column note: 1 rows hold an e-mail address",
        ),
        (
            "update core.fct_deals set note = 'call +44 20 7946 0958' where deal_id in ('d7', 'd8')",
            r"core.fct_deals, column note: 2 rows hold a phone number",
        ),
        ("update core.fct_deals set note = '(415) 555-2671' where deal_id = 'd7'", r"1 rows hold a phone number"),
        ("update core.fct_deals set note = '+14155552671' where deal_id = 'd7'", r"1 rows hold a phone number"),
        (
            "insert into core.fct_deals (deal_id) values ('d7')",
            r"core.fct_deals: key \(deal_id\) has 700 values in 701",
        ),
        ("update core.fct_deals set deal_id = null where deal_id = 'd7'", r"key \(deal_id\) is null in 1 rows"),
        ("update audit.loads set rows_accepted = 7", r"audit.loads, first.csv .*: 10 rows delivered, but 9 accounted"),
        ("update audit.loads set rows_accepted = null", r"10 rows delivered, but None accounted for"),
    ],
)
def test_a_broken_promise_is_named_and_what_is_published_stays(settings, sql, message):
    run(settings)
    before, target = fingerprints(settings.published), settings.published.readlink()
    with pytest.raises(AuditError, match=message):
        run(settings, sql)
    assert settings.published.readlink() == target
    assert fingerprints(settings.published) == before
    assert len(list(settings.builds.iterdir())) == 1


@pytest.mark.parametrize(
    "harmless",
    [
        "12.5 @ 3",
        "2026-01-31 10:00:00+00:00",
        "a+b",
        "+12",
        "f(415) x",
        "00155501234567",
        "4155552671",
        "x+14155552671",
    ],
)
def test_what_only_looks_a_little_like_personal_data_passes(settings, harmless):
    run(settings, f"update core.fct_deals set note = '{harmless}'")


def test_a_team_has_the_region_and_the_role_that_all_its_reps_share(settings):
    run(
        settings,
        "alter table core.dim_reps add column region varchar; alter table core.dim_reps add column role varchar;"
        " update core.dim_reps set team = case when rep_id in ('rep0', 'rep1') then 'South' else 'North' end,"
        " region = 'EMEA', role = case when rep_id = 'rep2' then 'SDR' else 'AE' end;"
        " insert into core.dim_reps by name select 'east' || n as rep_id, 'East' as team,"
        " case when n > 0 then 'APAC' end as region, 'AE' as role from range(5) as t(n)",
        level="team",
    )
    teams = read(settings, "select team, region, role, rep_name from core.dim_reps order by team")
    assert teams == [("East", None, "AE", None), ("North", "EMEA", None, None)]


def test_names_of_accounts_may_look_like_anything(settings):
    run(
        settings,
        "alter table core.fct_deals rename note to account_name; update core.fct_deals set account_name='x@y.example'",
    )


def test_a_table_that_was_not_built_stops_the_publication(settings):
    with pytest.raises(PublishError, match=r"not in the build file, so not published: core.fct_touches"):
        run(settings, tables=(*TABLES, PublishedTable("core", "fct_touches", "")))
    assert not settings.published.exists()


def test_two_keys_with_one_hash_are_two_keys(settings, monkeypatch):
    audit_module = sys.modules["orchestration.publishing.audit"]
    monkeypatch.setattr(audit_module, "row_hash", lambda columns, alias="": "7::ubigint")
    run(settings)
    with pytest.raises(AuditError, match=r"core.fct_deals: key \(deal_id\) has 700 values in 701"):
        run(settings, "insert into core.fct_deals (deal_id) values ('d7')")


def test_a_personal_column_that_got_out_by_another_table_definition_is_refused(settings):
    run(settings)
    from orchestration.publishing.audit import audit

    leaking = replace(DEALS, personal=frozenset({"note"}))
    with pytest.raises(AuditError, match=r"core.fct_deals: personal column note is published"):
        audit(settings.published, [leaking], {"core.fct_deals": 700})


class Killed(BaseException):
    pass


@pytest.mark.parametrize("step", STEPS)
def test_a_publication_that_ends_at_any_step_leaves_one_whole_warehouse(settings, step):
    """Up to the swap the old one stands, from then on the new one; in between there is nothing."""
    run(settings)
    old = fingerprints(settings.published)

    def stop_at(reached):
        if reached == step:
            raise Killed

    with pytest.raises(Killed):
        run(settings, "delete from core.fct_deals where deal_id = 'd1'", progress=stop_at)
    is_new = STEPS.index(step) > STEPS.index("swap")
    assert (fingerprints(settings.published) != old) == is_new
    sweep(settings)
    assert settings.published.resolve() in set(settings.builds.iterdir())
    assert not list(settings.builds.glob(".*"))


KILLED_PUBLISH = """
import os, signal, sys
from pathlib import Path
from orchestration.build_context import current_build
from orchestration.publishing import publish
from orchestration.publishing.visibility import RepVisibility
from orchestration.settings import Settings
from tests.orchestration.test_publishing import TABLES

settings = Settings(extracts=Path("."), warehouse=Path(sys.argv[1]))
def progress(step):
    if step == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
publish(settings, current_build(settings.build_file), TABLES, visibility=RepVisibility("rep"), progress=progress)
"""


@pytest.mark.slow
@pytest.mark.parametrize("step", ["audit", "rename", "swap", "note"])
def test_what_a_killed_publication_left_behind_is_swept_and_the_next_one_works(settings, step):
    run(settings)
    old = fingerprints(settings.published)
    with duckdb.connect(str(settings.build_file)) as build:
        build.execute("delete from core.fct_deals where deal_id = 'd1'")
    killed = begin_build(settings, Definitions({}, ()), as_of=AS_OF)
    process = subprocess.run(
        [sys.executable, "-c", KILLED_PUBLISH, str(settings.warehouse), step], cwd=PROJECT_ROOT, check=False
    )
    assert process.returncode == -9
    assert len(list(settings.builds.iterdir())) == 2, "nothing was left behind: the kill came too late"
    assert (fingerprints(settings.published) != old) == (step == "note")
    (settings.warehouse / ".link-left-behind").symlink_to("nowhere")
    publication = run(settings)
    assert not list(settings.warehouse.glob(".*"))
    expected = {publication.path.name} | {path.name for path in settings.builds.iterdir() if "-000001" in path.name}
    expected |= {f"concord-{killed.build_id}.duckdb"} if step == "note" else set()
    assert {path.name for path in settings.builds.iterdir()} == expected
    published = {build_id for (build_id,) in read(settings, "select build_id from audit.builds")}
    assert (killed.build_id in published) == (step == "note"), "audit.builds says what was really published"


@pytest.mark.slow
def test_eight_readers_see_whole_warehouses_while_new_ones_are_published(settings):
    run(settings, "update core.fct_deals set amount = 1")
    stop, errors, seen = threading.Event(), [], set()

    def reads():
        while not stop.is_set():
            try:
                with duckdb.connect(str(settings.published.resolve()), read_only=True) as warehouse:
                    ((count, least, most),) = warehouse.execute(
                        "select count(*), min(amount), max(amount) from core.fct_deals"
                    ).fetchall()
                if count != 700 or least != most:
                    errors.append((count, least, most))
                seen.add(int(least))
            except Exception as error:
                errors.append(error)

    readers = [threading.Thread(target=reads) for _ in range(8)]
    for reader in readers:
        reader.start()
    for number in range(2, 6):
        run(settings, f"update core.fct_deals set amount = {number}")
    stop.set()
    for reader in readers:
        reader.join()
    assert not errors
    assert len(seen) > 1, "nobody read during a publication"


def test_the_last_five_builds_are_kept(settings):
    names = [run(settings).path.name for _ in range(7)]
    assert sorted(path.name for path in settings.builds.iterdir()) == names[-5:]
    assert len(read(settings, "select * from audit.builds")) == 7


def test_a_failed_build_leaves_no_line_among_the_published_ones(settings):
    begin_build(settings, Definitions({}, ()), as_of=AS_OF)
    run(settings)
    assert read(settings, "select build_number, status, published_at is not null from audit.builds") == [
        (2, "published", True)
    ]


def test_a_closed_month_is_frozen_when_first_reported_and_every_change_since_is_listed(settings):
    first = run(settings)
    frozen = "select metric, period_month::varchar, reported_value::int from audit.reported_builds order by 2"
    changes = (
        "select metric, period_month::varchar, reported_value::int, previous_value::int, current_value::int,"
        " difference::int, cause from audit.restatements order by restated_at"
    )
    both = [("mqls", "2026-01-01", 7), ("mqls", "2026-02-01", 5)]
    assert read(settings, frozen) == both, "March is not over yet"
    assert read(settings, changes) == []
    second = run(settings, "update metrics.company_by_month set mqls = 9 where mqls = 5")
    assert second.restatements == 1
    assert read(settings, frozen) == both
    there = ("mqls", "2026-02-01", 5, 5, 9, 4, "not on record")
    assert read(settings, changes) == [there], "nothing that the records know differs between the two builds"
    assert read(settings, "select reported_build_id, previous_build_id, build_id from audit.restatements") == [
        (*[first.path.stem.removeprefix("concord-")] * 2, second.path.stem.removeprefix("concord-"))
    ]
    third = run(settings, "update metrics.company_by_month set mqls = 5 where mqls = 9", as_of=datetime(2026, 4, 1))
    assert read(settings, changes) == [there, ("mqls", "2026-02-01", 5, 9, 5, -4, "late data")]
    assert len(read(settings, frozen)) == 3
    unchanged = run(settings, as_of=datetime(2026, 4, 1))
    assert (third.restatements, unchanged.restatements) == (1, 0)
    assert len(read(settings, changes)) == 2, "what earlier builds changed stays listed"
    run(settings, "delete from metrics.company_by_month where metric_time__month = '2026-01-01'")
    assert read(settings, changes)[2][3:6] == (7, 0, -7), "a month that has no figure any more is one to nothing"


PEOPLE = """
    create schema if not exists funnel;
    create table if not exists core.bridge_person_records as select 'crm' as system, 'people' as object,
        'r' || n as record_id, 'p' || n as person_id from range(6) as t(n);
    create table if not exists funnel.fct_stage_entries as select 'p' || n as person_id, 'mql' as stage,
        false as is_inferred, date '2026-02-10' as entered_date from range(5) as t(n);
"""
OF_PEOPLE = (
    PublishedTable("core", "bridge_person_records", "One row per record of a person."),
    PublishedTable("funnel", "fct_stage_entries", "One row per entry."),
)
SEGMENTS = Table(
    TableSpec("segments", "Segments.", (ColumnSpec("segment"),)), PROJECT_ROOT, ({"segment": "x"},), (2,), True
)
ONE_LOAD_MORE = """insert into audit.loads by name select 'second' as load_id, 'second' as file_name, 2 as load_number,
    'crm' as system, 'people' as object, 3 as rows_delivered, 3 as rows_accepted, 0 as rows_quarantined,
    0 as rows_unparseable, 0 as rows_superseded;"""
JOINED = """update core.bridge_person_records set person_id = 'p0' where person_id = 'p1';
    delete from funnel.fct_stage_entries where person_id = 'p1';"""
ONE_FEWER = "update metrics.company_by_month set mqls = mqls - 1 where metric_time__month = '2026-02-01';"
TWO_MORE = "update metrics.company_by_month set mqls = mqls + 2 where metric_time__month = '2026-02-01';"


@pytest.mark.parametrize(
    ("sql", "other_definitions", "other_code", "expected"),
    [
        (ONE_LOAD_MORE + TWO_MORE, False, False, [("late data", 2)]),
        (JOINED + ONE_FEWER, False, False, [("merge", -1)]),
        # The evidence that joined two people came with rows of others: each has its own share.
        (ONE_LOAD_MORE + JOINED + ONE_FEWER + TWO_MORE, False, False, [("late data", 2), ("merge", -1)]),
        (TWO_MORE, True, False, [("definition", 2)]),
        (TWO_MORE, False, True, [("code", 2)]),
        (ONE_LOAD_MORE + TWO_MORE, True, False, [("several", 2)]),
        (JOINED + ONE_FEWER, False, True, [("several", -1)]),
        # A cause on record that changed no figure is no restatement.
        (ONE_LOAD_MORE + JOINED, True, True, []),
    ],
    ids=["late_data", "merge", "merge_and_late_data", "definition", "code", "several", "merge_and_code", "no_change"],
)
def test_a_restatement_names_its_cause_and_no_other(
    settings, monkeypatch, sql, other_definitions, other_code, expected
):
    run(settings, PEOPLE, tables=(*TABLES, *OF_PEOPLE))
    if other_code:
        monkeypatch.setattr("orchestration.build_context.code_hash", lambda project: "other code")
    tables = {"segments": SEGMENTS} if other_definitions else {}
    run(settings, sql, definitions=Definitions(tables, ()), tables=(*TABLES, *OF_PEOPLE))
    found = read(settings, "select cause, difference::int from audit.restatements order by cause")
    assert found == expected
    for causes, evidence in read(settings, "select causes, evidence from audit.restatements"):
        assert ("loads 1 to 2, 1 files: crm/people (3 rows accepted)" in evidence) == (ONE_LOAD_MORE in sql)
        assert ("2 people joined or taken apart" in evidence) == (JOINED in sql)
        assert ("agreed tables changed" in evidence) == other_definitions
        assert ("now other code" in evidence) == other_code
        assert ("," in causes) == (expected[0][0] == "several")


def test_a_proposal_is_no_cause(settings):
    run(settings, definitions=versions("1"))
    run(settings, ONE_LOAD_MORE + TWO_MORE, definitions=versions("1", "2"))
    assert read(settings, "select cause from audit.restatements") == [("late data",)]


def versions(*names):
    """Definitions of which the first version is in force and the others are proposed."""
    columns = (ColumnSpec("version"), ColumnSpec("effective_from"))
    rows = tuple(
        {"version": name, "effective_from": "" if place else "2000-01-01 00:00:00"} for place, name in enumerate(names)
    )
    spec = TableSpec("definition_versions", "Versions.", columns)
    return Definitions(
        {"definition_versions": Table(spec, PROJECT_ROOT, rows, tuple(range(2, len(rows) + 2)), True)}, ()
    )


REPLAYED = """
    insert into audit.definition_replays by name
    select '2' as version, content_hash, schedule_hash, code_hash, as_of, last_load_number, build_id,
        started_at as replayed_at, 'stages: lead' as changed_rules, 1 as seconds
    from audit.builds, audit.version_contents where version = '2' order by build_number desc limit 1;
    insert into audit.replayed_figures by name select '2' as version, 'mqls' as kpi, date '2026-02-01' as period_month,
        false as is_ratio, 5 as in_force, null as replayed;
    insert into audit.replayed_people by name select '2' as version, 'p1' as person_id, 'class' as change,
        'mql' as from_class, 'lead' as to_class, 'A1' as from_grade, 'A1' as to_grade, 'stages: lead' as rules,
        'alone' as attribution, 3 as in_force_entries, 2 as replayed_entries;
"""


def test_a_replay_is_published_until_something_it_was_made_from_changes(settings, monkeypatch):
    both = versions("1", "2")
    run(settings, definitions=both)
    assert read(settings, "select * from alignment.rpt_definition_replay") == [], "none was made"
    with duckdb.connect(str(settings.build_file)) as build:
        prepare_store(build)
    states = "select is_current, stale_reason from alignment.dim_definition_replays"
    run(settings, REPLAYED, definitions=both)
    assert read(settings, states) == [(True, None)]
    assert read(settings, "select difference::int, is_current from alignment.rpt_definition_replay") == [(-5, True)]
    assert read(settings, "select from_class, to_class, is_current from alignment.rpt_definition_replay_people") == [
        ("mql", "lead", True)
    ]
    run(settings, definitions=versions("1", "2", "3"))
    assert read(settings, states) == [(True, None)], "another proposal beside it"
    run(settings, ONE_LOAD_MORE, definitions=both)
    assert read(settings, states) == [(False, "the build is of newer data")]
    run(settings, definitions=versions("1"))
    assert read(settings, states) == [(False, "the version is no longer declared")]
    run(settings, definitions=Definitions({**both.tables, "segments": SEGMENTS}, ()))
    assert read(settings, states) == [(False, "the schedule in force is another one now")]
    run(settings, "update audit.definition_replays set last_load_number = 2", definitions=both)
    assert read(settings, states) == [(True, None)]
    run(settings, "update audit.definition_replays set content_hash = 'other'", definitions=both)
    assert read(settings, states) == [(False, "the version says something else now")]
    assert read(settings, "select bool_or(is_current) from alignment.rpt_definition_replay") == [(False,)]


def test_equal_rows_in_another_order_have_equal_fingerprints_and_others_have_not(settings):
    run(settings)
    before = fingerprints(settings.published)
    run(settings, "create table core.t as select * from core.fct_deals order by random(); drop table core.fct_deals;"
        " alter table core.t rename to fct_deals")  # fmt: skip
    assert fingerprints(settings.published) == before
    run(settings, "update core.fct_deals set amount = amount + 0.01 where deal_id = 'd3'")
    changed = {name for name, value in fingerprints(settings.published).items() if before[name] != value}
    assert changed == {"core.fct_deals"}


def test_an_unfinished_or_absent_build_is_no_current_build(settings):
    from orchestration.build_context import BuildError

    with pytest.raises(BuildError, match="no build has begun"):
        current_build(settings.build_file)
    context = begin_build(settings, Definitions({}, ()), as_of=AS_OF, stale_extracts=["b.y", "a.x"])
    assert current_build(settings.build_file) == context
    assert context.stale_extracts == ("a.x", "b.y")


def test_the_demo_and_real_extracts_never_meet_in_one_warehouse(settings):
    from orchestration.build_context import BuildError

    run(settings)
    with pytest.raises(BuildError, match=r"was built from extracts, this run is from demo at scale 1"):
        run(replace(settings, demo_scale=1))


def test_only_a_build_on_the_same_code_and_definitions_and_a_later_now_is_added_to(settings):
    def begin(as_of=AS_OF):
        context = begin_build(settings, Definitions({}, ()), as_of=as_of)
        with duckdb.connect(str(settings.build_file)) as build:
            (previous,) = build.execute("select previous_as_of from audit.build_context").fetchall()
        assert previous == (None if context.is_full_refresh else AS_OF,)
        return context

    assert begin().is_full_refresh, "nothing was published yet"
    run(settings)
    assert begin().is_full_refresh, "not all of its models were built"
    run(settings)
    note_models_built(settings.build_file)
    assert not begin().is_full_refresh
    assert begin().is_full_refresh, "the last build failed"
    run(settings)
    note_models_built(settings.build_file)
    assert begin(datetime(2026, 1, 1)).is_full_refresh, "back in time"


def test_a_large_table_is_brought_up_to_date_by_its_differences(settings, monkeypatch):
    monkeypatch.setattr(publish_module, "LARGE_TABLE_ROWS", 500)
    written = []
    differences = publish_module._write_differences
    monkeypatch.setattr(
        publish_module,
        "_write_differences",
        lambda connection, table, *rest: written.append(table.full_name) or differences(connection, table, *rest),
    )
    run(settings)
    note_models_built(settings.build_file)
    assert written == []
    run(
        settings,
        "update core.fct_deals set amount = 1 where deal_id = 'd3'; delete from core.fct_deals where deal_id = 'd4';"
        " insert into core.fct_deals by name select * replace ('new' as deal_id) from core.fct_deals"
        " where deal_id = 'd5'",
    )
    note_models_built(settings.build_file)
    assert written == ["core.fct_deals"]
    with duckdb.connect(str(settings.build_file), read_only=True) as build:
        expected = build.execute("select deal_id, amount from core.fct_deals order by all").fetchall()
    assert read(settings, "select deal_id, amount from core.fct_deals order by all") == expected
    assert len(list(settings.builds.iterdir())) == 2
    before = settings.published.resolve()
    with pytest.raises(AuditError, match="1 rows hold an e-mail address"):
        run(settings, "update core.fct_deals set deal_id = 'ada@example.com' where deal_id = 'd6'")
    assert settings.published.resolve() == before
    run(settings, "update core.fct_deals set deal_id = 'd6' where deal_id = 'ada@example.com'")
    note_models_built(settings.build_file)
    monkeypatch.setattr(publish_module, "_write_differences", lambda *arguments: differences(*arguments) + 1)
    written.clear()
    with pytest.raises(AuditError, match="its rows are not those of the build file"):
        run(settings)


def test_tables_and_keys_come_from_the_manifest():
    column = {"description": "", "config": {}, "tags": []}
    model = {
        "resource_type": "model", "schema": "core", "alias": "dim_x", "description": "One row\nper x.",
        "config": {"materialized": "table"},
        "columns": {"x_id": column, "email": {**column, "config": {"tags": ["personal"]}}},
    }  # fmt: skip

    def test(name, where=None, **arguments):
        return {
            "resource_type": "test", "attached_node": "model.x", "config": {"where": where, "severity": "ERROR"},
            "test_metadata": {"name": name, "kwargs": arguments},
        }  # fmt: skip

    nodes = {
        "model.x": model,
        "model.y": {**model, "schema": "staging"},
        "test.1": test("unique", column_name="x_id"),
        "test.2": test("unique", column_name="email", where="email <> ''"),
        "test.3": test("unique_combination", columns=["x_id", "email"]),
        "test.4": test("not_null", column_name="x_id"),
        "test.5": test("unique", column_name="x_id || email"),
        "test.6": test("grain", key=["x_id", "day"], also_filled=["email"]),
        "test.7": test("grain", key=["email", "day"], nullable=["day"]),
    }
    (table,) = tables_of_manifest({"nodes": nodes})
    assert table.full_name == "core.dim_x"
    assert table.description == "One row per x."
    assert table.keys == (("x_id",), ("x_id", "email"), ("x_id", "day"))
    assert table.personal == {"email"}


def test_the_columns_of_a_metrics_table_are_described_by_the_catalog():
    from orchestration.publishing.tables import tables_of_metrics

    asked = [
        (
            "by_motion",
            "One row per month.",
            ["mqls"],
            ["TimeDimension('metric_time', 'month')", "Dimension('x__motion')"],
        )
    ]
    table, catalog = tables_of_metrics(asked, {"mqls": "MQLs: entries."})
    assert table.columns == {
        "metric_time__month": "The month of the figures, by its first day.",
        "x__motion": "The figures' motion, as it stands on the x.",
        "mqls": "MQLs: entries.",
    }
    assert catalog.full_name == "metrics.catalog"


def test_a_reader_that_has_the_old_build_open_keeps_it(settings):
    run(settings)
    with duckdb.connect(str(settings.published.resolve()), read_only=True) as reader:
        for _ in range(6):
            run(settings, "delete from core.fct_deals where deal_id = (select max(deal_id) from core.fct_deals)")
        assert reader.execute("select count(*) from core.fct_deals").fetchall() == [(700,)]
    assert read(settings, "select count(*) from core.fct_deals") == [(694,)]
