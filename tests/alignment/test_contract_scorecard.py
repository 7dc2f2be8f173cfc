"""The contract scorecard against a plain loop over invented loads, months and held-back rows."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.compiled_models import CompiledFunnel, CompiledModels
from tests.funnel.funnel_build import FunnelBuild

pytestmark = pytest.mark.slow

UNDER_TEST = ("fct_contract_checks", "rpt_contract_scorecard")

AS_OF = datetime(2026, 3, 15, 9)
INPUTS: Mapping[str, Mapping[str, str]] = {
    "stg_concord__build_context": {"as_of": "timestamp"},
    "stg_concord__contract_results": {
        "load_number": "bigint",
        "system": "varchar",
        "object": "varchar",
        "contract_id": "varchar",
        "rule": "varchar",
        "scope": "varchar",
        "severity": "varchar",
        "owner": "varchar",
        "is_broken": "boolean",
    },
    "stg_concord__loads": {"load_number": "bigint", "loaded_at": "timestamp"},
    "stg_concord__quarantine_counts": {
        "system": "varchar",
        "object": "varchar",
        "rule": "varchar",
        "owner": "varchar",
        "rows_held": "bigint",
        "first_held_at": "timestamp",
    },
    "dim_promises": {"promise_id": "varchar", "promise": "varchar", "team": "varchar", "target_value": "double"},
    "fct_promises": {
        "lead_cycle_id": "varchar",
        "promise_id": "varchar",
        "promise": "varchar",
        "team": "varchar",
        "is_due": "boolean",
        "is_kept": "boolean",
        "mql_date": "date",
    },
    "fct_alignment_steps": {
        "system": "varchar",
        "object": "varchar",
        "record_id": "varchar",
        "reason": "varchar",
        "money": "decimal(18,2)",
    },
    "fct_lead_cycles": {"lead_cycle_id": "varchar", "amount": "decimal(18,2)"},
}
OWNERS = {"deals": "sales_operations", "people": "sales_operations", "forms": "marketing_operations"}
RULES = {
    "in_range:amount": ("row", "error"),
    "accepted_values:stage": ("row", "warning"),
    "columns:*": ("file", "error"),
}
PROMISES = [
    {"promise_id": "response", "promise": "response", "team": "sales", "target_value": 0.75},
    {"promise_id": "volume", "promise": "volume", "team": "marketing", "target_value": 4.0},
    {"promise_id": "history", "promise": "history", "team": "marketing", "target_value": 0.5},
    {"promise_id": "untold", "promise": "disposition", "team": "sales", "target_value": None},
]


@pytest.fixture(scope="module")
def compiled(compiled_models: CompiledModels) -> CompiledFunnel:
    return compiled_models.these(UNDER_TEST)


def invent(chance: random.Random) -> dict[str, list[dict[str, Any]]]:
    """Some weeks of loads, some months of promises, some rows held back, some steps between the teams' figures."""
    loads, results = [], []
    at = datetime(2026, 1, 1)
    for number in range(1, chance.randint(6, 18)):
        at += timedelta(seconds=chance.choice([0, chance.randint(1, 400_000)]))
        loads.append({"load_number": number, "loaded_at": at})
        name = chance.choice(list(OWNERS))
        results += [
            {
                "load_number": number,
                "system": "crm",
                "object": name,
                "contract_id": f"crm.{name}",
                "rule": rule,
                "scope": scope,
                "severity": severity,
                "owner": OWNERS[name],
                "is_broken": chance.random() < 0.4,
            }
            for rule, (scope, severity) in RULES.items()
        ]
    held = []
    for name in OWNERS:
        broken = [r for r in results if r["object"] == name and r["rule"] == "in_range:amount" and r["is_broken"]]
        if broken and chance.random() < 0.5:
            first = chance.choice(broken)["load_number"]
            held.append(
                {
                    "system": "crm",
                    "object": name,
                    "rule": "in_range:amount",
                    "owner": OWNERS[name],
                    "rows_held": chance.randint(1, 9),
                    "first_held_at": loads[first - 1]["loaded_at"],
                }
            )
    if chance.random() < 0.5:
        held.append(
            {"system": "crm", "object": "torn", "rule": "readable", "owner": "sales_operations", "rows_held": 3,
             "first_held_at": datetime(2026, 1, 3)}
        )  # fmt: skip
    leads, promised = [], []
    for number in range(chance.randint(10, 60)):
        lead = f"lead{number:02}"
        leads.append({"lead_cycle_id": lead, "amount": chance.choice([None, Decimal(chance.randint(1, 99999)) / 100])})
        mql_date = date(2024, 11, 1) + timedelta(days=chance.randint(0, 499))
        for promise in PROMISES:
            is_due = promise["promise"] == "volume" or chance.random() < 0.8
            promised.append(
                {
                    "lead_cycle_id": lead,
                    "promise_id": promise["promise_id"],
                    "promise": promise["promise"],
                    "team": promise["team"],
                    "is_due": is_due,
                    "is_kept": (promise["promise"] == "volume" or chance.random() < 0.7) if is_due else None,
                    "mql_date": mql_date,
                }
            )
    steps = [
        {
            "system": "crm",
            "object": chance.choice([*OWNERS, None]),
            "record_id": f"r{chance.randint(1, 6)}",
            "reason": chance.choice(["held_back_by_contract", "duplicate"]),
            "money": Decimal(chance.randint(0, 100_000)) / 100,
        }
        for _ in range(40)
    ]
    return {
        "stg_concord__loads": loads,
        "stg_concord__contract_results": results,
        "stg_concord__quarantine_counts": held,
        "dim_promises": PROMISES,
        "fct_promises": promised,
        "fct_lead_cycles": leads,
        "fct_alignment_steps": steps,
    }


