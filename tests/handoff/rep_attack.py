"""The attack on what is published: it knows everything of the company's reps, and reads only what readers get.

It looks for words that only a few reps have in common; for values, alone or two together, that hold all rows of fewer
than five reps; for a rest of fewer than five that is left when everything named anywhere is subtracted; for rows that
name other rows of the same rep; and for figures that are not those of whole groups.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence

import duckdb

from tests.handoff.rep_world import MINIMUM, REPS, Rep

# Where the true rep of a row is found in the private file, for tables that have no rep of their own.
_TRUE_REPS = {
    "opportunity_id": "private.core.fct_opportunities",
    "lead_cycle_id": "private.funnel.fct_lead_cycles",
}


def seen_by_readers(published, build_file) -> duckdb.DuckDBPyConnection:
    """The published file as `seen`, in memory so that a test may change it, and the truth as `private`."""
    attack = duckdb.connect()
    attack.execute("set enable_progress_bar = false")
    attack.execute(f"attach '{published}' as published (read_only)")
    attack.execute(f"attach '{build_file}' as private (read_only)")
    attack.execute("attach ':memory:' as seen")
    attack.execute("copy from database published to seen")
    return attack


def columns(attack: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """The columns of all tables that readers see, with their types."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for table, column, kind in attack.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns()"
        " where database_name = 'seen' order by all"
    ).fetchall():
        found[table][column] = kind
    return found


def findings(
    attack: duckdb.DuckDBPyConnection, words: Iterable[str] = ("secret",), tables: Iterable[str] | None = None
) -> list[str]:
    """Every way found to fewer than five reps, in all tables or some; `words` are those that nobody should read."""
    found = []
    seen = columns(attack)
    for table, listed in seen.items() if tables is None else ((name, seen[name]) for name in tables):
        texts = {column: says(f'"{column}"', words) for column, kind in listed.items() if kind == "VARCHAR"}
        told = _holding(attack, f"seen.{table}", texts)
        found += [f"{table}.{column} has a word that only a few reps share" for column in told]
        if table != "core.dim_reps" and attack.execute(f"select count(*) from seen.{table}").fetchone() != (0,):
            found += _classes_of_reps(attack, table, listed)
    found += _chains_of_rows(attack)
    found += _names_that_leave_a_few_over(attack)
    found += _figures_of_a_few(attack)
    if _counts(attack, "seen.funnel.rpt_rep_follow_up", "true"):
        found.append("funnel.rpt_rep_follow_up has rows")
    return found


def says(text: str, words: Iterable[str]) -> str:
    """The condition that a text has one of the words."""
    return "(" + " or ".join(f"contains(lower({text}), '{word}')" for word in words) + ")"


def _counts(attack: duckdb.DuckDBPyConnection, table: str, condition: str) -> int:
    ((rows,),) = attack.execute(f"select count(*) from {table} where {condition}").fetchall()
    return rows


def _holding(attack: duckdb.DuckDBPyConnection, table: str, conditions: dict[Hashable, str]) -> list[Hashable]:
    """Those of the conditions that hold for a row of the table, found in one look at it."""
    if not conditions:
        return []
    held = ", ".join(f"bool_or({condition})" for condition in conditions.values())
    (row,) = attack.execute(f"select {held} from {table}").fetchall()
    return [name for name, holds in zip(conditions, row, strict=True) if holds]


