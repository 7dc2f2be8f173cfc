"""With rep_visibility team or off nothing that leaves the private build tells of fewer than five reps.

The attack knows everything that the company knows of its reps, and only reads what is published: it looks for ids, for
columns that are the same for all rows of a rep, and for a rest that is left when named groups are subtracted.
"""

from __future__ import annotations

import itertools
import shutil
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from orchestration.agreed_definitions import Definitions
from orchestration.build_context import begin_build
from orchestration.publishing import publish
from orchestration.publishing.tables import tables_of_manifest
from orchestration.publishing.visibility import RepVisibility
from orchestration.settings import Settings

pytestmark = pytest.mark.slow
MINIMUM = 5
# The demo's reps are all of one team of the CRM; here they are two large teams, one of two and one person without any.
TEAMS = {"North": 6, "South": 5, "East": 2, None: 1}

# Tables whose rows are dealt out anew, with the column that says to whom; the attack knows their true reps.
DEALT_OUT = {
    "funnel.fct_handoffs": "lead_cycle_id",
    "funnel.fct_handoff_owners": "lead_cycle_id",
    "funnel.fct_queue_choices": "lead_cycle_id",
    "funnel.rpt_work_queue": "lead_cycle_id",
    "funnel.rpt_standing_leads": "lead_cycle_id",
    "funnel.fct_lead_cycles": "lead_cycle_id",
    "core.fct_opportunities": "opportunity_id",
    "core.fct_touches": "person_id",
}


def world(demo, folder: Path, named: dict[str | None, str | None]) -> Settings:
    """The demo's build file with more reps: hand-offs and all about them are dealt out to the people of `TEAMS`."""
    settings = replace(demo.settings, warehouse=folder / "warehouse")
    settings.private.mkdir(parents=True)
    shutil.copy(demo.settings.build_file, settings.build_file)
    with duckdb.connect(str(settings.build_file)) as build:
        members = [team for team, size in TEAMS.items() for _ in range(size)]
        build.execute("create temp table people (n integer, rep_id varchar, team varchar, rep_group varchar)")
        build.executemany(
            "insert into people values (?, ?, ?, ?)",
            [(n, f"salesforce:secret{n:02d}", team, named[team]) for n, team in enumerate(members)],
        )
        for table, key in DEALT_OUT.items():
            columns = [
                name
                for (name,) in build.execute(
                    "select column_name from duckdb_columns() where schema_name || '.' || table_name = ?", [table]
                ).fetchall()
            ]
            sets = [f"{name} = people.rep_id" for name in columns if name == "rep_id" or name.endswith("_rep_id")]
            sets += [f"{name} = people.rep_group" for name in columns if name in ("rep_group", "owner_team")]
            build.execute(
                f"update {table} set {', '.join(sets)} from people"
                f" where people.n = hash({table}.{key}) % {len(members)} and {table}.rep_id is not null"
            )
        build.execute("update funnel.rpt_rep_follow_up set rep_id = 'salesforce:secret00' where rep_id like '%0'")
        build.execute("delete from core.dim_reps")
        build.execute(
            "insert into core.dim_reps by name select rep_id, 'salesforce' as system,"
            " split_part(rep_id, ':', 2) as record_id, 'Account Executive' as role, team, rep_group,"
            " case when team = 'East' then 'APAC' else 'EMEA' end as region, 'Europe/Berlin' as time_zone,"
            " false as is_queue, true as is_active from people"
        )
    return settings


def published(settings: Settings, manifest, level: str) -> duckdb.DuckDBPyConnection:
    with duckdb.connect(str(settings.build_file), read_only=True) as build:
        (as_of,) = build.execute("select as_of from audit.build_context").fetchone()
    context = begin_build(settings, Definitions({}, ()), as_of=as_of)
    tables = [table for table in tables_of_manifest(manifest) if table.schema != "metrics"]
    publish(settings, context, tables, visibility=RepVisibility(level))
    attack = duckdb.connect()
    attack.execute(f"attach '{settings.published}' as seen (read_only)")
    attack.execute(f"attach '{settings.build_file}' as private (read_only)")
    return attack


