"""The MRR bridge against a plain loop over invented contracts, and by hand where the rules branch."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from tests.compiled_models import CompiledFunnel
from tests.revenue.revenue_build import build_revenue

AS_OF = datetime(2026, 6, 15, 12)
CENT = Decimal("0.01")
RATES = {"USD": Decimal(1), "EUR": Decimal("1.17346721")}
LINES = ["starting", "new", "reactivated", "expansion", "contraction", "churned", "ending"]


@dataclass(frozen=True)
class Contract:
    """A won deal with a contract."""

    name: str
    account: str | None
    kind: str
    signed: date
    start: date
    months: int | None
    recurring: Decimal | None
    period: str | None = "year"
    currency: str = "USD"
    cancelled: date | None = None
    renews: str | None = None


def add_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    first_of_next = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return date(year, month + 1, min(day.day, (first_of_next - timedelta(days=1)).day))


def monthly(contract: Contract) -> Decimal:
    months = {"month": 1, "year": 12}[contract.period]
    return (contract.recurring * RATES[contract.currency] / months).quantize(CENT, ROUND_HALF_UP)


def ends_of(contracts: list[Contract]) -> dict[str, date]:
    """Each contract's first day without it, by the rules in their order."""
    by_name = {contract.name: contract for contract in contracts}
    own = {}
    for contract in contracts:
        ends = [date.max] if contract.months is None else [add_months(contract.start, contract.months)]
        if contract.cancelled:
            ends.append(max(contract.cancelled, contract.start))
        own[contract.name] = min(ends)
    gap = timedelta(days=30)
    takers: dict[str, list[tuple[date, str]]] = defaultdict(list)
    for renewal in contracts:
        renewed = by_name.get(renewal.renews)
        if renewed is None or renewal.kind == "expansion" or renewal.start < renewed.start:
            continue
        taken = [renewed]
        end = own[renewed.name]
        until = renewal.start if end != date.max and renewal.start <= end + gap else end
        taken += [
            other
            for other in contracts
            if other.kind == "expansion"
            and (other.account or other.name) == (renewed.account or renewed.name)
            and renewed.start <= other.signed < min(until, renewal.start)
            and other.start <= renewal.start
        ]
        for contract in taken:
            if own[contract.name] == date.max or renewal.start <= own[contract.name] + gap:
                takers[contract.name].append((renewal.start, renewal.name))
    return {name: min(takers[name])[0] if takers[name] else end for name, end in own.items()}


def mrr_of(contracts: list[Contract]) -> dict[date, dict[str, dict[str, Decimal]]]:
    """Month by month and customer by customer."""
    ends = ends_of(contracts)
    month, months = date(2024, 1, 1), []
    while month <= AS_OF.date():
        months.append(month)
        month = add_months(month, 1)
    stock: dict[date, dict[str, Decimal]] = {date(2023, 12, 1): {}}
    for month in months:
        last = add_months(month, 1) - timedelta(days=1)
        stock[month] = defaultdict(Decimal)
        for contract in contracts:
            if contract.recurring is not None and contract.start <= last < ends[contract.name]:
                stock[month][contract.account or f"opportunity:crm:{contract.name}"] += monthly(contract)
    had: set[str] = set()
    bridge = {}
    for month in months:
        before, now = stock[add_months(month, -1)], stock[month]
        year_before = stock.get(add_months(month, -12), {})
        lines: dict[str, Decimal] = defaultdict(Decimal)
        for customer in {*before, *now, *year_before}:
            start, end, then = before.get(customer, 0), now.get(customer, 0), year_before.get(customer, 0)
            lines["starting"] += start
            lines["ending"] += end
            if start == 0 and end:
                lines["reactivated" if customer in had else "new"] += end
            elif end == 0:
                lines["churned"] += start
            elif end > start:
                lines["expansion"] += end - start
            else:
                lines["contraction"] += start - end
            if then:
                lines["start_12"] += then
                lines["gross_12"] += min(then, end)
                lines["net_12"] += end
        had |= {customer for customer, amount in now.items() if amount}
        bridge[month] = lines
    return bridge


