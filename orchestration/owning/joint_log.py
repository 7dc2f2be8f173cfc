"""Whether the entries of the joint log can be shown where they belong: known subjects, days in order, nobody named."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import yaml

from orchestration.agreed_definitions import Table
from orchestration.owning.harmless import harm
from orchestration.owning.words import plain
from orchestration.settings import PROJECT_ROOT

LOG = "joint_log"
# What bookings are split into, and the KPIs on which the sides differ.
_DRIVERS = ("volume", "acceptance", "qualification", "timing", "win_rate", "deal_size")
_KPIS = ("leads", "mqls", "sqls", "opportunities", "pipeline", "bookings")


def joint_log_findings(tables: Mapping[str, Table]) -> list[str]:
    """What is wrong with entries of the joint log, beside what its columns say."""
    table = tables.get(LOG)
    if table is None or not table.is_company:
        return []
    place = table.place
    known = subjects(PROJECT_ROOT)
    found = []
    for row, line in zip(table.rows, table.lines, strict=True):
        subject = plain(row["subject"]).replace(" ", "_")
        if subject and subject not in known:
            near = difflib.get_close_matches(subject, known, n=1)
            words = f"{row['subject']!r} is no KPI, driver of the gap, panel or agreed table"
            words += f". Is it {near[0]}?" if near else f"; known are {', '.join(sorted(known))}"
            found.append(place.at(line, "subject", words, "subject"))
        for name in ("due_on", "closed_on"):
            # Other findings speak of days that are none.
            if row[name] and row["logged_on"] and row[name] < row["logged_on"]:
                words = f"{row[name]} is before logged_on {row['logged_on']}"
                found.append(place.at(line, name, words, "order of days"))
        for name in ("entry", "owner_team"):
            reason = harm(row[name], (), is_id=True)
            if reason is not None and ("address" in reason or "number" in reason):
                found.append(place.at(line, name, f"is {reason}; the page shows it to everybody", "nobody named"))
    return found


@cache
def subjects(project: Path) -> frozenset[str]:
    """What an entry can be about, as the page names it."""
    names = {*_DRIVERS, *_KPIS, *(path.stem for path in (project / "seeds").glob("*.csv"))}
    for path in (project / "dashboard" / "panels").glob("*.yml"):
        names |= set(_ids(yaml.safe_load(path.read_text(encoding="utf-8"))))
    for path in (project / "models" / "metrics").glob("*.yml"):
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        names |= {metric["name"] for metric in document.get("metrics", [])}
    return frozenset(names)


def _ids(document: object) -> Iterator[str]:
    if isinstance(document, dict):
        if isinstance(document.get("id"), str):
            yield document["id"]
        for value in document.values():
            yield from _ids(value)
    elif isinstance(document, list):
        for value in document:
            yield from _ids(value)
