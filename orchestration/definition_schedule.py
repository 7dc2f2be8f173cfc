"""What a definition version holds, rules that two schedules do not have in common, and schedules made of others.

A version that carries no rows of its own in a versioned table keeps those of the version before it, as the model
`int_definition_versions` has it. Here every version gets all its rows, so that a schedule of one version can be made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestration.agreed_definitions import VERSIONS_TABLE, Table

# Before any evidence: from here on the only version of a schedule is in force.
BEGINNING = "1900-01-01 00:00:00"
# They stand beside the figures, for people, and change none of them.
_WITHOUT_FIGURES = frozenset({"found_values", "joint_log", "signed_rows", "system_links"})

Row = Mapping[str, str]


@dataclass(frozen=True)
class Rule:
    """One rule of the versioned tables, whatever version it belongs to: its table and its key without the version."""

    table: str
    key: tuple[str, ...]

    @property
    def name(self) -> str:
        """How people are told of it, e.g. `scoring_parameters: lead_min_fit`."""
        return f"{self.table}: {' '.join(part for part in self.key if part)}".strip()


@dataclass(frozen=True)
class Version:
    """One version with all rows that count while it is in force.

    Attributes:
        name: The version.
        valid_from: Since when it is in force; the first of a schedule reaches back to the beginning.
        rows: By versioned table, the rows that count, with the version that they were written for.
    """

    name: str
    valid_from: str
    rows: Mapping[str, tuple[Row, ...]]

    def rules(self, table: Table) -> dict[Rule, tuple[Row, ...]]:
        """The rows of one table by rule, without the version they were written for."""
        found: dict[Rule, list[Row]] = {}
        for row in self.rows.get(table.spec.name, ()):
            plain = {name: value for name, value in row.items() if name != "version"}
            found.setdefault(_rule_of(table, row), []).append(plain)
        return {rule: tuple(rows) for rule, rows in found.items()}

    def content_hash(self) -> str:
        """The hash of what the version says, wherever its rows were written."""
        content = {
            table: sorted(json.dumps({k: v for k, v in row.items() if k != "version"}, sort_keys=True) for row in rows)
            for table, rows in sorted(self.rows.items())
        }
        return _digest(content)


def schedule_in_force(tables: Mapping[str, Table], as_of: datetime) -> tuple[Version, ...]:
    """Versions in force by an instant (naive UTC), in order; where none has begun, the first that will."""
    scheduled = _scheduled(tables)
    # Two versions of one instant: the later by name is in force, the other never was.
    standing = [
        (name, begins)
        for place, (name, begins) in enumerate(scheduled)
        if place + 1 == len(scheduled) or scheduled[place + 1][1] > begins
    ]
    begun = [pair for pair in standing if datetime.fromisoformat(pair[1]) <= as_of] or standing[:1]
    return tuple(
        Version(name, BEGINNING if place == 0 else begins, _rows_of(tables, name))
        for place, (name, begins) in enumerate(begun)
    )


def version_from_the_beginning(tables: Mapping[str, Table], name: str) -> Version:
    """A version, signed or proposed, as if it alone had been in force ever since."""
    return Version(name, BEGINNING, _rows_of(tables, name))


def schedule_hash(tables: Mapping[str, Table], as_of: datetime) -> str:
    """The hash of all agreed tables as far as they decide figures at an instant.

    Proposals, versions that begin later, signatures and notes are not in it: they change no figure.
    """
    versioned = _versioned(tables)
    plain = {
        name: [dict(row) for row in table.rows]
        for name, table in sorted(tables.items())
        if name not in versioned and name != VERSIONS_TABLE and name not in _WITHOUT_FIGURES
    }
    schedule = [(version.valid_from, version.content_hash()) for version in schedule_in_force(tables, as_of)]
    return _digest([plain, schedule])


def content_hashes(tables: Mapping[str, Table]) -> dict[str, str]:
    """By declared version, the hash of all that it says."""
    return {name: version_from_the_beginning(tables, name).content_hash() for name in declared_versions(tables)}


def declared_versions(tables: Mapping[str, Table]) -> tuple[str, ...]:
    """All versions, signed or proposed, as their table names them."""
    return tuple(row["version"] for row in tables[VERSIONS_TABLE].rows) if VERSIONS_TABLE in tables else ()


def changed_rules(tables: Mapping[str, Table], schedule: Sequence[Version], other: Version) -> tuple[Rule, ...]:
    """Rules that another version has otherwise than any version of the schedule, in a fixed order."""
    changed: set[Rule] = set()
    for name in sorted(_versioned(tables)):
        there = other.rules(tables[name])
        for version in schedule:
            here = version.rules(tables[name])
            changed |= {rule for rule in here.keys() | there.keys() if not _same(here.get(rule), there.get(rule))}
    return tuple(sorted(changed, key=lambda rule: (rule.table, rule.key)))


def with_rules_of(
    tables: Mapping[str, Table], schedule: Sequence[Version], other: Version, rules: Iterable[Rule]
) -> tuple[Version, ...]:
    """The schedule with some rules as another version has them, and all others as they are."""
    taken = frozenset(rules)
    made = []
    for version in schedule:
        rows = {}
        for name in sorted(_versioned(tables)):
            table = tables[name]
            kept = [row for row in version.rows.get(name, ()) if _rule_of(table, row) not in taken]
            new = [row for row in other.rows.get(name, ()) if _rule_of(table, row) in taken]
            rows[name] = (*kept, *new)
        made.append(Version(version.name, version.valid_from, rows))
    return tuple(made)


def rows_to_write(schedule: Sequence[Version]) -> dict[str, list[dict[str, str]]]:
    """The versioned tables of a schedule in full, by table, each row under the version it counts for."""
    names = sorted({name for version in schedule for name in version.rows})
    return {
        name: [{**row, "version": version.name} for version in schedule for row in version.rows.get(name, ())]
        for name in names
    }


def versioned_tables(tables: Mapping[str, Table]) -> tuple[str, ...]:
    """Names of the tables whose rows belong to versions."""
    return tuple(sorted(_versioned(tables)))


def _versioned(tables: Mapping[str, Table]) -> set[str]:
    return {name for name, table in tables.items() if table.spec.is_versioned}


def _scheduled(tables: Mapping[str, Table]) -> list[tuple[str, str]]:
    """Versions with an instant, in the order in which they take effect."""
    if VERSIONS_TABLE not in tables:
        return []
    rows = [(row["version"], row["effective_from"]) for row in tables[VERSIONS_TABLE].rows if row["effective_from"]]
    return sorted(rows, key=lambda pair: (datetime.fromisoformat(pair[1]), pair[0]))


def _rows_of(tables: Mapping[str, Table], name: str) -> dict[str, tuple[Row, ...]]:
    """By table, the rows that count while a version is in force: its own, else the nearest one's."""
    places = {version: place for place, (version, _) in enumerate(_scheduled(tables))}
    # A proposal would take effect after all others.
    place = places.get(name, len(places))
    proposals = {row["version"] for row in tables[VERSIONS_TABLE].rows} - set(places) - {name}
    found: dict[str, tuple[Row, ...]] = {}
    for table_name in sorted(_versioned(tables)):
        table = tables[table_name]
        carrier = _nearest({row["version"] for row in table.rows} - proposals, name, place, places)
        found[table_name] = tuple(row for row in table.rows if row["version"] == carrier)
    rules = tables.get("lead_rules")
    if rules is not None and not any(row["kind"] == "exclusion" for row in found["lead_rules"]):
        # Who is left out is judged apart: a version without exclusions keeps those of the version before it.
        carriers = {row["version"] for row in rules.rows if row["kind"] == "exclusion" and row["version"] in places}
        before = max((c for c in carriers if places[c] < place), key=lambda c: places[c], default=None)
        excluded = [row for row in rules.rows if row["version"] == before and row["kind"] == "exclusion"]
        found["lead_rules"] = (*found["lead_rules"], *excluded)
    return found


def _nearest(carriers: Iterable[str], name: str, place: int, places: Mapping[str, int]) -> str | None:
    """Of versions with rows in a table, the one whose rows count for a version at a place of the schedule."""

    def preference(carrier: str) -> tuple[int, int, str]:
        if carrier == name:
            return (0, 0, carrier)
        if carrier not in places:  # declared by nobody
            return (3, 0, carrier)
        return (1 if places[carrier] <= place else 2, abs(places[carrier] - place), carrier)

    return min(carriers, key=preference, default=None)


def _rule_of(table: Table, row: Row) -> Rule:
    key = table.spec.keys[0].columns if table.spec.keys else tuple(column.name for column in table.spec.columns)
    return Rule(table.spec.name, tuple(row[name] for name in key if name != "version"))


def _same(here: tuple[Row, ...] | None, there: tuple[Row, ...] | None) -> bool:
    def canonical(rows: tuple[Row, ...] | None) -> list[str]:
        return sorted(json.dumps(row, sort_keys=True) for row in rows or ())

    return canonical(here) == canonical(there)


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