def invent(chance: random.Random, number: int) -> list[Contract]:
    """A customer's contracts: bought, added to, renewed early, in time, late or not at all, cancelled, come back."""
    account = f"crm:a{number}" if chance.random() < 0.9 else None
    contracts: list[Contract] = []

    def sign(kind: str, start: date, renews: str | None = None) -> Contract:
        contract = Contract(
            f"c{number}x{len(contracts)}",
            account,
            kind,
            start - timedelta(days=chance.randint(0, 20)),
            start,
            chance.choice([None, 1, 6, 12, 12, 12]) if chance.random() < 0.9 else None,
            Decimal(chance.randint(1, 5_000_000)) / 100 if chance.random() < 0.95 else None,
            chance.choice(["month", "year"]),
            chance.choice(["USD", "EUR"]),
            start + timedelta(days=chance.randint(-5, 300)) if chance.random() < 0.1 else None,
            renews,
        )
        contracts.append(contract)
        return contract

    contract = sign("new", date(2024, 1, 1) + timedelta(days=chance.randint(0, 600)))
    for _ in range(chance.randint(0, 5)):
        start = add_months(contract.start, contract.months or 12)
        kind = chance.choice(["expansion", "expansion", "renewal", "renewal", "renewal", "new"])
        if kind == "expansion":
            sign(kind, contract.start + timedelta(days=chance.randint(1, 400)))
        elif kind == "renewal":
            start += timedelta(days=chance.choice([-40, 0, 0, 0, 1, 29, 30, 31, 90]))
            contract = sign(kind, max(start, contract.start), contract.name)
        else:
            contract = sign(kind, start + timedelta(days=chance.randint(-60, 120)))
    return [c for c in contracts if c.signed <= AS_OF.date()]


def tables(contracts: list[Contract]) -> dict[str, list[dict[str, Any]]]:
    accounts = sorted({c.account for c in contracts if c.account})
    return {
        "int_opportunity_records_unioned": [
            {
                "record_id": c.name,
                "account_record_id": c.account and c.account.removeprefix("crm:"),
                "opportunity_type": c.kind,
                "stage": "Won",
                "amount": c.recurring,
                "currency": c.currency,
                "close_date": c.signed,
                "is_closed": True,
                "is_won": True,
                "created_at": datetime(2023, 1, 1),
                "modified_at": datetime.combine(c.signed, datetime.min.time()),
                "contract_start_date": c.start,
                "contract_months": c.months,
                "recurring_amount": c.recurring,
                "recurring_period": c.period,
                "cancelled_at": c.cancelled,
                "renews_record_id": c.renews,
            }
            for c in contracts
        ],
        "int_account_records": [{"record_id": a.removeprefix("crm:"), "account_id": a} for a in accounts],
        "int_accounts": [{"account_id": a, "segment": "SMB", "region": "EMEA"} for a in accounts],
        "dim_accounts": [{"account_id": a, "segment": "SMB", "region": "EMEA"} for a in accounts],
        "int_fx_rates": [
            {"currency": currency, "valid_from": date(1, 1, 1), "rate": str(rate)} for currency, rate in RATES.items()
        ],
    }


