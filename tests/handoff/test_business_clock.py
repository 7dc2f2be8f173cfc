"""The business clock against a plain one that looks at every single minute through the time zone's own rules."""

from __future__ import annotations

import bisect
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.compiled_models import CompiledFunnel
from tests.handoff.handoff_build import build_handoffs, handoff, user

pytestmark = pytest.mark.slow

UTC = ZoneInfo("UTC")
MINUTE = timedelta(minutes=1)
# Both changes of the clock in three zones; in Sydney it goes back in April.
CLOCK_CHANGES = {
    "America/New_York": (datetime(2025, 3, 9), datetime(2025, 11, 2)),
    "Europe/Berlin": (datetime(2025, 3, 30), datetime(2025, 10, 26)),
    "Australia/Sydney": (datetime(2025, 4, 6), datetime(2025, 10, 5)),
}
BEGIN, AS_OF = datetime(2025, 2, 20), datetime(2025, 12, 1)
WORKDAYS, EVERY_DAY = range(1, 6), range(1, 8)


@dataclass(frozen=True)
class Calendar:
    """Working hours of a made-up calendar: intervals by weekday, and days on which nobody works."""

    name: str
    zone: str
    intervals: tuple[tuple[int, time, time], ...]
    holidays: frozenset[date]

    def works_at(self, minute: datetime) -> bool:
        """Whether the minute that begins at this UTC moment is working time, by what a clock on the wall shows."""
        wall = minute.replace(tzinfo=UTC).astimezone(ZoneInfo(self.zone))
        today, now = wall.date(), wall.time()
        yesterday = today - timedelta(days=1)
        for weekday, begin, end in self.intervals:
            if end > begin:
                if today.isoweekday() == weekday and begin <= now < end and today not in self.holidays:
                    return True
            else:
                if today.isoweekday() == weekday and now >= begin and today not in self.holidays:
                    return True
                if yesterday.isoweekday() == weekday and now < end and yesterday not in self.holidays:
                    return True
        return False


def calendars() -> list[Calendar]:
    shifts = {
        "day": [(day, time(9), time(17, 30)) for day in WORKDAYS],
        "split": [(day, *hours) for day in WORKDAYS for hours in ((time(8, 15), time(12)), (time(13), time(18)))],
        "night": [(day, time(22), time(6)) for day in EVERY_DAY],
        "always": [(day, time(0), time(0)) for day in EVERY_DAY],
    }
    made = []
    for zone, changes in CLOCK_CHANGES.items():
        # The Monday after each change is a holiday, and for the night shift the very day of the first change too.
        mondays = {change.date() + timedelta(days=1) for change in changes}
        for shift, intervals in shifts.items():
            holidays = mondays | ({changes[0].date()} if shift == "night" else set())
            made.append(Calendar(f"{zone} {shift}", zone, tuple(intervals), frozenset(holidays)))
    return made


def worked_minutes(calendar: Calendar, begin: datetime, days: int) -> list[datetime]:
    """Every working minute of a calendar in some days."""
    minutes = (begin + n * MINUTE for n in range(days * 24 * 60))
    return [minute for minute in minutes if calendar.works_at(minute)]


def elapsed(worked: Sequence[datetime], begin: datetime, end: datetime) -> int:
    """Working minutes from one moment to another."""
    return max(bisect.bisect_left(worked, end) - bisect.bisect_left(worked, begin), 0)


def after(worked: Sequence[datetime], begin: datetime, minutes: int) -> datetime:
    """The earliest moment at which so many minutes were worked."""
    return worked[bisect.bisect_left(worked, begin) + minutes - 1] + MINUTE