def _rows_with_their_rep(
    attack: duckdb.DuckDBPyConnection, table: str, listed: dict[str, str], at_least: int = 4
) -> bool:
    """Lay the table's rows beside the true rep of each; returns whether that can be known."""
    private = {
        name
        for (name,) in attack.execute(
            "select column_name from duckdb_columns() where database_name = 'private'"
            " and schema_name || '.' || table_name = ?",
            [table],
        ).fetchall()
    }
    ids = [name for name in listed if name.endswith(("_id", "_number")) and not name.endswith("rep_id")]
    if "rep_id" in private:
        key = next((k for n in (1, 2) for k in itertools.combinations(ids, n) if _is_key(attack, table, k)), None)
        truth = f"private.{table}"
    else:
        key = next(((name,) for name in _TRUE_REPS if name in listed), None)
        truth = _TRUE_REPS[key[0]] if key else ""
    if key is None:
        return False
    attack.execute(
        "create or replace temp table rows_of_reps as select truth.rep_id as true_rep, seen_row.*"
        f" from seen.{table} as seen_row inner join {truth} as truth using ({', '.join(key)})"
        " where truth.rep_id like '%secret%'"
        # Who has only a few rows has some value of their own by chance.
        f" qualify count(*) over (partition by truth.rep_id) >= {at_least}"
    )
    return True


def _is_key(attack: duckdb.DuckDBPyConnection, table: str, names: Sequence[str]) -> bool:
    quoted = ", ".join(names)
    return attack.execute(
        f"select count(*) = (select count(*) from (select distinct {quoted} from private.{table})) from private.{table}"
    ).fetchone() == (True,)


def _classes_of_reps(attack: duckdb.DuckDBPyConnection, table: str, listed: dict[str, str]) -> list[str]:
    """Values, alone or two together, that hold all rows of one to four reps and none of anybody else."""
    if not _rows_with_their_rep(attack, table, listed):
        return []
    # That an account or a deal has one owner tells of the account, not of the owner.
    texts = [
        name
        for name, kind in listed.items()
        if kind in ("VARCHAR", "BOOLEAN", "INTEGER", "BIGINT")
        and (not name.endswith(("_id", "_key")) or name.endswith("rep_id"))
    ]
    if not texts:
        return []
    # Only a column in which all rows of some rep are equal, but not all rows of the table, can tell; with many values
    # it tells rows apart, not reps.
    kept = ", ".join(f"count(distinct coalesce(\"{n}\"::varchar, '?'))" for n in texts)
    of_table = attack.execute(f"select {kept} from rows_of_reps").fetchone()
    of_reps = attack.execute(f"select {kept} from rows_of_reps group by true_rep").fetchall()
    telling = [
        name
        for place, name in enumerate(texts)
        if 1 < of_table[place] <= 30 and any(of_rep[place] == 1 for of_rep in of_reps)
    ]
    found = []
    for chosen in [*((name,) for name in telling), *itertools.combinations(telling, 2)]:
        quoted = ", ".join(f'"{name}"' for name in chosen)
        (singled_out,) = attack.execute(
            f"""
            with classes as (select distinct true_rep, ({quoted}) as class from rows_of_reps),
            of_reps as (select true_rep, count(*) as classes from classes group by all),
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


def labels(attack: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """By table, the columns that name teams or regions of reps, and which of the two; accounts' regions differ."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    names = {
        what: ", ".join(f"'{name}'" for name in sorted({getattr(rep, what) for rep in REPS} - {None}))
        for what in ("team", "region")
    }
    for table, of_table in columns(attack).items():
        conditions = {
            (column, what): f"{_bare(column)} in ({names[what]})"
            for column, kind in of_table.items()
            if kind == "VARCHAR"
            for what in names
        }
        for column, what in _holding(attack, f"seen.{table}", conditions):
            found[table][column] = what
    return found


def _bare(column: str) -> str:
    return f"replace(\"{column}\", 'team:', '')"


def named(attack: duckdb.DuckDBPyConnection) -> set[tuple[str | None, str | None]]:
    """Every team, and every region with the team that stands beside it, that any table names."""
    return {
        group
        for table, of_table in labels(attack).items()
        for group in attack.execute(
            f"select distinct {_names(of_table, 'team')}, {_names(of_table, 'region')} from seen.{table} as t"
        ).fetchall()
        if group != (None, None)
    }