def columns(attack: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[str, str]]]:
    found = defaultdict(list)
    for table, column, kind in attack.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns()"
        " where database_name = 'seen'"
    ).fetchall():
        found[table].append((column, kind))
    return found


def findings(attack: duckdb.DuckDBPyConnection) -> list[str]:
    """Every way found to fewer than five reps."""
    found = []
    for table, listed in columns(attack).items():
        for column, kind in listed:
            if kind == "VARCHAR" and attack.execute(
                f"select count(*) from seen.{table} where \"{column}\" like '%secret%'"
            ).fetchone() != (0,):
                found.append(f"{table}.{column} has the id of a rep")
        if table != "core.dim_reps":
            found += classes_of_reps(attack, table, listed)
    rows = attack.execute("select count(*) from seen.funnel.rpt_rep_follow_up").fetchone()
    return found + ([f"rpt_rep_follow_up has {rows[0]} rows"] if rows != (0,) else [])


def classes_of_reps(attack: duckdb.DuckDBPyConnection, table: str, listed: list[tuple[str, str]]) -> list[str]:
    """Columns, alone or two together, that put fewer than five reps into a class of their own.

    The true rep of each row is looked up in the private file by the row's key.
    """
    key = next((name for name in ("touch_id", "opportunity_id", "lead_cycle_id") if (name, "VARCHAR") in listed), None)
    if table not in DEALT_OUT or key is None or table == "funnel.fct_handoff_owners":
        return []
    texts = [name for name, kind in listed if kind in ("VARCHAR", "BOOLEAN", "INTEGER")]
    attack.execute(
        f"create or replace temp table rows_of_reps as select private_row.rep_id as true_rep, seen_row.*"
        f" from seen.{table} as seen_row inner join private.{table} as private_row using ({key})"
        " where private_row.rep_id is not null"
        # Of a rep with a handful of rows chance alone would put all into one class.
        " qualify count(*) over (partition by private_row.rep_id) >= 12"
    )
    found = []
    # With the many values of a single column two together would tell rows apart, not reps.
    few = [
        name
        for name in texts
        if attack.execute(f'select count(distinct "{name}") <= 30 from rows_of_reps').fetchone() == (True,)
    ]
    for chosen in [*((name,) for name in few), *itertools.combinations(few, 2)]:
        quoted = ", ".join(f'"{name}"' for name in chosen)
        (singled_out,) = attack.execute(
            f"""
            with classes as (select distinct true_rep, ({quoted}) as class from rows_of_reps),
            of_reps as (select true_rep, count(*) as classes from classes group by all),
            -- A class is about reps where all rows of each of its reps lie in it.
            told as (
                select class, count(*) as reps, max(of_reps.classes) as classes
                from classes inner join of_reps using (true_rep) group by all
            )
            select count(*) from told
            where reps < {MINIMUM} and classes = 1 and reps < (select count(*) from of_reps)
            """
        ).fetchone()
        if singled_out:
            found.append(f"{table}: ({quoted}) tells fewer than {MINIMUM} reps apart")
    return found


@pytest.mark.parametrize("level", ["team", "off"])
def test_no_group_under_five_can_be_singled_out(demo, manifest, tmp_path, level) -> None:
    # Three are too few to be named, East and whoever has no team: they would be the rest, so South is not named either.
    named = {"North": "North", "South": None, "East": None, None: None} if level == "team" else dict.fromkeys(TEAMS)
    with published(world(demo, tmp_path, named), manifest, level) as attack:
        assert findings(attack) == []
        groups = attack.execute("select distinct rep_id from seen.funnel.fct_handoffs").fetchall()
        assert set(groups) == ({("team:North",), (None,)} if level == "team" else {(None,)})


def test_the_attack_would_find_what_is_not_hidden(demo, manifest, tmp_path) -> None:
    """Both that a small team is named and that a few are left over when the named are subtracted."""
    named = {"North": "North", "South": "South", "East": "East", None: None}
    with published(world(demo, tmp_path, named), manifest, "team") as attack:
        assert any("fct_handoffs" in finding and "rep_id" in finding for finding in findings(attack))
    with published(world(demo, tmp_path / "rep", named), manifest, "rep") as attack:
        assert any("has the id of a rep" in finding for finding in findings(attack))
