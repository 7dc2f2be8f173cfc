"""Which lead a rep called, against which ones waited; and who is flagged for passing others over."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.compiled_models import CompiledFunnel, CompiledModels
from tests.funnel.funnel_build import FunnelBuild

pytestmark = pytest.mark.slow

UNDER_TEST = ("int_business_intervals", "fct_queue_choices", "rpt_rep_follow_up")
INPUTS: Mapping[str, Mapping[str, str]] = {
    "stg_concord__build_context": {"as_of": "timestamp"},
    "int_cycles": {"opened_at": "timestamp"},
    "fct_handoffs": {
        "lead_cycle_id": "varchar",
        "rep_id": "varchar",
        "grade": "varchar",
        "fate": "varchar",
        "priority": "integer",
        "rep_hours": "double",
        "is_handed_over": "boolean",
        "is_due": "boolean",
        "is_met": "boolean",
        "is_disposed": "boolean",
        "is_accepted": "boolean",
        "first_touch_at": "timestamp",
        "first_touch_id": "varchar",
        "first_touch_rep_id": "varchar",
        "first_response_at": "timestamp",
        "ended_at": "timestamp",
        "due_at": "timestamp",
        "mql_at": "timestamp",
    },
    "fct_handoff_owners": {
        "lead_cycle_id": "varchar",
        "owner_number": "integer",
        "rep_id": "varchar",
        "calendar": "varchar",
        "held_hours": "double",
        "is_over_target": "boolean",
        "owned_from": "timestamp",
        "owned_until": "timestamp",
    },
    "fct_lead_cycles": {"lead_cycle_id": "varchar", "is_won": "boolean"},
}
START, AS_OF = datetime(2025, 1, 1), datetime(2026, 1, 1)
HOUR = timedelta(hours=1)
ALWAYS = [
    {
        "calendar": "always",
        "region": None,
        "time_zone": "UTC",
        "weekday": day,
        "starts_at": "00:00:00",
        "ends_at": "00:00:00",
    }
    for day in range(1, 8)
]


@pytest.fixture(scope="module")
def compiled(compiled_models: CompiledModels) -> CompiledFunnel:
    return compiled_models.these(UNDER_TEST)


def lead(name: str, rep: str, assigned: datetime, **facts: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A lead in a rep's queue: its hand-off and its spell with the owner."""
    touched = facts.get("first_touch_at")
    handoff = {
        "lead_cycle_id": name,
        "rep_id": rep,
        "grade": "A3",
        "priority": 4,
        "fate": "worked_in_sla" if touched else "untouched_overdue",
        "is_handed_over": True,
        "is_due": True,
        "is_met": bool(touched),
        "is_disposed": bool(touched),
        "is_accepted": bool(touched),
        "first_touch_id": f"touch of {name}" if touched else None,
        "first_touch_rep_id": rep if touched else None,
        "first_response_at": touched,
        "mql_at": assigned,
        "due_at": assigned + 8 * HOUR,
        **{key: value for key, value in facts.items() if key != "owned_until"},
    }
    spell = {
        "lead_cycle_id": name,
        "owner_number": 1,
        "rep_id": rep,
        "calendar": "always",
        "held_hours": 1.0,
        "is_over_target": False,
        "owned_from": assigned,
        "owned_until": facts.get("owned_until"),
    }
    return handoff, spell


def build(
    compiled: CompiledFunnel, leads: Sequence[tuple[dict[str, Any], dict[str, Any]]], won: Sequence[str] = ()
) -> FunnelBuild:
    return FunnelBuild(
        compiled,
        {
            "int_cycles": [{"opened_at": START}],
            "fct_handoffs": [handoff for handoff, _ in leads],
            "fct_handoff_owners": [spell for _, spell in leads],
            "fct_lead_cycles": [
                {"lead_cycle_id": handoff["lead_cycle_id"], "is_won": handoff["lead_cycle_id"] in won}
                for handoff, _ in leads
            ],
        },
        as_of=AS_OF,
        definitions={"business_calendars": ALWAYS, "holidays": []},
        inputs=INPUTS,
        defaults={},
    )