def _names(of_table: dict[str, str], what: str) -> str:
    names = ", ".join(f"'{name}'" for name in {getattr(rep, what) for rep in REPS} if name)
    known = [
        f"case when {_bare(column)} in ({names}) then {_bare(column)} end"
        for column in of_table
        if of_table[column] == what
    ]
    return f"coalesce({', '.join(known)}, null)" if known else "null"


def _names_that_leave_a_few_over(attack: duckdb.DuckDBPyConnection) -> list[str]:
    """Put every rep under all names that any table has for their rows: each of those groups, and the rest, is large."""
    groups: dict[str, set[tuple[str | None, str | None]]] = {rep.rep_id: set() for rep in REPS}
    for table, of_table in labels(attack).items():
        if _rows_with_their_rep(attack, table, columns(attack)[table], at_least=1):
            for rep_id, *group in attack.execute(
                f"select distinct true_rep, {_names(of_table, 'team')}, {_names(of_table, 'region')} from rows_of_reps"
            ).fetchall():
                groups[rep_id].add(tuple(group))
    classes: dict[frozenset, list[Rep]] = defaultdict(list)
    for rep in REPS:
        classes[frozenset(groups[rep.rep_id] - {(None, None)})].append(rep)
    found = [
        f"{len(reps)} reps are known as {sorted(map(str, group))}"
        for group, reps in classes.items()
        if len(reps) < MINIMUM or 0 < sum(rep.is_active and rep.is_user for rep in reps) < MINIMUM
    ]
    # What only sums name would be a group that no row shows, so that its size could not be seen here.
    return found + [f"{group} is named, but of no row" for group in named(attack) - set().union(*groups.values())]


def _chains_of_rows(attack: duckdb.DuckDBPyConnection) -> list[str]:
    """Columns that lead from one hand-off to another of the same rep: chained they are that rep's whole work."""
    found = []
    for table, listed in columns(attack).items():
        if "lead_cycle_id" not in listed:
            continue
        for column, kind in listed.items():
            if kind != "VARCHAR" or column == "lead_cycle_id":
                continue
            links, same = attack.execute(
                "select count(*), count(*) filter (one.rep_id = other.rep_id)"
                f" from seen.{table} as t inner join private.funnel.fct_handoffs as one using (lead_cycle_id)"
                f' inner join private.funnel.fct_handoffs as other on t."{column}" = other.lead_cycle_id'
                " where one.lead_cycle_id <> other.lead_cycle_id"
            ).fetchone()
            if links >= 3 and same > links / 2:
                found.append(f"{table}.{column} leads to other hand-offs of the same rep")
    return found


def _figures_of_a_few(attack: duckdb.DuckDBPyConnection) -> list[str]:
    """What campaigns' reps have worked and have waiting is the sum over whole groups, never over some of their reps."""
    per_rep = attack.execute(
        "select rep_id, count(*) filter (first_response_at >= as_of - interval 91 days),"
        " count(*) filter (fate in ('pending', 'untouched_overdue'))"
        " from private.funnel.fct_handoffs, private.audit.build_context where rep_id is not null group by rep_id"
    ).fetchall()
    named_teams = {team for team, _ in named(attack)}
    sums: dict[str | None, list[int]] = defaultdict(lambda: [0, 0])
    teams = {rep.rep_id: rep.team for rep in REPS}
    for rep_id, worked, waiting in per_rep:
        team = teams.get(rep_id)
        of_group = sums[team if team in named_teams else None]
        of_group[0] += worked
        of_group[1] += waiting
    allowed = {
        (sum(s[0] for s in some), sum(s[1] for s in some))
        for count in range(1, len(sums) + 1)
        for some in itertools.combinations(sums.values(), count)
    }
    shown = attack.execute(
        "select campaign_id, round(worked_per_week * 13)::bigint, waiting from seen.funnel.rpt_campaign_readiness"
    ).fetchall()
    return [
        f"funnel.rpt_campaign_readiness tells of some reps of a group at {campaign}"
        for campaign, worked, waiting in shown
        if (worked, waiting) not in allowed
    ]
