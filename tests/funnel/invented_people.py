"""Invents people whose lives run into every corner of the funnel, and puts them into the tables it reads."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Protocol, TypeVar

from tests.funnel.reference_ledger import (
    Activity,
    Agreed,
    Deal,
    Exit,
    Person,
    Record,
    Version,
    deal_moments,
)

BEGINNING = datetime(2025, 3, 1)
#: The lives last this long; version 2 comes in the middle, on an instant on which things also happen.
HOURS = 24 * 160
STEP = 6
SWITCH = 24 * 80
#: Half-life of version 2. The SQL sums scores up in blocks of 512 half-lives since 1900; this one lets a block
#: end at day 110, amid the lives, and is a week and a half-day long.
BLOCKS_BEFORE = 12
SECOND_HALF_LIFE = ((BEGINNING - datetime(1900, 1, 1)).days + 110) * 24 / (512 * BLOCKS_BEFORE)
AS_OF = BEGINNING + timedelta(hours=HOURS + 24)

FIT_VALUES = {
    "seniority": ("c_level", "manager", ""),
    "industry": ("Software", "Retail", ""),
    "region": ("EMEA", "APAC", ""),
}

AGREED = Agreed(
    versions=(
        Version(
            "1",
            0,
            14 * 24,
            25,
            20,
            60,
            (75, 50, 25),
            (60, 40, 20),
            {("seniority", "c_level"): 40, ("industry", "Software"): 25, ("region", "EMEA"): 25},
            {},
            frozenset({"demo_request", "pricing_request"}),
            frozenset({"A1", "A2", "A3", "B1", "B2", "C1"}),
            {"Working": "sal", "Qualified": "sql"},
            frozenset({"Outbound"}),
            True,
            False,
            None,
        ),
        Version(
            "2",
            SWITCH,
            SECOND_HALF_LIFE,
            30,
            15,
            30,
            (80, 40, 30),
            (50, 30, 15),
            {("seniority", "c_level"): 30, ("industry", "Software"): 40, ("region", "EMEA"): 30},
            {("activity_type", "session"): 3.0, ("url", "/pricing"): 8.0},
            frozenset({"demo_request"}),
            frozenset({"A1", "A2", "B1", "B2", "B3"}),
            {"Qualified": "sql"},
            frozenset({"Outbound", "Partner"}),
            False,
            True,
            "marketingqualifiedlead",
        ),
    ),
    exit_of_status={
        "Nurture": Exit("recycled", 10 * 24, frozenset({"hand_raise"})),
        "Rejected": Exit("rejected", 20 * 24, frozenset()),
        "Unqualified": Exit("disqualified", 0, frozenset()),
    },
    exit_of_loss=Exit("lost", 15 * 24, frozenset({"hand_raise", "status"})),
    exit_by_reason={"Bad timing": Exit("recycled", 30 * 24, frozenset({"meeting"}))},
    accepted_stages=frozenset({"Discovery", "Closed Won"}),
)

ACTIVITIES: dict[str, tuple[float, bool, bool]] = {
    # kind: weight, whether it is a response, whether it is a human touch
    "form_submit": (5, True, False),
    "content_download": (10, True, False),
    "event_attended": (20, True, False),
    "demo_request": (25, True, False),
    "pricing_request": (25, True, False),
    "session": (1, False, False),
    "unsubscribe": (-15, False, False),
    "email_open": (0, False, False),
    "call": (0, False, True),
    "meeting": (0, False, True),
}
#: Drawn more often: they score, but open nothing by themselves.
QUIET = ("session", "session", "session", "session")
STATUSES = ("New", "Working", "Qualified", "Nurture", "Rejected", "Unqualified")
STAGES = ("Prospecting", "Discovery", "Closed Lost", "Closed Won")

T = TypeVar("T")


class Draw(Protocol):
    """Where chance comes from: a seeded generator, or hypothesis."""

    def number(self, low: int, high: int) -> int:
        """A whole number between low and high, both included."""

    def one_of(self, values: Sequence[T]) -> T:
        """One of the values."""


def invent(draw: Draw, key: str) -> Person:
    """One person: attributes, activities, records and deals over the 160 days, all by chance."""

    def moment() -> int:
        return draw.number(0, HOURS // STEP) * STEP

    def near(start: int) -> int:
        return min(start + draw.one_of((0, 0, 6, 24, 60, 240, 480, 720, 1200)), HOURS)

    def walk(length: int, step: Callable[[], T]) -> list[tuple[int, T]]:
        at, walked = moment(), []
        for _ in range(length):
            walked.append((at, step()))
            at = near(at)
        return walked

    attributes = []
    at = moment()
    for _ in range(draw.number(1, 3)):
        attributes.append((at, {name: draw.one_of(values) for name, values in FIT_VALUES.items()}))
        at += draw.number(1, 40) * STEP
    activities = [
        Activity(
            f"{key}-a{number}",
            at,
            kind,
            ACTIVITIES[kind][0],
            draw.one_of(("", "https://x.example/pricing", "https://x.example/blog")),
            ACTIVITIES[kind][1],
            ACTIVITIES[kind][2],
        )
        for number, (at, kind) in enumerate(
            step
            for _ in range(draw.number(0, 3))
            for step in walk(draw.number(1, 5), lambda: draw.one_of((*ACTIVITIES, *QUIET)))
        )
    ]
    records = []
    for number in range(draw.number(0, 2)):
        steps = walk(draw.number(1, 6), lambda: draw.one_of(STATUSES))
        lifecycles = walk(draw.number(0, 2), lambda: draw.one_of(("lead", "marketingqualifiedlead")))
        created = steps[0][0]
        records.append(
            Record(
                f"salesforce:lead:{key}-r{number}",
                created,
                draw.one_of((None, "Outbound", "Partner", "Web")),
                tuple(steps),
                tuple((created if i == 0 else max(at, created), v) for i, (at, v) in enumerate(lifecycles)),
                draw.one_of((None, "Bad timing", "Other")),
                max(moment(), steps[-1][0]),
            )
        )
    deals = [
        Deal(
            f"salesforce:{key}-d{number}",
            tuple(
                (at, stage, draw.number(0, 3) > 0) for at, stage in walk(draw.number(1, 4), lambda: draw.one_of(STAGES))
            ),
            draw.one_of(("new", "new", "expansion", "renewal")),
        )
        for number in range(draw.one_of((0, 0, 1, 1, 2, 3)))
    ]
    return Person(key, tuple(attributes), tuple(activities), tuple(records), tuple(deals), draw.number(0, 19) == 0)


def instant(hours: int) -> datetime:
    """The timestamp of an hour of the invented world."""
    return BEGINNING + timedelta(hours=hours)


def agreed_tables() -> dict[str, list[dict[str, Any]]]:
    """The agreed definitions as rows of the tables in which a company keeps them."""
    tables: dict[str, list[dict[str, Any]]] = {
        name: []
        for name in (
            "definition_versions",
            "stages",
            "stage_rules",
            "lead_rules",
            "scoring_parameters",
            "score_grades",
            "handoff_matrix",
            "exit_reasons",
        )
    }
    for version in AGREED.versions:
        named = {"version": version.name}
        tables["definition_versions"].append({**named, "effective_from": instant(version.since)})
        tables["scoring_parameters"] += [
            {**named, "parameter": parameter, "value": value}
            for parameter, value in (
                ("half_life_days", version.half_life_hours / 24),
                ("lead_min_fit", version.min_fit),
                ("lead_min_engagement", version.min_engagement),
                ("hot_min_engagement", version.hot),
                ("meeting_makes_sql", int(version.meeting_is_sql)),
            )
        ]
        for dimension, grades, least in (
            ("fit", "ABCD", version.fit_grades),
            ("engagement", "1234", version.engagement_grades),
        ):
            tables["score_grades"] += [
                {
                    **named,
                    "dimension": dimension,
                    "grade": grade,
                    "min_score": minimum,
                    "admits_hand_raise": grade <= version.lowest_hand_raise_grade if dimension == "fit" else None,
                }
                for grade, minimum in zip(grades, (*least, None), strict=True)
            ]
        tables["handoff_matrix"] += [
            {
                **named,
                "grade": f"{fit}{engagement}",
                "priority": 1,
                "hands_off": f"{fit}{engagement}" in version.handed_over,
            }
            for fit in "ABCD"
            for engagement in "1234"
        ]
        rules = [("fit", name, "=", value, points) for (name, value), points in version.fit_points.items()]
        rules += [
            ("engagement", name, "contains" if name == "url" else "=", value, points)
            for (name, value), points in version.engagement_points.items()
        ]
        rules += [("hand_raise", "activity_type", "=", kind, None) for kind in sorted(version.hand_raises)]
        if version.mql_lifecycle:
            rules.append(("system_status", "lifecycle_stage", "=", version.mql_lifecycle, None))
        tables["lead_rules"] += [
            {
                **named,
                "rule_id": f"r{number}",
                "kind": kind,
                "field": name,
                "operator": operator,
                "value": value,
                "weight": points,
            }
            for number, (kind, name, operator, value, points) in enumerate(rules)
        ]
        meanings = [(stage, "status", status) for status, stage in version.stage_of_status.items()]
        meanings += [("inquiry", "source", source) for source in sorted(version.entered_by_sales)]
        meanings += [("sqo", "stage", "Discovery"), ("won", "stage", "Closed Won")]
        if version.touch_is_sal:
            meanings.append(("sal", "is_human_touch", "true"))
        tables["stage_rules"] += [
            {**named, "stage": stage, "system": "*", "object": "*", "field": name, "value": value}
            for stage, name, value in meanings
        ]
    # Version 2 has no windows of its own: it keeps those of version 1.
    tables["stages"] = [
        {"version": "1", "stage": stage, "stage_order": order, "window_days": window}
        for order, (stage, window) in enumerate(
            (("inquiry", 10), ("lead", 10), ("mql", 10), ("sal", 10), ("sql", 20), ("sqo", 30), ("won", None)),
            start=1,
        )
    ]
    exits = [("status", status, meant) for status, meant in AGREED.exit_of_status.items()]
    exits.append(("stage", "Closed Lost", AGREED.exit_of_loss))
    tables["exit_reasons"] = [
        {
            "system": "*",
            "object": "*",
            "field": name,
            "value": value,
            "exit_type": meant.kind,
            "reason": value,
            "side": "sales",
            "cool_down_days": meant.cool_down_hours // 24,
            "reopened_by": "|".join(sorted(meant.reopened_by)) or "none",
        }
        for name, value, meant in exits
    ] + [
        {
            "system": "*",
            "object": "*",
            "field": "status_reason",
            "value": reason,
            "exit_type": "*",
            "reason": reason,
            "side": "buyer",
            "cool_down_days": meant.cool_down_hours // 24,
            "reopened_by": "|".join(sorted(meant.reopened_by)),
        }
        for reason, meant in AGREED.exit_by_reason.items()
    ]
    return tables


def tables_of(people: Iterable[Person]) -> dict[str, list[dict[str, Any]]]:
    """The people as rows of the tables that the funnel reads."""
    tables: dict[str, list[dict[str, Any]]] = {
        name: []
        for name in (
            "int_people",
            "int_person_attribute_states",
            "int_activities",
            "int_people_records",
            "int_person_records_unioned",
            "int_person_changes_unioned",
            "int_opportunities",
            "int_opportunity_states",
        )
    }
    # Histories of both fields are kept by the system, so that a value without a change is as old as its record.
    tables["int_person_changes_unioned"] += [
        {"record_id": "somebody else's", "change_id": name, "field": name, "changed_at": BEGINNING}
        for name in ("status", "lifecycle_stage")
    ]
    for person in people:
        tables["int_people"].append({"person_id": person.key, "is_excluded": person.is_excluded})
        ends = [instant(since) for since, _ in person.attributes[1:]] + [None]
        tables["int_person_attribute_states"] += [
            {"person_id": person.key, **values, "valid_from": instant(since), "valid_to": end}
            for (since, values), end in zip(person.attributes, ends, strict=True)
        ]
        tables["int_activities"] += [
            {
                "activity_id": a.key,
                "person_id": person.key,
                "activity_type": a.kind,
                "url": a.url,
                "weight": a.weight,
                "is_response": a.is_response,
                "is_human_touch": a.is_human_touch,
                "is_hand_raise": a.kind.endswith("_request"),
                "occurred_at": instant(a.at),
            }
            for a in person.activities
        ]
        for record in person.records:
            record_id = record.key.rsplit(":", 1)[1]
            tables["int_people_records"].append(
                {"record_id": record_id, "record_key": record.key, "person_id": person.key}
            )
            tables["int_person_records_unioned"].append(
                {
                    "record_id": record_id,
                    "source": record.source,
                    "created_at": instant(record.created),
                    "modified_at": instant(record.reason_since),
                    "status_reason": record.reason,
                    "status": record.statuses[-1][1],
                    "lifecycle_stage": record.lifecycles[-1][1] if record.lifecycles else None,
                }
            )
            for name, values in (("status", record.statuses), ("lifecycle_stage", record.lifecycles)):
                changes = itertools.pairwise(values)
                tables["int_person_changes_unioned"] += [
                    {
                        "record_id": record_id,
                        "change_id": f"{record.key}:{name}:{number:03}",
                        "field": name,
                        "old_value": before,
                        "new_value": after,
                        "changed_at": instant(at),
                    }
                    for number, ((_, before), (at, after)) in enumerate(changes)
                ]
        for deal in person.deals:
            deal_rows(tables, deal, person.key)
    return tables


def deal_rows(tables: dict[str, list[dict[str, Any]]], deal: Deal, person: str | None) -> None:
    """Add a deal and its states to the tables."""
    _, won, lost = deal_moments(deal, AGREED)
    first, (_, stage, _) = deal.states[0], deal.states[-1]
    tables["int_opportunities"].append(
        {
            "opportunity_id": deal.key,
            "person_id": person,
            "opportunity_type": deal.kind,
            "stage": stage,
            "is_closed": stage.startswith("Closed"),
            "is_won": won is not None,
            "created_at": instant(first[0]),
            "amount": 100,
            "won_at": None if won is None else instant(won),
            "lost_at": None if lost is None else instant(lost),
        }
    )
    tables["int_opportunity_states"] += [
        {
            "opportunity_id": deal.key,
            "state_number": number,
            "stage": state,
            "is_lost": state == "Closed Lost",
            "amount": 100 if complete or number % 2 else None,
            "close_date": date(2025, 12, 31) if complete or not number % 2 else None,
            "valid_from": instant(at),
        }
        for number, (at, state, complete) in enumerate(deal.states, start=1)
    ]
