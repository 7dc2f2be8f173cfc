"""Each hand-off has one fate, the first that holds; and who is charged for what."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.compiled_models import CompiledFunnel
from tests.funnel.funnel_build import FunnelBuild
from tests.handoff.handoff_build import build_handoffs, handoff, user

pytestmark = pytest.mark.slow

# A Tuesday in summer: the calendar of Ada in New York works from 13:00 to 22:00 UTC, that of Ben in Berlin from 07:00
# to 16:00.
DAY = datetime(2025, 6, 3)
AS_OF = datetime(2025, 6, 30)


def at(hour: float, day: int = 0) -> datetime:
    return DAY + timedelta(days=day, hours=hour)


def passed(name: str, **facts: Any) -> dict[str, list[dict[str, Any]]]:
    """Entered at 13:00, handed over at 13:05, in the CRM a minute later, Ada's from 13:30 on, unless told otherwise."""
    return handoff(
        name,
        at(13),
        **{
            "handed_over_at": at(13) + timedelta(minutes=5),
            "crm_arrived_at": at(13) + timedelta(minutes=6),
            "owners": [("ada", at(13.5), None)],
            "data_cut_at": AS_OF,
            **facts,
        },
    )


@pytest.fixture(scope="module")
def build(compiled_handoffs: CompiledFunnel) -> FunnelBuild:
    rejected = {"exit_type": "rejected", "exit_reason": "Student", "exit_side": "marketing"}
    recycled = {"exit_type": "recycled", "exit_reason": None, "exit_side": "buyer"}
    lost = {"crm_arrived_at": None, "owners": []}
    handoffs = [
        # Whatever sales did without being asked, marketing has not passed it on.
        passed("never_passed", handed_over_at=None, owners=[], touch_at=at(14)),
        passed("never_passed_and_rejected", handed_over_at=None, disposed_at=at(14), exited_at=at(14), **rejected),
        passed("lost", **lost),
        passed("lost_for_exactly_a_day", data_cut_at=at(37) + timedelta(minutes=5), **lost),
        passed("missing_for_less_than_a_day", data_cut_at=at(37), **lost),
        passed("missing_but_called", touch_at=at(13.25), **lost),
        passed("rejected", disposed_at=at(14, 9), exited_at=at(14, 9), **rejected),
        passed("recycled", disposed_at=at(15), exited_at=at(15), **recycled),
        passed("rejected_after_acceptance", disposed_at=at(14), exited_at=at(14, 9), is_accepted=True, **rejected),
        passed("in_time", touch_at=at(21.5)),
        passed("late_by_a_second", touch_at=at(21.5) + timedelta(seconds=1)),
        passed("hand_raise_late", touch_at=at(15), is_hand_raise=True, temperature="hot"),
        passed("hot_in_time", touch_at=at(17.5), temperature="hot"),
        passed("hot_late", touch_at=at(18), temperature="hot"),
        passed("disposed_in_time", disposed_at=at(14), touch_at=at(13, 9), is_accepted=True),
        passed(
            "called_before_the_hand_over", touch_at=at(13), handed_over_at=at(13, 2), owners=[("ada", at(14, 2), None)]
        ),
        passed("untouched"),
        passed("due_at_the_data_cut", data_cut_at=at(21.5)),
        passed("due_after_the_data_cut", data_cut_at=at(21.5) - timedelta(seconds=1)),
        passed("nobody_owned_it", owners=[]),
        passed("nobody_owned_it_but_called_in_time", owners=[], touch_at=at(14)),
        passed("nobody_owned_it_and_called_late", owners=[], touch_at=at(15)),
        passed("not_yet_routed", owners=[], data_cut_at=at(14)),
        # Ada had it for half an hour, then Ben: due when it was due with Ada, each charged for their own hours.
        passed(
            "reassigned",
            owners=[("ada", at(13.5), at(14)), ("ben", at(14), None)],
            touch_at=at(8, 1),
        ),
    ]
    return build_handoffs(
        compiled_handoffs,
        handoffs,
        users=[user("ada", "America/New_York", "Americas"), user("ben", "Europe/Berlin", "EMEA")],
        as_of=AS_OF,
        begin=DAY,
        int_handoff_last_places=[
            {
                "lead_cycle_id": name,
                "last_seen_record_key": "m:c:1",
                "last_place": "not_received_by_crm",
                "last_seen_at": at(13),
            }
            for name in ("lost", "lost_for_exactly_a_day", "missing_for_less_than_a_day", "missing_but_called")
        ],
    )