@pytest.mark.parametrize("seed", range(3))
def test_random_contracts_give_the_bridge_of_a_plain_loop(compiled_revenue: CompiledFunnel, seed: int) -> None:
    chance = random.Random(seed)
    contracts = [contract for number in range(250) for contract in invent(chance, number)]
    expected = mrr_of(contracts)
    build = build_revenue(compiled_revenue, tables(contracts), AS_OF)
    ends = ends_of(contracts)
    assert {row["opportunity_id"]: row["end_date"] for row in build.rows("fct_contracts")} == {
        f"crm:{name}": None if end == date.max else end for name, end in ends.items()
    }
    shown: dict[date, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in build.rows("rpt_mrr_bridge"):
        month = shown[row["period_month"]]
        for line in LINES:
            month[line] += row[f"{line}_mrr"]
        month["start_12"] += row["starting_mrr_12_months"]
        month["gross_12"] += row["gross_retained_mrr_12_months"]
        month["net_12"] += row["net_retained_mrr_12_months"]
        kept = row["starting_mrr"] - row["contraction_mrr"] - row["churned_mrr"]
        if row["starting_mrr"]:
            assert row["grr"] == pytest.approx(float(kept / row["starting_mrr"]), abs=1e-12)
            assert row["nrr"] == pytest.approx(float((kept + row["expansion_mrr"]) / row["starting_mrr"]), abs=1e-12)
        else:
            assert (row["grr"], row["nrr"]) == (None, None)
    assert {m: {k: v for k, v in lines.items() if v} for m, lines in shown.items()} == {
        m: {k: v for k, v in lines.items() if v} for m, lines in expected.items() if any(lines.values())
    }
    for line in LINES:
        assert any(lines[line] for lines in expected.values()), f"the invented contracts have no {line}"
    build.close()


def test_the_branches_by_hand(compiled_revenue: CompiledFunnel) -> None:
    """One customer each: 1,200 a year are 100 a month."""
    day, year = date(2025, 1, 10), Decimal(1200)

    def renewed(name: str, start: date, total: int, **more: Any) -> list[Contract]:
        first = Contract(f"{name}-1", f"crm:{name}", "new", day, day, 12, year, **more)
        return [
            first,
            Contract(f"{name}-2", f"crm:{name}", "renewal", start, start, 12, Decimal(total), renews=first.name),
        ]

    contracts = [
        *renewed("in_time", date(2026, 1, 10), 1500),
        *renewed("after_30_days", date(2026, 2, 9), 900),
        *renewed("after_31_days", date(2026, 2, 10), 1200),
        *renewed("early", date(2025, 6, 1), 2400),
        *renewed("cancelled_and_replaced", date(2025, 7, 20), 600, cancelled=date(2025, 7, 1)),
        Contract("cancelled", "crm:cancelled", "new", day, day, 12, year, cancelled=date(2025, 5, 31)),
        # The expansion would run to April, but the renewal states the total.
        *renewed("expanded", date(2026, 1, 10), 2400),
        Contract("expanded-more", "crm:expanded", "expansion", date(2025, 4, 1), date(2025, 4, 1), 12, year),
        Contract("monthly", "crm:monthly", "new", day, day, None, Decimal("10.005"), "month"),
        Contract("once", "crm:once", "new", day, day, 12, None, None),
    ]
    build = build_revenue(compiled_revenue, tables(contracts), AS_OF)
    movements: dict[str, list[tuple]] = defaultdict(list)
    for row in build.rows("fct_mrr_months", "movement not in ('unchanged', 'gone')", "period_month"):
        amount = row[f"{row['movement']}_mrr"]
        movements[row["customer_id"].removeprefix("crm:")].append(
            (f"{row['period_month']:%Y-%m}", row["movement"], amount)
        )
    hundred = ("2025-01", "new", Decimal(100))
    assert movements == {
        "in_time": [hundred, ("2026-01", "expansion", Decimal(25))],
        "after_30_days": [hundred, ("2026-02", "contraction", Decimal(25))],
        "after_31_days": [hundred, ("2026-01", "churned", Decimal(100)), ("2026-02", "reactivated", Decimal(100))],
        "early": [hundred, ("2025-06", "expansion", Decimal(100)), ("2026-06", "churned", Decimal(200))],
        "cancelled_and_replaced": [hundred, ("2025-07", "contraction", Decimal(50))],
        "cancelled": [hundred, ("2025-05", "churned", Decimal(100))],
        "expanded": [hundred, ("2025-04", "expansion", Decimal(100))],
        "monthly": [("2025-01", "new", Decimal("10.01"))],
    }
    reasons = {row["opportunity_id"].removeprefix("crm:"): row["end_reason"] for row in build.rows("fct_contracts")}
    assert reasons["expanded-more"] == "expansion of the renewed"
    assert reasons["cancelled"] == "cancelled"
    assert reasons["after_31_days-1"] == "not renewed"
    # It ended on the first of June and a renewal may still bridge the gap.
    assert [row["opportunity_id"] for row in build.rows("fct_contracts", "is_renewable")] == ["crm:early-2"]
    build.close()
