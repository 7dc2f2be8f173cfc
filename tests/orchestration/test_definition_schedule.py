from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from orchestration.agreed_definitions import VERSIONS_TABLE, Table, read_specs, read_tables
from orchestration.definition_schedule import (
    BEGINNING,
    Rule,
    changed_rules,
    content_hashes,
    rows_to_write,
    schedule_hash,
    schedule_in_force,
    version_from_the_beginning,
    with_rules_of,
)
from orchestration.settings import PROJECT_ROOT

AS_OF = datetime(2026, 1, 1)


@pytest.fixture(scope="module")
def specs():
    return read_specs(PROJECT_ROOT / "seeds")


def tables_of(specs, **rows):
    """Tables with these rows; columns that are not given are empty."""
    return {
        name: Table(
            specs[name],
            Path(f"{name}.csv"),
            tuple({column.name: "" for column in specs[name].columns} | row for row in given),
            tuple(range(2, len(given) + 2)),
            True,
        )
        for name, given in rows.items()
    }


def version(name, effective_from="", **more):
    return {"version": name, "effective_from": effective_from, **more}


def exclusion(name, rule):
    return {"version": name, "rule_id": rule, "kind": "exclusion"}


def versions_of_rows(found):
    return {table: sorted({row["version"] for row in rows}) for table, rows in found.rows.items()}


def test_versions_get_the_rows_that_count_for_them(specs):
    # The same schedule as in the unit test of int_definition_versions.
    tables = tables_of(
        specs,
        definition_versions=[
            version("first", "2025-01-01 00:00:00"),
            version("second_a", "2025-06-01 00:00:00"),
            version("second_b", "2025-06-01 00:00:00"),
            version("proposal"),
        ],
        scoring_parameters=[{"version": "first", "value": "14"}, {"version": "proposal", "value": "3"}],
        lead_rules=[exclusion("first", "a"), {"version": "second_b", "rule_id": "b", "kind": "engagement"}],
        stages=[{"version": "unknown_to_the_schedule", "stage": "lead"}],
        stage_rules=[{"version": "first", "stage": "sal"}, {"version": "second_a", "stage": "sal"}],
    )
    first, second = schedule_in_force(tables, AS_OF)
    assert (first.name, first.valid_from) == ("first", BEGINNING)
    assert (second.name, second.valid_from) == ("second_b", "2025-06-01 00:00:00")
    assert versions_of_rows(first) == {
        "lead_rules": ["first"],
        "scoring_parameters": ["first"],
        "stage_rules": ["first"],
        "stages": ["unknown_to_the_schedule"],
    }
    # Who is left out is carried on by kind of rule, everything else by table.
    assert versions_of_rows(second) == {
        "lead_rules": ["first", "second_b"],
        "scoring_parameters": ["first"],
        "stage_rules": ["second_a"],
        "stages": ["unknown_to_the_schedule"],
    }
    proposal = version_from_the_beginning(tables, "proposal")
    assert proposal.valid_from == BEGINNING
    assert versions_of_rows(proposal)["scoring_parameters"] == ["proposal"]
    assert versions_of_rows(proposal)["stage_rules"] == ["second_a"], "a proposal follows the last of the schedule"
    assert [v.name for v in schedule_in_force(tables, datetime(2025, 3, 1))] == ["first"]
    assert [v.name for v in schedule_in_force(tables, datetime(2020, 1, 1))] == ["first"], "reaches back"


def test_only_what_decides_figures_is_in_the_hash_of_the_schedule(specs):
    def hash_with(**changes):
        tables = tables_of(
            specs,
            **{
                "definition_versions": [version("1", "2000-01-01 00:00:00")],
                "stages": [{"version": "1", "stage": "lead", "window_days": "90"}],
                "segments": [{"segment": "small"}],
                **changes,
            },
        )
        return schedule_hash(tables, AS_OF)

    one = hash_with()
    signed = version("1", "2000-01-01 00:00:00", signed_by_marketing="VP", note="why", content_hash="x")
    two = {"version": "2", "stage": "lead", "window_days": "30"}
    ours = {"version": "1", "stage": "lead", "window_days": "90"}
    begins = version("1", "2000-01-01 00:00:00")
    assert hash_with(definition_versions=[signed]) == one
    assert hash_with(definition_versions=[begins, version("2")], stages=[ours, two]) == one, "a proposal"
    later = [begins, version("2", "2030-01-01 00:00:00")]
    assert hash_with(definition_versions=later, stages=[ours, two]) == one, "a version of another year"
    assert hash_with(joint_log=[{"subject": "words"}]) == one
    in_force = [begins, version("2", "2025-01-01 00:00:00")]
    assert hash_with(definition_versions=in_force, stages=[ours, two]) != one
    assert hash_with(stages=[two | {"version": "1"}]) != one
    assert hash_with(segments=[{"segment": "large"}]) != one


def test_changed_rules_are_found_and_taken_over_one_by_one(specs):
    def parameter(name, key, value):
        return {"version": name, "parameter": key, "value": value}

    tables = tables_of(
        specs,
        definition_versions=[version("1", "2000-01-01 00:00:00"), version("2", "2025-01-01 00:00:00"), version("3")],
        scoring_parameters=[
            parameter("1", "lead_min_fit", "25"),
            parameter("1", "half_life_days", "14"),
            parameter("2", "lead_min_fit", "50"),
            parameter("2", "half_life_days", "14"),
            parameter("3", "lead_min_fit", "50"),
            parameter("3", "half_life_days", "7"),
        ],
        handoff_matrix=[
            {"version": "1", "grade": "A1", "hands_off": "true"},
            {"version": "3", "grade": "A1", "hands_off": "true"},
            {"version": "3", "grade": "B2", "hands_off": "true"},
        ],
    )
    schedule = schedule_in_force(tables, AS_OF)
    proposal = version_from_the_beginning(tables, "3")
    rules = changed_rules(tables, schedule, proposal)
    assert [rule.name for rule in rules] == [
        "handoff_matrix: B2",
        "scoring_parameters: half_life_days",
        "scoring_parameters: lead_min_fit",  # other than in version 1
    ]
    tried = with_rules_of(tables, schedule, proposal, [Rule("scoring_parameters", ("half_life_days",))])
    written = {(row["version"], row["parameter"]): row["value"] for row in rows_to_write(tried)["scoring_parameters"]}
    assert written == {
        ("1", "lead_min_fit"): "25",
        ("1", "half_life_days"): "7",
        ("2", "lead_min_fit"): "50",
        ("2", "half_life_days"): "7",
    }
    assert [(row["version"], row["grade"]) for row in rows_to_write(tried)["handoff_matrix"]] == [
        ("1", "A1"),
        ("2", "A1"),
    ]
    assert changed_rules(tables, schedule[1:], version_from_the_beginning(tables, "2")) == ()
    hashes = content_hashes(tables)
    moved = {**tables, VERSIONS_TABLE: replace(tables[VERSIONS_TABLE], rows=tables[VERSIONS_TABLE].rows[:2])}
    assert set(hashes) == {"1", "2", "3"}
    assert content_hashes(moved)["1"] == hashes["1"]


def test_our_own_schedule_is_one_version_from_the_beginning(specs):
    tables = read_tables(specs, PROJECT_ROOT / "seeds", None)
    (only,) = schedule_in_force(tables, AS_OF)
    assert changed_rules(tables, (only,), version_from_the_beginning(tables, only.name)) == ()
    assert set(rows_to_write((only,))["stages"][0]) == {column.name for column in specs["stages"].columns}
