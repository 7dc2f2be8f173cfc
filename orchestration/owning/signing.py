"""How a version of the agreed tables is begun, and how a team signs exactly what it has read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from orchestration.agreed_definitions import (
    SIGNED_ROWS,
    VERSIONS_TABLE,
    Table,
    changed_rows,
    read_specs,
    read_tables,
    signed_row,
    table_hashes,
    version_hash,
)
from orchestration.owning.folder import csv_text, replace_tables
from orchestration.owning.harmless import harm

TEAMS = ("marketing", "sales")
_NAME = re.compile(r"[\w.+ -]{1,40}")


class OwningError(Exception):
    """What was asked for cannot be done with these tables; nothing was written."""


@dataclass(frozen=True)
class Company:
    """A company's folder beside our tables."""

    folder: Path
    ours: Path

    def tables(self) -> dict[str, Table]:
        """All tables, the company's where it has its own.

        Raises:
            DefinitionsError: with every finding.
        """
        return read_tables(read_specs(self.ours), self.ours, self.folder)

    def write(self, changed: Mapping[str, list[Mapping[str, str]]]) -> None:
        """Replace the files of some tables, all at once, after reading them back."""
        specs = read_specs(self.ours)
        replace_tables(
            self.folder,
            {f"{name}.csv": csv_text([c.name for c in specs[name].columns], rows) for name, rows in changed.items()},
        )


def propose(
    company: Company, version: str, *, base: str | None = None, effective_from: str = "", note: str = ""
) -> list[str]:
    """Begin a version: a copy of all rows of the one in force, to be changed and then signed.

    Args:
        company: The company's folder.
        version: Its name.
        base: The version to copy; by default the one in force today.
        effective_from: The day from which it is to be in force; empty for a mere proposal.
        note: What it changes and why, in a sentence.

    Returns:
        What was done, in words.

    Raises:
        OwningError: the version exists already, or the base does not.
    """
    if not _NAME.fullmatch(version) or version != version.strip():
        raise OwningError(f"VERSION={version!r}: letters, digits, blanks and . _ + - make a version's name")
    tables = company.tables()
    versions = tables[VERSIONS_TABLE].rows
    declared = [row["version"] for row in versions]
    if version in declared:
        raise OwningError(f"VERSION={version}: there is such a version already; declared are {', '.join(declared)}")
    base = base or in_force(tables, datetime.now(UTC).replace(tzinfo=None))
    if base not in declared:
        raise OwningError(f"FROM={base}: there is no such version; declared are {', '.join(declared)}")
    day = _day("EFFECTIVE", effective_from) if effective_from else None
    changed: dict[str, list[Mapping[str, str]]] = {
        VERSIONS_TABLE: [
            *versions,
            {
                "version": version,
                "effective_from": f"{day.isoformat()} 00:00:00" if day else "",
                "note": note or f"Begun from version {base}",
            },
        ]
    }
    copied = 0
    for name, table in sorted(tables.items()):
        if table.spec.is_versioned:
            works_with = rows_version(tables, base, name)
            rows = [{**row, "version": version} for row in table.rows if row["version"] == works_with]
            kept = [row for row in table.rows if row["version"] in declared]
            changed[name] = [*kept, *rows]
            copied += len(rows)
    company.write(changed)
    return [
        f"Version {version} begun from version {base}: {copied} rows in {len(changed) - 1} tables of {company.folder}",
        f"In force    {f'from {day.isoformat()}' if day else 'not before it has an effective_from'}",
        f"Next        change its rows, see what they change (make replay VERSION={version}), and let both teams sign",
    ]


