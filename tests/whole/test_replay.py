"""A definition version over the whole history, against a build that has it in force from the beginning."""

import csv
import os
import subprocess
import sys

import duckdb
import pytest

from orchestration.preparation import prepare
from orchestration.publishing import fingerprints
from orchestration.replay import ENTRIES, FIGURES, copy_of_build, models_to_replay
from orchestration.settings import PROJECT_ROOT, read_settings

pytestmark = pytest.mark.slow
# They have rows for each version, proposed and planned ones too.
ABOUT_VERSIONS = {
    "intermediate.int_activities_weighed",
    "intermediate.int_person_fit_scores",
    "core.dim_definition_versions",
    "core.dim_agreed_rules",
    "core.dim_stages",
    "funnel.dim_grades",
    "intermediate.int_definition_versions",
}


def higher_fit(table, row):
    return row | {"value": "50"} if (table, row.get("parameter")) == ("scoring_parameters", "lead_min_fit") else row


def fewer_handed_over(table, row):
    return row | {"hands_off": "false"} if table == "handoff_matrix" and row["grade"] in ("B2", "C1") else row


def meetings_confirm_nothing(table, row):
    if (table, row.get("parameter")) == ("scoring_parameters", "meeting_makes_sql"):
        return row | {"value": "0"}
    # Acceptance by status falls away where the status only says that somebody is at work.
    return None if table == "stage_rules" and row["stage"] == "sal" and "work" in row["value"].lower() else row


def other_weights(table, row):
    if table == "lead_rules" and row["rule_id"] == "fit_seniority":
        return row | {"weight": "5"}
    return row | {"value": "7"} if (table, row.get("parameter")) == ("scoring_parameters", "half_life_days") else row


PROPOSALS = {"2": higher_fit, "3": fewer_handed_over, "4": meetings_confirm_nothing, "5": other_weights}
VERSIONED = ("handoff_matrix", "lead_rules", "score_grades", "scoring_parameters", "stage_rules", "stages")


