"""The pipeline bridge against a plain loop over invented deals, and on the demo against its own deals."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from tests.compiled_models import CompiledFunnel
from tests.revenue.revenue_build import build_revenue

AS_OF = datetime(2026, 6, 30, 12)
CENT = Decimal("0.01")
REPS = {"ann": ("East", "Americas"), "bob": ("East", "EMEA"), "cyd": ("West", "Americas"), None: (None, None)}
LINES = ["created", "pulled_in", "reopened", "pushed_out", "won", "lost", "removed", "moved", "amount", "currency"]
OUTFLOWS = {"pushed_out", "won", "lost", "removed"}


@dataclass(frozen=True)
class State:
    """What a history row says."""

    at: datetime
    stage: str
    amount: Decimal | None
    currency: str
    close_date: date | None
    rep: str | None


@dataclass
class Deal:
    """A deal with a whole history; `account` may change its region."""

    name: str
    account: str
    history: list[State] = field(default_factory=list)
    deleted_at: datetime | None = None


def rates() -> list[dict[str, Any]]:
    """A rate a quarter for euro and pound; the dollar is worth itself."""
    starts = [date(2025, month, 1) for month in (1, 4, 7, 10)] + [date(2026, month, 1) for month in (1, 4)]
    values = {
        "EUR": ["1.1", "1.15", "1.08", "1.123456", "1.2", "1.17"],
        "GBP": ["1.3", "1.25", "1.31", "1.4", "1.2", "1.35"],
    }
    rows = [{"currency": "USD", "valid_from": date(1, 1, 1), "valid_to": None, "rate": "1"}]
    for currency, of_currency in values.items():
        for number, start in enumerate(starts):
            until = starts[number + 1] if number + 1 < len(starts) else None
            rows.append({"currency": currency, "valid_from": start, "valid_to": until, "rate": of_currency[number]})
    return rows


RATES = rates()


def rate(currency: str, day: date) -> Decimal:
    return next(
        Decimal(row["rate"])
        for row in RATES
        if row["currency"] == currency
        and row["valid_from"] <= day
        and (row["valid_to"] is None or day < row["valid_to"])
    )


def worth(amount: Decimal | None, at_rate: Decimal) -> Decimal:
    return (Decimal(0) if amount is None else amount * at_rate).quantize(CENT, ROUND_HALF_UP)


def quarter(day: date | None) -> date | None:
    return None if day is None else date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


def invent(chance: random.Random, name: str) -> Deal:
    """A deal whose life is chance: it changes hands, dates, amounts, currencies, is lost, comes back, is won."""
    at = datetime(2025, 1, 1) + timedelta(hours=chance.randint(0, 24 * 400))
    state = State(
        at,
        chance.choice(["New", "Proposal", "Proposal", "Lost", "Won"] if chance.random() < 0.1 else ["New", "Proposal"]),
        chance.choice([None, Decimal(chance.randint(-500, 100_000)) / 100]),
        chance.choice(["USD", "EUR", "GBP"]),
        chance.choice([None, at.date() + timedelta(days=chance.randint(-40, 200))]),
        chance.choice(list(REPS)),
    )
    deal = Deal(name, chance.choice(["home", "away", "none"]), [state])
    for _ in range(chance.randint(0, 7)):
        changes: dict[str, Any] = {"at": state.at + timedelta(minutes=chance.randint(1, 60 * 24 * 90))}
        if changes["at"] > AS_OF:
            break
        if chance.random() < 0.4:
            changes["close_date"] = chance.choice(
                [None, changes["at"].date() + timedelta(days=chance.randint(-60, 250))]
            )
        if chance.random() < 0.4:
            changes["amount"] = chance.choice([None, Decimal(chance.randint(0, 100_000)) / 100])
        if chance.random() < 0.2:
            changes["currency"] = chance.choice(["USD", "EUR", "GBP"])
        if chance.random() < 0.25:
            changes["rep"] = chance.choice(["ann", "bob", "cyd"])
        if chance.random() < 0.5:
            changes["stage"] = chance.choice(["New", "Proposal", "Proposal", "Lost", "Lost", "Won"])
        state = replace(state, **changes)
        deal.history.append(state)
    if chance.random() < 0.1:
        deal.deleted_at = min(AS_OF, state.at + timedelta(days=chance.randint(0, 60)))
    return deal


def region_of(account: str, at: datetime) -> str:
    """`away` moved from EMEA to APAC on a day in the middle."""
    if account == "none":
        return "(unknown)"
    if account == "home":
        return "Americas"
    return "EMEA" if at < datetime(2025, 9, 10, 8) else "APAC"


def bridge_of(deals: list[Deal]) -> dict[tuple, dict[str, Decimal]]:
    """Deal by deal and row by row: what the definitions say, in the order in which they say it."""
    cells: dict[tuple, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for deal in deals:
        last = deal.history[-1]
        created = deal.history[0].at.date()
        is_won, is_lost = last.stage == "Won", last.stage == "Lost"
        exit_at, exit_kind = None, None
        if is_won:
            exit_at = next(state.at for state in deal.history if state.stage == "Won")
            exit_kind = "won"
        elif is_lost:
            living = [number for number, state in enumerate(deal.history) if state.stage != "Lost"]
            exit_at = deal.history[living[-1] + 1 if living else 0].at
            exit_kind = "lost"
        if deal.deleted_at:
            exit_at, exit_kind = min(filter(None, (exit_at, deal.deleted_at))), "removed"
        open_rows = [state for state in deal.history if state.stage not in ("Won", "Lost")]
        last_open = open_rows[-1] if open_rows and open_rows[-1].currency == last.currency else last
        if last_open.amount is None:
            last_open = last

        rows = [(state.at, state) for state in deal.history]
        if deal.account == "away":
            moved_at = datetime(2025, 9, 10, 8)
            before = [state for state in deal.history if state.at < moved_at]
            if before and (exit_at is None or moved_at < exit_at):
                rows.append((moved_at, before[-1]))
                rows.sort(key=lambda row: row[0])
        if exit_kind == "removed":
            standing = [state for at, state in rows if at < exit_at] or [deal.history[0]]
            rows = [row for row in rows if row[0] < exit_at] or rows[:1]
            rows.append((exit_at, standing[-1]))

        place: tuple | None = None  # where the deal stands: rep, team, its region, account's region, quarter
        value, currency, entered, last_in = Decimal(0), "USD", False, None
        for number, (at, state) in enumerate(rows):
            if exit_at is not None and at > exit_at:
                break
            is_exit = exit_at == at and (
                (exit_kind == "removed" and number == len(rows) - 1)
                or (exit_kind == "won" and state.stage == "Won")
                or (exit_kind == "lost" and state.stage == "Lost")
            )
            is_out = is_exit or state.stage == "Lost"
            team, owner_region = REPS[state.rep]
            rep_place = (state.rep, team or "(unknown)", owner_region or "(unknown)", region_of(deal.account, at))

            def book(line: str, amount: Decimal, where: tuple, at: datetime = at) -> None:
                cell = cells[(*where[1:], at.date().replace(day=1))]
                cell[line] += amount
                cell["net"] += amount

            if place is None and entered and is_out and not is_exit:
                continue
            if place is None and is_exit and exit_kind == "removed":
                continue
            if is_exit and exit_kind != "removed":
                leaving = last if exit_kind == "won" else last_open
                amount_then, currency_then = leaving.amount, last.currency
                worth_then = worth(amount_then, rate(currency_then, at.date()))
            elif is_out:
                source = last_in or state
                amount_then, currency_then = source.amount, source.currency
                worth_then = worth(amount_then, rate(currency_then, at.date()))
                if is_exit:
                    worth_then = worth(amount_then, rate(currency_then, created))
            else:
                amount_then, currency_then = state.amount, state.currency
                worth_then = worth(amount_then, rate(currency_then, created))

            new_quarter = quarter(state.close_date)
            if place is None:
                if not entered and is_exit:
                    # Closed on the day of its creation: in as it was entered, out as it closed.
                    first = worth(state.amount, rate(state.currency, created))
                    book("created", first, (*rep_place, new_quarter))
                    value = first
                    step = worth(amount_then, rate(state.currency, created)) - value
                    book("amount", step, (*rep_place, new_quarter))
                    book("currency", worth_then - value - step, (*rep_place, new_quarter))
                else:
                    value = worth(amount_then, rate(currency_then, created))
                    book("reopened" if entered else "created", value, (*rep_place, new_quarter))
                    book("currency", worth_then - value, (*rep_place, new_quarter))
            else:
                if place[:4] != rep_place:
                    book("moved", -value, place)
                    book("moved", value, (*rep_place, place[4]))
                if place[4] != new_quarter:
                    book("pushed_out", -value, (*rep_place, place[4]))
                    book("pulled_in", value, (*rep_place, new_quarter))
                step = worth(amount_then, rate(currency, created)) - value
                book("amount", step, (*rep_place, new_quarter))
                book("currency", worth_then - value - step, (*rep_place, new_quarter))
            entered, value, currency = True, worth_then, currency_then
            place = (*rep_place, new_quarter)
            if is_out:
                book(exit_kind if is_exit else "lost", -value, place)
                place, value = None, Decimal(0)
            else:
                last_in = state
    return cells


def tables(deals: list[Deal]) -> dict[str, list[dict[str, Any]]]:
    records, changes = [], []
    for deal in deals:
        last = deal.history[-1]
        records.append(
            {
                "record_id": deal.name,
                "account_record_id": None if deal.account == "none" else deal.account,
                "stage": last.stage,
                "amount": last.amount,
                "currency": last.currency,
                "close_date": last.close_date,
                "owner_record_id": last.rep,
                "is_closed": last.stage in ("Won", "Lost"),
                "is_won": last.stage == "Won",
                "is_deleted": deal.deleted_at is not None,
                "created_at": deal.history[0].at,
                "modified_at": deal.deleted_at or last.at,
            }
        )
        changes += [
            {
                "record_id": deal.name,
                "change_id": f"{deal.name}|{number:02}",
                "stage": state.stage,
                "amount": state.amount,
                "currency": state.currency,
                "close_date": state.close_date,
                "owner_record_id": state.rep,
                "changed_at": state.at,
            }
            for number, state in enumerate(deal.history)
        ]
    accounts = [
        {"account_id": f"crm:{name}", "region": region} for name, region in (("home", "Americas"), ("away", "APAC"))
    ]
    forever = datetime(9999, 12, 31)
    return {
        "int_opportunity_records_unioned": records,
        "int_opportunity_changes_unioned": changes,
        "int_account_records": [{"record_id": name, "account_id": f"crm:{name}"} for name in ("home", "away")],
        "int_accounts": accounts,
        "dim_accounts": accounts,
        "int_account_region_states": [
            {"account_id": "crm:home", "region": "Americas", "valid_from": datetime(1, 1, 1), "valid_to": forever},
            {
                "account_id": "crm:away",
                "region": "EMEA",
                "valid_from": datetime(1, 1, 1),
                "valid_to": datetime(2025, 9, 10, 8),
            },
            {
                "account_id": "crm:away",
                "region": "APAC",
                "valid_from": datetime(2025, 9, 10, 8),
                "valid_to": forever,
            },
        ],
        "int_user_records_unioned": [
            {"record_id": rep, "team": team, "region": region} for rep, (team, region) in REPS.items() if rep
        ],
        "int_fx_rates": RATES,
    }


@pytest.mark.parametrize("seed", range(4))
def test_random_histories_give_the_bridge_of_a_plain_loop(compiled_revenue: CompiledFunnel, seed: int) -> None:
    chance = random.Random(seed)
    deals = [invent(chance, f"deal{number:03}") for number in range(400)]
    for deal in deals:
        # The loop knows no owner "nobody any more": the record's owner stands in for missing ones.
        if deal.history[-1].rep is not None:
            deal.history = [replace(s, rep=s.rep or deal.history[-1].rep) for s in deal.history]
    expected = bridge_of(deals)
    build = build_revenue(compiled_revenue, tables(deals), AS_OF)
    months: dict[tuple, list[dict]] = defaultdict(list)
    seen = set()
    for row in build.rows("rpt_pipeline_bridge", order_by="period_month"):
        cell = (row["owner_team"], row["owner_region"], row["region"], row["close_quarter_start_date"])
        months[(row["opportunity_type"], row["motion"], *cell)].append(row)
        key = (*cell, row["period_month"])
        seen.add(key)
        lines = {
            line: row[f"{line}_amount" if line not in ("amount", "currency") else f"{line}_change"] for line in LINES
        }
        signed = {line: -amount if line in OUTFLOWS else amount for line, amount in lines.items()}
        assert signed == {line: expected[key][line] for line in LINES}, key
        assert row["starting_amount"] + sum(signed.values()) == row["ending_amount"], key
    assert {key for key, lines in expected.items() if any(lines.values())} <= seen
    for rows in months.values():
        starts = [Decimal(0)] + [row["ending_amount"] for row in rows[:-1]]
        assert [row["starting_amount"] for row in rows] == starts
    used = {line for lines in expected.values() for line, amount in lines.items() if amount}
    assert used >= set(LINES), "the invented deals do not use every line"

    # The stock of each month's last day, and what was won, as the other tables have them.
    ends: dict[date, Decimal] = defaultdict(Decimal)
    for rows in months.values():
        for row in rows:
            ends[row["period_month"]] += row["ending_amount"]
    days = {row["snapshot_date"]: Decimal(0) for row in build.rows("fct_pipeline_days")}
    for row in build.rows("fct_pipeline_days"):
        days[row["snapshot_date"]] += row["open_amount"]
    for month, amount in ends.items():
        after = (month + timedelta(days=31)).replace(day=1)
        assert amount == days[min(after - timedelta(days=1), AS_OF.date())], month
    won: dict[date, Decimal] = defaultdict(Decimal)
    for row in build.rows("fct_opportunities", "is_won"):
        won[row["won_at"].date().replace(day=1)] += row["amount"] or 0
    shown: dict[date, Decimal] = defaultdict(Decimal)
    for rows in months.values():
        for row in rows:
            shown[row["period_month"]] += row["won_amount"]
    assert {month: amount for month, amount in shown.items() if amount} == {m: a for m, a in won.items() if a}
    build.close()