def test_every_handoff_has_the_first_fate_that_holds(build: FunnelBuild) -> None:
    assert {
        row["lead_cycle_id"]: (row["fate"], row["reason"], row["charged_to"], row["is_due"], row["is_met"])
        for row in build.rows("fct_handoffs")
    } == {
        "never_passed": ("not_handed_over", "Not passed on by marketing", "marketing", False, None),
        "never_passed_and_rejected": ("not_handed_over", "Not passed on by marketing", "marketing", False, None),
        "lost": ("lost_between_systems", "not_received_by_crm", "routing", True, False),
        "lost_for_exactly_a_day": ("lost_between_systems", "not_received_by_crm", "routing", True, False),
        "missing_for_less_than_a_day": ("untouched_overdue", "Nobody owned it", "routing", True, False),
        "missing_but_called": ("worked_in_sla", None, None, True, True),
        "rejected": ("rejected", "Student", "marketing", True, False),
        "recycled": ("recycled", "No reason given", "buyer", True, True),
        "rejected_after_acceptance": ("worked_in_sla", None, None, True, True),
        "in_time": ("worked_in_sla", None, None, True, True),
        "late_by_a_second": ("worked_late", "No answer in time", "sales", True, False),
        "hand_raise_late": ("worked_late", "No answer in time", "sales", True, False),
        "hot_in_time": ("worked_in_sla", None, None, True, True),
        "hot_late": ("worked_late", "No answer in time", "sales", True, False),
        "disposed_in_time": ("worked_in_sla", None, None, True, True),
        "called_before_the_hand_over": ("worked_in_sla", None, None, True, True),
        "untouched": ("untouched_overdue", "No answer in time", "sales", True, False),
        "due_at_the_data_cut": ("untouched_overdue", "No answer in time", "sales", True, False),
        "due_after_the_data_cut": ("pending", None, None, False, None),
        "nobody_owned_it": ("untouched_overdue", "Nobody owned it", "routing", True, False),
        "nobody_owned_it_but_called_in_time": ("worked_in_sla", None, None, True, True),
        "nobody_owned_it_and_called_late": ("worked_late", "Nobody owned it", "routing", True, False),
        "not_yet_routed": ("pending", None, None, False, None),
        "reassigned": ("worked_late", "No answer in time", "sales", True, False),
    }


def test_hours_and_due_times(build: FunnelBuild) -> None:
    rows = {row["lead_cycle_id"]: row for row in build.rows("fct_handoffs")}
    assert (rows["in_time"]["rep_hours"], rows["in_time"]["due_at"]) == (8, at(21.5))
    assert rows["in_time"]["routing_hours"] == pytest.approx(25 / 60)
    assert (rows["hot_in_time"]["target_hours"], rows["hand_raise_late"]["target_hours"]) == (4, 1)
    early = rows["called_before_the_hand_over"]
    assert (early["rep_hours"], early["routing_hours"]) == (0, 1)
    assert (rows["nobody_owned_it"]["due_at"], rows["nobody_owned_it"]["calendar"]) == (
        at(14) + timedelta(minutes=5),
        "routing",
    )
    assert rows["nobody_owned_it"]["rep_hours"] is None
    assert [rows["never_passed"][column] for column in ("due_at", "first_response_at", "is_disposed")] == [
        None,
        None,
        False,
    ]


def test_each_owner_is_charged_for_their_own_hours(build: FunnelBuild) -> None:
    charged = [
        (row["rep_id"], row["held_hours"], row["is_answered"], row["is_over_target"])
        for row in build.rows("fct_handoff_owners", "lead_cycle_id = 'reassigned'", "owner_number")
    ]
    # Ben in Berlin has two hours left of his Tuesday, and one of his Wednesday until he calls.
    assert charged == [("crm:ada", 0.5, False, False), ("crm:ben", 3, True, False)]
    whole = next(row for row in build.rows("fct_handoffs") if row["lead_cycle_id"] == "reassigned")
    assert (whole["rep_id"], whole["last_owner_rep_id"], whole["owners"]) == ("crm:ada", "crm:ben", 2)
    assert (whole["due_at"], whole["rep_hours"]) == (at(21.5), 8.5)
