"""dbt source definitions, made from the contracts: one file a system."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from expectations.contract import TECHNICAL_COLUMNS, Contract

_HEADER = "# Made from expectations/contracts by `python -m expectations compile`; change the contract instead.\n"


def sources_path(models: Path, system: str) -> Path:
    """Where the sources of a system are described."""
    return models / "staging" / system / f"_{system}__sources.yml"


def render_sources(contracts: Iterable[Contract]) -> dict[str, str]:
    """The text of each system's source file, by system."""
    by_system: dict[str, list[Contract]] = {}
    for contract in contracts:
        by_system.setdefault(contract.system, []).append(contract)
    return {
        system: _HEADER + _dump(system, sorted(members, key=lambda contract: contract.object))
        for system, members in sorted(by_system.items())
    }


def _dump(system: str, contracts: Iterable[Contract]) -> str:
    source = {
        "name": system,
        "description": f"Extracts of {system}, as accepted under their contracts.",
        "schema": "raw",
        "tables": [_table(contract) for contract in contracts],
    }
    return yaml.safe_dump({"sources": [source]}, sort_keys=False, allow_unicode=True, width=110)


def _table(contract: Contract) -> dict[str, Any]:
    meta: dict[str, Any] = {
        "owner": contract.owner,
        "contract": contract.id,
        "contract_version": contract.version,
        "delivery": contract.delivery,
        "is_required": contract.is_required,
        "blocks_publish": contract.blocks_publish,
    }
    if contract.latency_hours is not None:
        meta["latency_hours"] = contract.latency_hours
        meta["latency_column"] = contract.latency_column
    columns = [
        _column(column.name, column.description, column.physical_type, column.classification == "personal")
        for column in contract.columns
    ]
    columns += [
        _column(name, description, data_type, name == "_extra") for name, data_type, description in TECHNICAL_COLUMNS
    ]
    return {
        "name": contract.object,
        "identifier": contract.raw_table,
        "description": f"{contract.description} {contract.purpose}",
        "config": {"meta": meta},
        "columns": columns,
    }


def _column(name: str, description: str, data_type: str, is_personal: bool) -> dict[str, Any]:
    column: dict[str, Any] = {"name": name, "description": description, "data_type": data_type}
    if is_personal:
        column["config"] = {"meta": {"classification": "personal"}}
    return column


def outdated(models: Path, rendered: Mapping[str, str]) -> list[Path]:
    """Source files that are not what the contracts make of them."""
    paths = {sources_path(models, system): text for system, text in rendered.items()}
    return [path for path, text in paths.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]


def write_sources(models: Path, rendered: Mapping[str, str]) -> list[Path]:
    """Write the source files that are out of date; return them."""
    written = outdated(models, rendered)
    for system, text in rendered.items():
        path = sources_path(models, system)
        if path in written:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return written
