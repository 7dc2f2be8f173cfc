"""The conversion report against its definitions, worked out entry by entry and, for the days, exactly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.compiled_models import CompiledFunnel
from tests.funnel.funnel_build import FunnelBuild
from tests.funnel.invented_people import AS_OF, agreed_tables, invent, tables_of
from tests.funnel.reference_ledger import STAGES
from tests.funnel.test_stage_ledger import Seeded

MOTIONS = [
    {"priority": 1, "system": "*", "field": "source", "value": "Outbound", "motion": "outbound"},
    {"priority": 2, "system": "*", "field": "evidence_kind", "value": "status", "motion": "partner"},
    {"priority": 3, "system": "*", "field": "activity_type", "value": "event_attended", "motion": "product"},
]


def kaplan_meier(stays: Sequence[tuple[Fraction, bool]], share: Fraction) -> Fraction | None:
    """The smallest time by which no more than `share` are still there; None if it is never seen.

    `stays` are (time, whether it ended then). Written product by product, in exact fractions.
    """
    survival = Fraction(1)
    for time in sorted({time for time, ended in stays if ended}):
        at_risk = sum(1 for other, _ in stays if other >= time)
        ended = sum(1 for other, has_ended in stays if other == time and has_ended)
        survival *= 1 - Fraction(ended, at_risk)
        if survival <= share:
            return time
    return None


def days(start: datetime, end: datetime) -> Fraction:
    return Fraction((end - start) // timedelta(microseconds=1), 86_400_000_000)


def month_after(month: date) -> date:
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def expected_report(
    entries: list[dict[str, Any]], cycles: list[dict[str, Any]], windows: dict[str, int | None], as_of: datetime
) -> dict[tuple[date, str, str], dict[str, Any]]:
    """The report's rows, from the ledger's, by the words of the definitions."""
    by_cycle: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for entry in entries:
        by_cycle[entry["lead_cycle_id"]][entry["stage"]] = entry
    exits = {c["lead_cycle_id"]: c["exited_at"] for c in cycles}
    entrants: dict[tuple[date, str, str], list[dict[str, Any]]] = defaultdict(list)
    for entry in entries:
        if not entry["is_inferred"]:
            entrants[entry["entered_at"].date().replace(day=1), entry["motion"], entry["stage"]].append(entry)
    keys = set(entrants)
    for month, motion, stage in entrants:
        if stage != "inquiry":
            keys.add((month, motion, STAGES[STAGES.index(stage) - 1]))
    report = {}
    for key in keys:
        month, motion, stage = key
        rows = entrants.get(key, [])
        line: dict[str, Any] = {
            "entrants": len(rows),
            "people": len({r["person_id"] for r in rows} - {None}),
            "converted_in_window": None,
            "cohort_rate": None,
            "period_entries": None,
            "period_rate": None,
            "median_days": None,
            "p90_days": None,
            "is_mature": None,
        }
        if stage != "won":
            following = STAGES[STAGES.index(stage) + 1]
            window = timedelta(days=windows[stage] or 0)
            converted = 0
            stays = []
            for row in rows:
                reached = by_cycle[row["lead_cycle_id"]].get(following)
                converted += reached is not None and reached["entered_at"] <= row["entered_at"] + window
                left = reached["entered_at"] if reached is not None else exits[row["lead_cycle_id"]]
                stays.append((days(row["entered_at"], left or as_of), left is not None))
            period_entries = len(entrants.get((month, motion, following), []))
            month_end = datetime.combine(month_after(month), datetime.min.time())
            line |= {
                "converted_in_window": converted,
                "period_entries": period_entries,
                "cohort_rate": converted / len(rows) if rows else None,
                "period_rate": period_entries / len(rows) if rows else None,
                "median_days": kaplan_meier(stays, Fraction(1, 2)),
                "p90_days": kaplan_meier(stays, Fraction(1, 10)),
                "is_mature": month_end + window <= as_of,
            }
        report[key] = line
    return report


def rounded(line: dict[str, Any]) -> dict[str, Any]:
    return {k: round(float(v), 9) if isinstance(v, float | Fraction) else v for k, v in line.items()}


@pytest.fixture(scope="module")
def build(compiled_funnel: CompiledFunnel) -> FunnelBuild:
    draw = Seeded(11)
    tables = tables_of([invent(draw, f"p{number:05}") for number in range(3000)])
    # Every seventh deal lost its person.
    for number, deal in enumerate(tables["int_opportunities"]):
        if number % 7 == 0:
            deal["person_id"] = None
    return FunnelBuild(compiled_funnel, tables, as_of=AS_OF, definitions={**agreed_tables(), "motion_rules": MOTIONS})


def test_every_figure_of_the_report_follows_from_the_ledger(build: FunnelBuild) -> None:
    windows = {row["stage"]: row["window_days"] for row in agreed_tables()["stages"]}
    expected = expected_report(build.rows("fct_stage_entries"), build.rows("fct_lead_cycles"), windows, AS_OF)
    built = {(row["period_month"], row["motion"], row["stage"]): row for row in build.rows("rpt_funnel_conversion")}
    assert built.keys() == expected.keys()
    for key, line in expected.items():
        assert rounded({name: built[key][name] for name in line}) == rounded(line), key
    assert {motion for _, motion, _ in built} == {"inbound", "outbound", "partner", "product"}
    assert {line["is_mature"] for line in built.values()} == {True, False, None}
    assert any(line["median_days"] is not None and line["p90_days"] is None for line in built.values())


def test_an_unlinked_deal_enters_its_own_stages_and_no_others(build: FunnelBuild) -> None:
    entries = build.rows("fct_stage_entries", "person_id is null")
    deals = {row["opportunity_id"]: row for row in build.rows("int_opportunity_outcomes", "person_id is null")}
    expected = set()
    for deal in deals.values():
        if deal["is_in_funnel"]:
            expected.add((deal["opportunity_id"], "sqo"))
        if deal["won_at"] is not None:
            expected.add((deal["opportunity_id"], "won"))
    assert len(expected) > 100
    assert {(entry["opportunity_id"], entry["stage"]) for entry in entries} == expected
    assert len(entries) == len(expected)
    assert {entry["grade"] for entry in entries} == {None}


def test_every_won_deal_is_won_once_in_the_ledger(build: FunnelBuild) -> None:
    won = [entry["opportunity_id"] for entry in build.rows("fct_stage_entries", "stage = 'won'")]
    deals = [row["opportunity_id"] for row in build.rows("int_opportunity_outcomes", "won_at is not null")]
    assert sorted(won) == sorted(deals)


def test_threads_and_the_order_of_rows_change_nothing(compiled_funnel: CompiledFunnel) -> None:
    draw = Seeded(5)
    tables = tables_of([invent(draw, f"p{number:05}") for number in range(1500)])
    definitions = {**agreed_tables(), "motion_rules": MOTIONS}
    one = FunnelBuild(compiled_funnel, tables, as_of=AS_OF, definitions=definitions, threads=1)
    backwards = {name: list(reversed(rows)) for name, rows in tables.items()}
    two = FunnelBuild(compiled_funnel, backwards, as_of=AS_OF, definitions=definitions, threads=4)
    for name in ("fct_stage_entries", "fct_lead_cycles", "rpt_funnel_conversion"):
        assert one.rows(name) == two.rows(name), name


@settings(max_examples=8, deadline=None)
@given(
    stays=st.lists(
        st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=30), min_size=1, max_size=40
    )
)
def test_days_in_a_stage_are_kaplan_and_meiers(
    compiled_funnel: CompiledFunnel, stays: list[list[tuple[int, bool]]]
) -> None:
    """Whoever has not left began so that as_of censors them after exactly their time."""
    as_of = datetime(2030, 1, 1)
    motions = ("inbound", "outbound", "partner", "product", "customer")
    tables = tables_of([])
    by_month: dict[tuple[date, str], list[tuple[Fraction, bool]]] = defaultdict(list)
    for group, members in enumerate(stays):
        for place, (hours, has_left) in enumerate(members):
            key = f"g{group}-{place}"
            began = as_of - timedelta(hours=hours) if not has_left else as_of - timedelta(hours=21)
            tables["int_people"].append({"person_id": key})
            tables["int_people_records"].append({"record_id": key, "record_key": f"k:{key}", "person_id": key})
            tables["int_person_records_unioned"].append(
                {
                    "record_id": key,
                    "status": "Rejected" if has_left else "Working",
                    "created_at": began,
                    "system": f"system {group}",
                }
            )
            tables["int_people_records"][-1]["system"] = f"system {group}"
            if has_left:
                tables["int_person_changes_unioned"].append(
                    {
                        "record_id": key,
                        "change_id": key,
                        "old_value": "Working",
                        "new_value": "Rejected",
                        "changed_at": began + timedelta(hours=hours),
                        "system": f"system {group}",
                    }
                )
            else:
                # The history of statuses is kept, so a record without a change has its status from the start.
                tables["int_person_changes_unioned"].append(
                    {"record_id": "another", "change_id": key, "changed_at": began, "system": f"system {group}"}
                )
            by_month[began.date().replace(day=1), motions[group % 5]].append((Fraction(hours, 24), has_left))
    rules = [
        {"priority": group, "system": f"system {group}", "field": "*", "value": "*", "motion": motions[group % 5]}
        for group in range(len(stays))
    ]
    definitions = agreed_tables()
    definitions["stage_rules"] = [
        {"version": "1", "stage": "sal", "system": "*", "object": "*", "field": "status", "value": "Working"}
    ]
    built = FunnelBuild(compiled_funnel, tables, as_of=as_of, definitions={**definitions, "motion_rules": rules})
    rows = {(row["period_month"], row["motion"]): row for row in built.rows("rpt_funnel_conversion", "stage = 'sal'")}
    built.close()
    assert rows.keys() == by_month.keys()
    for key, members in by_month.items():
        for column, share in (("median_days", Fraction(1, 2)), ("p90_days", Fraction(1, 10))):
            exact = kaplan_meier(members, share)
            found = rows[key][column]
            assert (found is None) == (exact is None), (key, column, members)
            assert exact is None or found == pytest.approx(float(exact), abs=1e-9), (key, column, members)


def test_the_reference_knows_textbook_cases() -> None:
    """Six subjects of a textbook: 6, 6, 6, 6+, 7, 9+ weeks (a plus is censored)."""
    stays = [(Fraction(t), e) for t, e in ((6, True), (6, True), (6, True), (6, False), (7, True), (9, False))]
    assert kaplan_meier(stays, Fraction(1, 2)) == 6
    assert kaplan_meier(stays, Fraction(1, 4)) == 7
    assert kaplan_meier(stays, Fraction(1, 10)) is None
