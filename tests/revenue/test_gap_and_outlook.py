"""Targets and their pace, the split of the gap, and the outlook, each against a plain loop."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from statistics import mean, variance
from typing import Any

import pytest

from tests.compiled_models import CompiledFunnel
from tests.revenue.revenue_build import build_revenue

FACTORS = ["volume", "acceptance", "qualification", "timing", "win_rate", "deal_size"]
QUARTERS = [date(year, month, 1) for year in (2024, 2025, 2026) for month in (1, 4, 7, 10)]


def quarter_end(start: date) -> date:
    return QUARTERS[QUARTERS.index(start) + 1] - timedelta(days=1)


def quarter_of(day: date) -> date:
    return max(quarter for quarter in QUARTERS if quarter <= day)


def deals(chance: random.Random, count: int) -> list[dict[str, Any]]:
    """Deals with a stage or two before they are won, lost, or left open; a tenth gets its amount late."""
    made = []
    for number in range(count):
        created = datetime(2024, 1, 2) + timedelta(hours=chance.randint(0, 24 * 880))
        # A few are so large that their squares leave the digits of money.
        amount = Decimal(chance.randint(1_000, 9_000_000) * (500 if chance.random() < 0.05 else 1)) / 100
        states = [("New", created, None if chance.random() < 0.1 else amount)]
        at = created
        for stage in ("Proposal", chance.choice(["Won", "Lost", "Lost", None])):
            if stage is None:
                break
            at += timedelta(hours=chance.randint(24, 24 * 80))
            states.append((stage, at, amount))
        made.append(
            {
                "name": f"d{number:04}",
                "kind": chance.choice(["new", "new", "expansion"]),
                "due": created.date() + timedelta(days=chance.randint(20, 200)),
                "states": states,
            }
        )
    return made


def tables(made: list[dict], as_of: datetime) -> dict[str, list[dict[str, Any]]]:
    """What the CRM would have delivered by then."""
    records, changes = [], []
    for deal in made:
        states = [state for state in deal["states"] if state[1] <= as_of]
        if not states:
            continue
        stage, at, amount = states[-1]
        records.append(
            {
                "record_id": deal["name"],
                "opportunity_type": deal["kind"],
                "stage": stage,
                "amount": amount,
                "close_date": deal["due"],
                "is_closed": stage in ("Won", "Lost"),
                "is_won": stage == "Won",
                "created_at": states[0][1],
                "modified_at": at,
            }
        )
        changes += [
            {
                "record_id": deal["name"],
                "change_id": f"{deal['name']}|{number}",
                "stage": state[0],
                "amount": state[2],
                "currency": "USD",
                "close_date": deal["due"],
                "changed_at": state[1],
            }
            for number, state in enumerate(states)
        ]
    return {
        "int_opportunity_records_unioned": records,
        "int_opportunity_changes_unioned": changes,
        "int_fx_rates": [{"currency": "USD", "valid_from": date(1, 1, 1), "rate": "1"}],
    }


def shapley(plan: list[Fraction], actual: list[Fraction]) -> list[Fraction]:
    """Over all 720 orders: what each factor changes at its turn."""
    shares = [Fraction(0)] * 6
    orders = list(itertools.permutations(range(6)))
    for order in orders:
        now = list(plan)
        for factor in order:
            before = _product(now)
            now[factor] = actual[factor]
            shares[factor] += _product(now) - before
    return [share / len(orders) for share in shares]


def _product(values: list[Fraction]) -> Fraction:
    product = Fraction(1)
    for value in values:
        product *= value
    return product


def test_the_gap_is_split_as_all_orders_of_the_factors_on_average_split_it(compiled_revenue: CompiledFunnel) -> None:
    as_of = datetime(2026, 3, 31, 23, 59, 59)
    chance = random.Random(1)
    made = deals(chance, 300)
    given = tables(made, as_of)
    given["fct_stage_entries"] = [
        {"stage": stage, "entered_date": date(2024, 1, 1) + timedelta(days=chance.randint(0, 820))}
        for stage, count in (("mql", 900), ("sal", 500), ("sqo", 250))
        for _ in range(count)
    ]
    months = [date(year, month, 1) for year in (2025, 2026) for month in range(1, 13)]
    plan = {"bookings": {"new": "700000", "expansion": "350000.37"}, "mqls": {"new": "110"}, "sqos": {"new": "31"}}
    given["stg_finance__targets"] = [
        {
            "record_id": f"{kpi}|{kind}|{month}",
            "kpi": kpi,
            "month": month,
            "opportunity_type": kind,
            "target_value": value,
        }
        for kpi, of_types in plan.items()
        for kind, value in of_types.items()
        for month in months
        # One month of a quarter that nobody planned.
        if month != date(2025, 8, 1)
    ]
    # The same money once more, by region: an older plan, and rows that must not be added to those by type.
    given["stg_finance__targets"] += [
        {"record_id": f"r{month}", "kpi": "bookings", "month": month, "region": "EMEA", "target_value": "1"}
        for month in months
    ]
    # Rates do not add up: not over months, and not over regions.
    given["stg_finance__targets"] += [
        {"record_id": f"nrr|{month}", "kpi": "nrr", "month": date(2025, month, 1), "target_value": value}
        for month, value in ((1, "1.05"), (2, "1.05"), (3, "1.0803"), (4, "1.05"))
    ] + [
        {"record_id": f"grr|{month}|{region}", "kpi": "grr", "month": date(2025, month, 1), "region": region,
         "target_value": "0.9"}
        for month in (1, 2, 3) for region in ("EMEA", "Americas")
    ]  # fmt: skip
    build = build_revenue(compiled_revenue, given, as_of)
    targets = {
        (row["kpi"], row["opportunity_type"], row["quarter_start_date"]): row for row in build.rows("rpt_targets")
    }
    assert targets["bookings", "(all)", date(2025, 1, 1)]["target_value"] == Decimal("3150001.11")
    assert targets["bookings", "new", date(2025, 7, 1)]["target_value"] is None
    assert targets["bookings", "new", date(2025, 7, 1)]["target_note"] == "the plan covers 2 of 3 months"
    assert targets["bookings", "new", date(2024, 7, 1)]["target_note"] == "no target"
    assert {
        (name, start.month): (row["target_value"], row["target_note"])
        for (name, _, start), row in targets.items()
        if name in ("nrr", "grr")
    } == {
        ("nrr", 1): (Decimal("1.0601"), "no figure of this name adds up over days: the mean of the months"),
        ("nrr", 4): (None, "the plan covers 1 of 3 months"),
        ("grr", 1): (None, "planned by parts only, and no figure of this name adds up"),
    }
    split: dict[tuple, list[dict]] = defaultdict(list)
    for row in build.rows("rpt_revenue_gap", order_by="factor_order"):
        split[row["opportunity_type"], row["quarter_start_date"]].append(row)
    compared = 0
    for (kind, start), rows in split.items():
        assert [row["factor"] for row in rows] == FACTORS
        if rows[0]["split_note"]:
            assert {row["contribution_amount"] for row in rows} == {None}
            continue
        gap = rows[0]["bookings_amount"] - rows[0]["target_amount"]
        won = [
            state[2]
            for deal in made
            for state in deal["states"]
            if kind in ("(all)", deal["kind"])
            and state[0] == "Won"
            and quarter_of(state[1].date()) == start
            and state[1] <= as_of
        ]
        assert rows[0]["bookings_amount"] == sum(won)
        assert sum(row["contribution_amount"] for row in rows) == gap == rows[0]["gap_amount"]
        exact = shapley([Fraction(row["plan_value"]) for row in rows], [Fraction(row["actual_value"]) for row in rows])
        for row, share in zip(rows, exact, strict=True):
            assert abs(Fraction(row["contribution_amount"]) - share) <= Fraction(2, 100), (kind, start, row["factor"])
        assert rows[5]["actual_value"] == pytest.approx(float(sum(won) / len(won)))
        compared += 1
    assert compared >= 4
    assert split["new", date(2025, 4, 1)][0]["plan_value"] == 330
    assert {rows[0]["split_note"] for rows in split.values()} >= {None, "no target"}
    build.close()


def test_the_pace_is_that_of_the_own_earlier_quarters(compiled_revenue: CompiledFunnel) -> None:
    as_of = datetime(2026, 2, 11, 12)
    given = tables([], as_of)
    days = [date(2024, 1, 1) + timedelta(days=number) for number in range(773)]
    chance = random.Random(5)
    given["fct_stage_entries"] = [
        {"stage": "mql", "entered_date": day}
        for day in days
        for _ in range(chance.randint(0, 3))
        if day <= as_of.date()
    ]
    given["stg_finance__targets"] = [
        {"record_id": str(month), "kpi": "mqls", "month": date(2026, month, 1), "target_value": "40"}
        for month in (1, 2, 3)
    ]
    build = build_revenue(compiled_revenue, given, as_of)
    row = build.rows("rpt_targets", "kpi = 'mqls' and is_current and opportunity_type = '(all)'")[0]
    place = {day["date_day"]: day for day in build.rows("fct_quarter_days", "fiscal_year between 2024 and 2026")}
    today = place[as_of.date()]
    assert [place[date(2026, 1, 1)]["business_day_number"], place[date(2026, 1, 2)]["business_day_number"]] in (
        [0, 1],
        [1, 2],
    )
    before = to_date = 0
    for entry in given["fct_stage_entries"]:
        day = place[entry["entered_date"]]
        if day["quarter_start_date"] < date(2026, 1, 1):
            before += 1
            # round() of Python takes halves to even; a place of this quarter in another is never one.
            then = today["business_day_number"] * day["business_days"] / today["business_days"]
            to_date += day["business_day_number"] <= int(then + 0.5)
    assert row["pacing_quarters"] == 8
    assert row["expected_share"] == pytest.approx(to_date / before, abs=1e-12)
    assert float(row["expected_to_date"]) == pytest.approx(120 * to_date / before, abs=0.01)
    assert row["pace_gap_value"] == row["actual_value"] - row["expected_to_date"]
    build.close()


def outlook_of(made: list[dict], kind: str, start: date, at: date) -> tuple[float, float] | None:
    """Expected bookings of a quarter and their deviation, from the same day of quarters that were over by then."""

    def state(deal: dict, day: date) -> tuple | None:
        known = [s for s in deal["states"] if s[1].date() <= day]
        return known[-1] if known and known[-1][0] not in ("Won", "Lost") else None

    def won(deal: dict, after: date, until: date) -> Decimal:
        return sum((s[2] for s in deal["states"] if s[0] == "Won" and after < s[1].date() <= until), Decimal(0))

    def cell(deal: dict, day: date, end: date) -> tuple:
        age = (day - deal["states"][0][1].date()).days
        band = 0 if age <= 30 else 1 if age <= 90 else 2 if age <= 180 else 3
        return (state(deal, day)[0], band, deal["due"] <= end)

    offset = (at - start).days
    months = {-1: 0, 30: 1}
    of_type = [deal for deal in made if deal["kind"] == kind]
    first = min(deal["states"][0][1].date() for deal in made)
    lessons = []
    for quarter in QUARTERS:
        if quarter <= first or quarter >= start or quarter_end(quarter) > at:
            continue
        if offset == -1:
            day = quarter - timedelta(days=1)
        else:
            month = quarter.month + (1 if offset < 45 else 2)
            day = date(quarter.year, month, 1) - timedelta(days=1)
        lessons.append((quarter, day))
    assert months
    if len(lessons) < 4:
        return None
    seen: dict[tuple, list[tuple]] = defaultdict(list)
    later = []
    for quarter, day in lessons:
        end = quarter_end(quarter)
        late = Decimal(0)
        for deal in of_type:
            since = max(day, quarter - timedelta(days=1))
            if state(deal, day):
                stage, band, due = cell(deal, day, end)
                entry = (state(deal, day)[2] or Decimal(0), won(deal, since, end))
                for key in ((stage, band, due), (stage, due), (due,), ()):
                    seen[key].append(entry)
            else:
                late += won(deal, since, end)
        later.append(float(late))
    expected, spread = mean(later), variance(later) * (1 + 1 / len(later))
    blanks = [entry for entry in seen[()] if not entry[0]]
    blank = float(sum(entry[1] for entry in blanks)) / len(blanks) if blanks else 0.0
    cells: dict[tuple, list[float]] = defaultdict(list)
    for deal in of_type:
        if state(deal, at):
            cells[cell(deal, at, quarter_end(start))].append(float(state(deal, at)[2] or 0))
    for (stage, band, due), amounts in cells.items():
        for key in ((stage, band, due), (stage, due), (due,), ()):
            if len(seen[key]) >= 10 or key == ():
                break
        lesson = seen[key]
        if not lesson:
            return None
        priced = float(sum(entry[0] for entry in lesson))
        rate = float(sum(entry[1] for entry in lesson if entry[0])) / priced if priced else 0.0
        share = sum(entry[1] > 0 for entry in lesson) / len(lesson)
        unpriced = sum(amount == 0 for amount in amounts)
        expected += sum(amounts) * rate + unpriced * blank
        spread += share * (1 - share) * sum(amount**2 for amount in amounts)
        spread += share * (1 - share) * sum(amounts) ** 2 / len(lesson) + unpriced * blank**2
    to_date = sum((won(deal, start - timedelta(days=1), at) for deal in of_type), Decimal(0))
    return float(to_date) + expected, spread**0.5


def test_the_outlook_is_what_a_plain_loop_expects_and_knows_no_later_day(compiled_revenue: CompiledFunnel) -> None:
    made = deals(random.Random(3), 700)
    early, late = datetime(2026, 2, 20, 12), datetime(2026, 7, 10, 12)
    outlooks = {}
    for as_of in (early, late):
        build = build_revenue(compiled_revenue, tables(made, as_of), as_of)
        outlooks[as_of] = {
            (row["opportunity_type"], row["quarter_start_date"], row["place"]): row
            for row in build.rows("rpt_quarter_outlook", "place in ('start', 'month_1', 'month_2')")
        }
        if as_of == late:
            assert build.rows("rpt_quarter_outlook", "is_now and place = 'now' and outlook_amount is not null")
            assert build.rows("rpt_quarter_outlook", "place = 'ahead' and quarter_start_date = date '2026-10-01'")
        build.close()
    compared = 0
    for (kind, start, place), row in outlooks[late].items():
        if kind == "(all)":
            continue
        expected = outlook_of(made, kind, start, row["snapshot_date"])
        if expected is None:
            assert row["outlook_amount"] is None, (kind, start, place)
            assert row["outlook_note"]
            continue
        assert float(row["outlook_amount"]) == pytest.approx(expected[0], rel=1e-6), (kind, start, place)
        assert row["won_to_date_amount"] <= row["low_amount"] <= row["outlook_amount"] <= row["high_amount"]
        assert float(row["high_amount"] - row["outlook_amount"]) >= 1.28 * expected[1] * (1 - 1e-6)
        compared += 1
    assert compared > 15
    # Five months later the same outlook stands where it stood, to the cent, range and all.
    columns = ("outlook_amount", "low_amount", "high_amount", "learned_quarters", "learned_outlooks")
    shared = [key for key, row in outlooks[early].items() if row["outlook_amount"] is not None]
    assert len(shared) > 15
    for key in shared:
        assert [outlooks[early][key][c] for c in columns] == [outlooks[late][key][c] for c in columns], key
    # The back-test: how many of the quarters that are over ended inside the range.
    tests = [
        row for row in outlooks[late].values() if row["opportunity_type"] == "(all)" and row["is_in_range"] is not None
    ]
    assert len(tests) > 10
    assert all(
        row["is_in_range"] == (row["low_amount"] <= row["bookings_amount"] <= row["high_amount"]) for row in tests
    )
    assert sum(row["is_in_range"] for row in tests) / len(tests) >= 0.6