def judged_months(tables: dict[str, list[dict[str, Any]]]) -> dict[str, list[tuple[datetime, bool]]]:
    """By promise, the months that are over and whether each broke it."""
    months = {f["mql_date"].replace(day=1) for f in tables["fct_promises"] if f["mql_date"] < date(2026, 3, 1)}
    found: dict[str, list[tuple[datetime, bool]]] = defaultdict(list)
    for promise in PROMISES:
        if promise["target_value"] is None:
            continue
        for month in sorted(months):
            after = (month + timedelta(days=31)).replace(day=1)
            of_month = [
                f
                for f in tables["fct_promises"]
                if f["promise_id"] == promise["promise_id"] and month <= f["mql_date"] < after
            ]
            due = sum(f["is_due"] for f in of_month)
            kept = sum(bool(f["is_kept"]) for f in of_month)
            if promise["promise"] == "volume":
                broken = kept < promise["target_value"]
            elif due:
                broken = kept / due < promise["target_value"]
            else:
                continue
            found[promise["promise_id"]].append((datetime(after.year, after.month, 1), broken))
    return found


def scorecard(tables: dict[str, list[dict[str, Any]]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Check by check and judgement by judgement: what the definitions say."""
    loaded = {load["load_number"]: load["loaded_at"] for load in tables["stg_concord__loads"]}
    checks: dict[tuple, list[tuple[datetime, bool]]] = defaultdict(list)
    for result in sorted(tables["stg_concord__contract_results"], key=lambda r: r["load_number"]):
        checks["extract", result["object"], result["rule"], result["owner"]].append(
            (loaded[result["load_number"]], result["is_broken"])
        )
    for promise, months in judged_months(tables).items():
        team = next(p["team"] for p in PROMISES if p["promise_id"] == promise)
        checks["hand-off", None, promise, team] = months
    held = {(h["object"], h["rule"]): h for h in tables["stg_concord__quarantine_counts"]}
    for (name, rule), row in held.items():
        checks.setdefault(("extract", name, rule, row["owner"]), [])
    cards: dict[tuple[str, str], dict[str, Any]] = {}
    broken_extracts: dict[tuple[str, str], bool] = {}
    for (kind, name, rule, owner), judgements in checks.items():
        card = cards.setdefault(
            (owner, kind),
            dict.fromkeys(
                ("checks_agreed", "checks_kept", "checks_broken", "warnings_broken", "judged", "judged_broken",
                 "breaks", "mended", "rows_held"), 0,
            ) | {"mended_time": timedelta(0), "broken_since": None, "kpi_money": Decimal(0)},
        )  # fmt: skip
        row = held.get((name, rule))
        began, since = None, []
        for at, is_broken in judgements:
            card["judged"] += 1
            card["judged_broken"] += is_broken
            if is_broken and began is None:
                card["breaks"] += 1
                began = at
            elif not is_broken and began is not None:
                if row is None or at < row["first_held_at"]:
                    card["mended"] += 1
                    card["mended_time"] += at - began
                began = None
        is_kept = began is None and row is None
        since = [moment for moment in (began, row and row["first_held_at"]) if moment]
        scope, severity = RULES.get(rule, ("row", "error"))
        card["checks_agreed"] += 1
        card["checks_kept" if is_kept else "checks_broken"] += 1
        card["warnings_broken"] += severity == "warning" and not is_kept
        card["rows_held"] += row["rows_held"] if row else 0
        card["broken_since"] = min(filter(None, [card["broken_since"], *since]), default=None)
        if kind == "extract" and not is_kept and severity == "error":
            broken_extracts[owner, name] = broken_extracts.get((owner, name), False) or scope == "file"
    for (owner, name), is_whole in broken_extracts.items():
        records: dict[str, Decimal] = defaultdict(Decimal)
        for step in tables["fct_alignment_steps"]:
            if step["object"] == name and (is_whole or step["reason"] == "held_back_by_contract"):
                records[step["record_id"]] = max(records[step["record_id"]], step["money"])
        cards[owner, "extract"]["kpi_money"] += sum(records.values())
    amounts = {lead["lead_cycle_id"]: lead["amount"] or 0 for lead in tables["fct_lead_cycles"]}
    broken_leads = {
        (f["team"], f["lead_cycle_id"])
        for f in tables["fct_promises"]
        if f["is_due"] and not f["is_kept"] and f["mql_date"] >= date(2025, 3, 15)
    }
    for team, lead in broken_leads:
        if (team, "hand-off") in cards:
            cards[team, "hand-off"]["kpi_money"] += amounts[lead]
    return cards


def test_random_loads_give_the_scorecard_of_a_plain_loop(compiled: CompiledFunnel) -> None:
    seen = defaultdict(int)
    for seed in range(12):
        tables = invent(random.Random(seed))
        build = FunnelBuild(compiled, tables, as_of=AS_OF, inputs=INPUTS, defaults={})
        rows = {(row["owner"], row["contract_kind"]): row for row in build.rows("rpt_contract_scorecard")}
        build.close()
        expected = scorecard(tables)
        assert rows.keys() == expected.keys()
        for key, card in expected.items():
            row = rows[key]
            days = card["mended_time"] / timedelta(days=1)
            assert row["mended_days"] == pytest.approx(days, abs=1e-9), (seed, key)
            if card["mended"]:
                assert row["days_to_mend"] == pytest.approx(days / card["mended"], abs=1e-9)
            else:
                assert row["days_to_mend"] is None
            figures = {name: value for name, value in card.items() if name != "mended_time"}
            assert {name: row[name] for name in figures} == figures, (seed, key)
            for name, value in figures.items():
                seen[name] += bool(value)
    assert min(seen.values()) > 3, f"the invented loads do not use every column: {dict(seen)}"