def test_the_clock_agrees_with_one_that_counts_minutes(compiled_handoffs: CompiledFunnel) -> None:
    """Assignments at any hour, weekends, nights and holidays included, around both clock changes of three zones."""
    draw = random.Random(20250330)
    made = calendars()
    minutes, cases, handoffs = {}, {}, []
    for calendar in made:
        for change in CLOCK_CHANGES[calendar.zone]:
            begin = change - timedelta(days=8)
            minutes[calendar.name, change] = worked = worked_minutes(calendar, begin, 26)
            for number in range(60):
                assigned = begin + timedelta(minutes=draw.randrange(14 * 24 * 60))
                response = assigned + timedelta(minutes=draw.choice((7, 90, 600, 4000)) * draw.random() // 1)
                grade, hand_raise = draw.choice((("A3", True), ("B2", False), ("C1", False)))
                temperature = "hot" if hand_raise or grade == "B2" else "warm"
                name = f"{calendar.name} {change:%m%d} {number}"
                cases[name] = (worked, assigned, response, {"A3": 60, "B2": 240, "C1": 480}[grade])
                handoffs.append(
                    handoff(
                        name,
                        assigned - timedelta(minutes=20),
                        handed_over_at=assigned - timedelta(minutes=10),
                        crm_arrived_at=assigned,
                        owners=[(calendar.name, assigned, None)],
                        touch_at=response,
                        data_cut_at=AS_OF,
                        grade=grade,
                        temperature=temperature,
                        is_hand_raise=hand_raise,
                    )
                )
    build = build_handoffs(
        compiled_handoffs,
        handoffs,
        users=[user(calendar.name, region=calendar.name) for calendar in made],
        as_of=AS_OF,
        begin=BEGIN,
        definitions={
            "business_calendars": [
                {
                    "calendar": calendar.name,
                    "region": calendar.name,
                    "time_zone": calendar.zone,
                    "weekday": weekday,
                    "starts_at": begin,
                    "ends_at": end,
                }
                for calendar in made
                for weekday, begin, end in calendar.intervals
            ],
            "holidays": [
                {"calendar": calendar.name, "holiday_date": day, "name": "Day off"}
                for calendar in made
                for day in calendar.holidays
            ],
        },
    )
    rows = build.rows("fct_handoffs")
    assert len(rows) == len(cases) == 1440
    wrong = []
    for row in rows:
        worked, assigned, response, target = cases[row["lead_cycle_id"]]
        spent = elapsed(worked, assigned, response)
        expected = (spent, after(worked, assigned, target), spent <= target)
        actual = (round(row["rep_hours"] * 60, 6), row["due_at"], row["is_met"])
        if expected != actual:
            wrong.append((row["lead_cycle_id"], assigned, response, expected, actual))
    assert wrong == []
    # The shifts that a change of the clock lengthens or shortens were among them.
    lengths = {
        (row["calendar"], round(row["business_microseconds"] / 3_600_000_000, 6))
        for row in build.rows("int_business_intervals")
    }
    for zone in CLOCK_CHANGES:
        assert {hours for name, hours in lengths if name == f"{zone} always"} == {23, 24, 25}
        assert {hours for name, hours in lengths if name == f"{zone} day"} == {8.5}


def test_an_answer_outside_hours_counts_as_at_closing_time(compiled_handoffs: CompiledFunnel) -> None:
    """The hour ends with the working day: an answer at night or at opening is in time; a second later it is late."""
    assigned, monday = datetime(2025, 6, 6, 15), datetime(2025, 6, 9, 7)  # Friday 17:00 in Berlin, closing at 18:00
    answers = {
        "at_closing_time": datetime(2025, 6, 6, 16),
        "at_night": datetime(2025, 6, 6, 23),
        "on_sunday": datetime(2025, 6, 8, 12),
        "at_opening_time": monday,
        "a_second_after_opening": monday + timedelta(seconds=1),
    }
    build = build_handoffs(
        compiled_handoffs,
        [
            handoff(
                name,
                assigned,
                handed_over_at=assigned,
                crm_arrived_at=assigned,
                owners=[("ada", assigned, None)],
                touch_at=answer,
                data_cut_at=AS_OF,
                is_hand_raise=True,
            )
            for name, answer in answers.items()
        ],
        users=[user("ada", time_zone="Europe/Berlin", region="EMEA")],
        as_of=AS_OF,
        begin=BEGIN,
        definitions={"holidays": []},
    )
    rows = {row["lead_cycle_id"]: row for row in build.rows("fct_handoffs")}
    assert {row["due_at"] for row in rows.values()} == {datetime(2025, 6, 6, 16)}
    assert {name for name, row in rows.items() if row["is_met"]} == answers.keys() - {"a_second_after_opening"}