def read_ours(table):
    with (PROJECT_ROOT / "seeds" / f"{table}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_definitions(folder, versions, begins=None):
    """A folder with our version 1 and others; only tables in which a version differs have rows of it."""
    folder.mkdir()
    declared = read_ours("definition_versions")
    blank = dict.fromkeys(declared[0], "")
    declared += [blank | {"version": name, "effective_from": begins or ""} for name in versions]
    tables = {"definition_versions": declared}
    for table in VERSIONED:
        ours = [row for row in read_ours(table) if row["version"] == "1"]
        for name in versions:
            changed = [new for row in ours if (new := PROPOSALS[name](table, row)) is not None]
            if changed != ours:
                tables.setdefault(table, list(ours)).extend(row | {"version": name} for row in changed)
    for table, rows in tables.items():
        with (folder / f"{table}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    return folder


def replay(version, **environment):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("CONCORD_", "DBT_"))}
    return subprocess.run(
        [sys.executable, "-m", "orchestration", "replay", version],
        cwd=PROJECT_ROOT,
        env={**inherited, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def classes(connection):
    """Class of every person: the furthest stage ever entered."""
    return dict(
        connection.execute(
            "select people.person_id, case when any_value(people.is_excluded) then 'excluded'"
            " else coalesce(max_by(entries.stage, entries.stage_order), 'none') end"
            " from intermediate.int_people as people"
            f" left join funnel.{ENTRIES} as entries using (person_id) group by 1"
        ).fetchall()
    )


def figures(connection, table):
    columns = [name for name, *_ in connection.execute(f"describe {table}").fetchall() if "metric_time" not in name]
    return {
        (month, name): None if value is None else round(float(value), 6)
        for month, *values in connection.execute(
            f"select metric_time__month, {', '.join(columns)} from {table}"
        ).fetchall()
        for name, value in zip(columns, values, strict=True)
    }


def test_the_schedule_in_force_changes_nothing_and_is_published(own_demo):
    settings = own_demo.settings
    before = fingerprints(settings.published)
    refused = replay("9", **own_demo.environment)
    assert refused.returncode == 2
    assert "no definition version '9'; known are 1, and schedule" in refused.stdout
    done = replay("schedule", **own_demo.environment)
    assert done.returncode == 0, done.stdout
    assert "changes nothing: every figure and every class is the same" in done.stdout
    after = fingerprints(settings.published)
    assert {name for name in after if after[name] != before[name]} == {
        "alignment.dim_definition_replays",
        "alignment.rpt_definition_replay",
    }
    assert not list(settings.private.glob(".replay-*"))
    with duckdb.connect(str(settings.published), read_only=True) as published:
        rows = "select count(*), count(*) filter (difference = 0 or (is_ratio and difference is null))"
        ((count, unchanged),) = published.execute(f"{rows} from alignment.rpt_definition_replay").fetchall()
        assert count == unchanged > 1000
        assert published.execute("select is_current from alignment.dim_definition_replays").fetchall() == [(True,)]
        # A ratio has its parts beside it.
        wrong = published.execute(
            "select count(*) from alignment.rpt_definition_replay"
            " where is_ratio and abs(in_force - in_force_numerator / nullif(in_force_denominator, 0)) > 0.000001"
        ).fetchall()
        assert wrong == [(0,)]
        assert published.execute("select count(distinct build_id) from audit.builds").fetchall() == [(2,)]
    with duckdb.connect(str(settings.build_file)) as build:
        build.execute("update audit.builds set last_load_number = 0")
    stale = replay("schedule", **own_demo.environment)
    assert (stale.returncode, "rows were loaded since build" in stale.stdout) == (2, True)
    assert fingerprints(settings.published) == after


@pytest.mark.matrix
def test_proposals_and_planned_versions_leave_every_table_as_it_is(demo, tmp_path):
    prepared = prepare(demo.settings)
    with copy_of_build(prepared, lambda line: None, tmp_path) as trial:
        with duckdb.connect(str(trial.file)) as copy:
            copy.execute("insert into definitions.definition_versions (version) values ('p')")
            copy.execute(
                "insert into definitions.definition_versions (version, effective_from) values ('q', '2030-01-01')"
            )
            for table in VERSIONED:
                for name in ("p", "q"):
                    copy.execute(
                        f"insert into definitions.{table} select * replace ('{name}' as version)"
                        f" from definitions.{table} where version = '1'"
                    )
            copy.execute("update definitions.scoring_parameters set value = value * 3 where version <> '1'")
            copy.execute("update definitions.handoff_matrix set hands_off = not hands_off where version <> '1'")
            copy.execute("update definitions.lead_rules set weight = 1 where version <> '1'")
            copy.execute("delete from definitions.stage_rules where version <> '1' and stage <> 'won'")
        models = models_to_replay(prepared.manifest, only_figures=False)
        assert len(models) > 50
        trial.build(models, tests=False, told="with a proposal")
        leave_out = {"definitions." + table for table in (*VERSIONED, "definition_versions")} | ABOUT_VERSIONS
        now = fingerprints(trial.file, leave_out=leave_out)
        then = fingerprints(demo.settings.build_file, leave_out=leave_out)
    assert len(then) > 200
    assert {name for name in then if now.get(name) != then[name]} == set()


@pytest.fixture(scope="module")
def proposals(tmp_path_factory):
    return write_definitions(tmp_path_factory.mktemp("proposals") / "definitions", list(PROPOSALS))


@pytest.mark.matrix
@pytest.mark.parametrize("version", list(PROPOSALS))
def test_a_proposal_replayed_equals_a_build_that_has_it_in_force_from_the_beginning(
    own_demo, proposals, tmp_path, version
):
    environment = {**own_demo.environment, "CONCORD_DEFINITIONS": str(proposals)}
    done = replay(version, **environment)
    assert done.returncode == 0, done.stdout
    with duckdb.connect(str(own_demo.settings.build_file), read_only=True) as build:
        replayed = {
            (month, kpi): None if value is None else round(float(value), 6)
            for kpi, month, value in build.execute(
                "select kpi, period_month, replayed from audit.replayed_figures where version = ?", [version]
            ).fetchall()
        }
        before = classes(build)
        changed = build.execute(
            "select person_id, from_class, to_class, rules from audit.replayed_people where version = ?", [version]
        ).fetchall()
        was = figures(build, f"metrics.{FIGURES}")
    assert replayed != was, "the proposal changes something"
    in_force = write_definitions(tmp_path / "definitions", [version], begins="2000-01-01 00:00:00")
    prepared = prepare(read_settings({**environment, "CONCORD_DEFINITIONS": str(in_force)}))
    with copy_of_build(prepared, lambda line: None, tmp_path) as trial:
        seeds = [*VERSIONED, "definition_versions"]
        trial.build([*seeds, *models_to_replay(prepared.manifest)], tests=False, told="in force", seeds=True)
        with duckdb.connect(str(trial.file)) as built:
            prepared.metrics.build(built)
            assert figures(built, f"metrics.{FIGURES}") == replayed
            after = classes(built)
    moved = {person: to for person, was_class, to, _ in changed if was_class != to}
    assert moved == {person: after[person] for person in before if before[person] != after[person]}
    assert all(rules for *_, rules in changed)
