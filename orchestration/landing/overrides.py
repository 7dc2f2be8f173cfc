"""Held deliveries that a human accepted: the table `contract_overrides`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from expectations.rules import CompiledContract, Definitions
from orchestration.landing.report import LandingError

TABLE = "contract_overrides"
COLUMNS = ("system", "object", "rule", "file_sha256", "row_key", "reason", "approved_by", "approved_on")


@dataclass(frozen=True)
class Override:
    """One rule that does not count for one file, or for one key in it (`row_key` null: all its rows)."""

    rule: str
    file_sha256: str
    row_key: str | None


def read_overrides(
    definitions: Definitions, contracts: Mapping[str, CompiledContract]
) -> dict[str, tuple[Override, ...]]:
    """Overrides by contract id.

    Raises:
        LandingError: a line names an unknown extract or rule, one that cannot be overridden, or lacks its file,
            reason or approver.
    """
    found: dict[str, list[Override]] = {}
    for number, row in enumerate(definitions.rows(TABLE), start=2):
        where = f"{TABLE}.csv line {number}"
        missing = [name for name in COLUMNS if name not in row]
        if missing:
            raise LandingError(f"{where}: column {', '.join(missing)} is missing")
        contract_id = f"{row['system']}.{row['object']}"
        if contract_id not in contracts:
            raise LandingError(f"{where}: there is no contract {contract_id}")
        rule = contracts[contract_id].by_id.get(row["rule"])
        if rule is None:
            raise LandingError(f"{where}: {contract_id} has no rule '{row['rule']}'")
        if not rule.can_be_overridden or rule.scope == "extract":
            raise LandingError(f"{where}: rule '{rule.id}' cannot be overridden; the delivery has to be corrected")
        for name in ("file_sha256", "reason", "approved_by", "approved_on"):
            if not row[name]:
                raise LandingError(f"{where}: {name} is empty; an override says for which file, why and by whom")
        if row["row_key"] and rule.scope == "file":
            raise LandingError(f"{where}: rule '{rule.id}' is about the whole file; leave row_key empty")
        found.setdefault(contract_id, []).append(Override(rule.id, row["file_sha256"], row["row_key"] or None))
    return {name: tuple(sorted(rows, key=str)) for name, rows in found.items()}