def sign(
    company: Company,
    version: str,
    team: str,
    by: str,
    *,
    on: str = "",
    content: str = "",
    again: bool = False,
) -> list[str]:
    """Sign the present content of a version for a team.

    Args:
        company: The company's folder.
        version: The version.
        team: marketing or sales.
        by: The role that signs.
        on: The day; by default today (UTC).
        content: The beginning of the content hash that was read; it has to be that of the present content.
        again: Drop signatures under another content.

    Returns:
        What was done, in words.

    Raises:
        OwningError: it cannot be signed; the message says why.
    """
    tables = company.tables()
    rows = [dict(row) for row in tables[VERSIONS_TABLE].rows]
    row = next((row for row in rows if row["version"] == version), None)
    if row is None:
        raise OwningError(f"VERSION={version}: declared are {', '.join(each['version'] for each in rows)}")
    if team not in TEAMS:
        raise OwningError(f"TEAM={team}: it is {' or '.join(TEAMS)} that signs")
    if not by.strip() or (reason := harm(by.strip(), ())) is not None:
        why = "it is empty" if not by.strip() else f"it is {reason}"
        raise OwningError(f"BY={by}: name the role that signs, such as VP {team.capitalize()}; {why}")
    present = version_hash(tables, version)
    if not table_hashes(tables, version):
        raise OwningError(f"VERSION={version}: it has no rows in any versioned table; there is nothing to sign")
    if content and (len(content) < 8 or not present.startswith(content.lower())):
        raise OwningError(
            f"HASH={content}: the present content of version {version} is {present}; read it again before you sign"
        )
    others = [each for each in TEAMS if row[f"signed_by_{each}"]]
    if others and row["content_hash"].lower() != present:
        if not again:
            raise OwningError(
                f"version {version} was signed by {' and '.join(others)} with another content"
                f" ({'; '.join(changed_rows(tables, version)) or row['content_hash'] or 'no hash'})."
                " Undo the change, give it a version of its own (make definitions-propose), or drop those signatures"
                " with AGAIN=1"
            )
        for each in others:
            row[f"signed_by_{each}"] = row[f"{each}_signed_on"] = ""
    row["content_hash"] = present
    row["table_hashes"] = " ".join(f"{name}:{short}" for name, short in table_hashes(tables, version).items())
    row[f"signed_by_{team}"] = by.strip()
    row[f"{team}_signed_on"] = (_day("ON", on) if on else datetime.now(UTC).date()).isoformat()
    kept = [each for each in tables[SIGNED_ROWS].rows if each["signed_version"] != version]
    signed = [
        {"signed_version": version, "table_name": name, "row_values": signed_row(each)}
        for name, table in sorted(tables.items())
        if table.spec.is_versioned
        for each in table.rows
        if each["version"] == version
    ]
    changed: dict[str, list[Mapping[str, str]]] = {VERSIONS_TABLE: list(rows), SIGNED_ROWS: [*kept, *signed]}
    # What was signed stays what it is when our own tables change with a release.
    for name, table in tables.items():
        if table.spec.is_versioned and not table.is_company:
            changed[name] = [each for each in table.rows if each["version"] in {r["version"] for r in rows}]
    company.write(changed)
    missing = [each for each in TEAMS if not row[f"signed_by_{each}"]]
    return [
        f"Signed      version {version} for {team}, by {row[f'signed_by_{team}']}, on {row[f'{team}_signed_on']}",
        f"Content     {present} ({len(signed)} rows)",
        f"Left        {missing[0]} has not signed: builds stay PROVISIONAL" if missing else "Left        nothing",
    ]


def in_force(tables: Mapping[str, Table], moment: datetime) -> str:
    """The version in force at a moment; the first one that will be, where none is yet."""
    scheduled = _schedule(tables)
    begun = [version for effective_from, version in scheduled if effective_from <= moment]
    if not scheduled:
        raise OwningError("no version has an effective_from, so none is in force: name one with FROM=")
    return begun[-1] if begun else scheduled[0][1]


def rows_version(tables: Mapping[str, Table], version: str, name: str) -> str | None:
    """Whose rows a version works with in a table: its own, else of the nearest version before it, else after it."""
    carried = {row["version"] for row in tables[name].rows}
    if version in carried:
        return version
    order = [each for _, each in _schedule(tables)]
    place = order.index(version) if version in order else len(order)
    before = [each for each in order[:place] if each in carried]
    after = [each for each in order[place + 1 :] if each in carried]
    undeclared = sorted(carried - {row["version"] for row in tables[VERSIONS_TABLE].rows})
    return next(iter([*reversed(before), *after, *undeclared]), None)


def _schedule(tables: Mapping[str, Table]) -> list[tuple[datetime, str]]:
    return sorted(
        (datetime.fromisoformat(row["effective_from"]), row["version"])
        for row in tables[VERSIONS_TABLE].rows
        if row["effective_from"]
    )


def _day(name: str, value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise OwningError(f"{name}={value}: not a day such as 2026-10-01") from None