def test_choices_equal_a_plain_look_into_each_queue(compiled: CompiledFunnel) -> None:
    """Random queues of some reps, leads that are taken away and leads that nobody ever touches included."""
    draw = random.Random(5)
    leads = []
    for number in range(900):
        assigned = START + timedelta(minutes=draw.randrange(30 * 24 * 60))
        touched = assigned + timedelta(minutes=draw.randrange(1, 4000)) if draw.random() < 0.8 else None
        leads.append(
            lead(
                f"lead {number}",
                f"crm:{draw.randrange(4)}",
                assigned,
                first_touch_at=touched,
                owned_until=assigned + timedelta(minutes=draw.randrange(1, 6000)) if draw.random() < 0.3 else None,
                ended_at=touched + 50 * HOUR if touched and draw.random() < 0.3 else None,
                priority=draw.choice((1, 2, None)),
                due_at=assigned + draw.choice((1, 4, 8)) * HOUR,
                grade=draw.choice(("A1", "B2", "C1")),
            )
        )
    rows = {row["lead_cycle_id"]: row for row in build(compiled, leads).rows("fct_queue_choices")}

    def place(handoff: dict[str, Any]) -> tuple:
        return (handoff["due_at"], handoff["priority"] or 99, handoff["mql_at"], handoff["lead_cycle_id"])

    expected = {}
    for handoff, spell in leads:
        moment = handoff["first_touch_at"]
        if moment is None or (spell["owned_until"] and moment >= spell["owned_until"]):
            continue
        waiting = [
            other
            for other, of in leads
            if of["rep_id"] == spell["rep_id"]
            and of["owned_from"] + HOUR <= moment
            and all(
                end is None or moment < end for end in (of["owned_until"], other["first_touch_at"], other["ended_at"])
            )
            and place(other) < place(handoff)
        ]
        first = min(waiting, key=place, default=None)
        expected[handoff["lead_cycle_id"]] = (
            len(waiting),
            bool(waiting),
            first and first["lead_cycle_id"],
            first and first["grade"],
        )
    columns = ("better_waiting", "skipped_better", "best_waiting_lead_cycle_id", "best_waiting_grade")
    assert {name: tuple(row[column] for column in columns) for name, row in rows.items()} == expected
    assert sum(count for count, *_ in expected.values()) > 1000


def test_a_lead_that_has_not_waited_an_hour_is_not_passed_over(compiled: CompiledFunnel) -> None:
    leads = [
        lead("waits_for_an_hour", "crm:a", START, due_at=START + 2 * HOUR),
        lead("chosen", "crm:a", START, first_touch_at=START + HOUR),
        lead("waits_for_less", "crm:b", START, due_at=START + 2 * HOUR),
        lead("chosen_in_time", "crm:b", START, first_touch_at=START + HOUR - timedelta(seconds=1)),
        lead("due_later", "crm:c", START, due_at=START + 9 * HOUR),
        lead("first_in_order", "crm:c", START, first_touch_at=START + 3 * HOUR),
        lead("of_nobody_else", "crm:d", START, first_touch_at=START + 3 * HOUR),
        lead("touched_by_a_colleague", "crm:a", START, first_touch_at=START + 5 * HOUR, first_touch_rep_id="crm:b"),
    ]
    rows = build(compiled, leads, won=["waits_for_an_hour"]).rows("fct_queue_choices")
    assert {row["lead_cycle_id"]: (row["better_waiting"], row["is_best_waiting_won"]) for row in rows} == {
        "chosen": (1, True),
        "chosen_in_time": (0, None),
        "first_in_order": (0, None),
        "of_nobody_else": (0, None),
    }


def worked_queue(
    draw: random.Random, rep: str, choices: int, skip_rate: float
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """A rep who always has four leads waiting and calls the first of them, but with that chance a later one."""
    waiting = [START + n * HOUR for n in range(4)]
    made, moment = [], START + 6 * HOUR
    for number in range(choices):
        chosen = draw.randrange(1, len(waiting)) if draw.random() < skip_rate else 0
        assigned = waiting.pop(chosen)
        made.append(lead(f"{rep} {number}", rep, assigned, first_touch_at=moment))
        waiting.append(moment - HOUR)
        moment += 2 * HOUR
    return made


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.matrix) for seed in range(2, 21))])
def test_who_skips_is_flagged_and_nobody_else(compiled: CompiledFunnel, seed: int) -> None:
    """Of eight reps with a chance of 15 % to pass a lead over, one with 40 % is found, and no other by chance."""
    for planted in (True, False):
        draw = random.Random(f"{seed} {planted}")
        leads = []
        for rep in range(8):
            leads += worked_queue(draw, f"crm:{rep}", 150, 0.40 if planted and rep == 3 else 0.15)
        rows = build(compiled, leads).rows("rpt_rep_follow_up")
        assert {row["rep_id"] for row in rows if row["is_flagged"]} == ({"crm:3"} if planted else set())
        assert {row["choices"] for row in rows} == {150}


def test_few_choices_and_thin_logs_flag_nobody(compiled: CompiledFunnel) -> None:
    draw = random.Random(3)
    leads = worked_queue(draw, "crm:few", 19, 0.9) + worked_queue(draw, "crm:many", 200, 0.1)
    thin = worked_queue(draw, "crm:thin", 40, 0.9)
    unlogged = [
        lead(f"unlogged {n}", "crm:thin", START, is_accepted=True, first_response_at=START + HOUR) for n in range(27)
    ]
    rows = {row["rep_id"]: row for row in build(compiled, leads + thin + unlogged).rows("rpt_rep_follow_up")}
    assert [rep for rep, row in rows.items() if row["is_flagged"]] == []
    assert (rows["crm:few"]["choices"], rows["crm:few"]["is_shown"]) == (19, True)
    assert rows["crm:thin"]["logging_coverage"] == pytest.approx(40 / 67)
    assert (rows["crm:thin"]["is_shown"], rows["crm:thin"]["skip_rate"], rows["crm:thin"]["met"]) == (False, None, None)
