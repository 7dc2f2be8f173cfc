"""Finding what was delivered: `<extracts>/<system>/<object>/*.{csv,csv.gz,parquet,jsonl}`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from expectations.contract import Contract
from orchestration.landing.report import ExtractsError

SUFFIXES = {".csv": "csv", ".csv.gz": "csv", ".parquet": "parquet", ".jsonl": "jsonl"}


@dataclass(frozen=True)
class DeliveredFile:
    """One file of one extract; `format` is null where the file is of no kind that can be read."""

    contract_id: str
    path: Path
    format: str | None

    @property
    def name(self) -> str:
        """The file's name; deliveries of an extract are ordered by it."""
        return self.path.name


def _format(path: Path) -> str | None:
    matching = [kind for suffix, kind in SUFFIXES.items() if path.name.lower().endswith(suffix)]
    return matching[0] if matching else None


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _inside(root: Path, path: Path) -> Path:
    target = path.resolve()
    if not target.is_relative_to(root):
        raise ExtractsError(
            f"{path}: links to {target}, outside the extracts folder {root}. Nothing was loaded. "
            "Put the file itself into the folder, or remove the link."
        )
    if not target.exists():
        raise ExtractsError(f"{path}: links to {target}, which does not exist. Remove the link or deliver the file.")
    return target


def _meant(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name.lower(), known, n=1)
    return f" Is it '{near[0]}'?" if near else ""


def discover(extracts: Path, contracts: Mapping[str, Contract]) -> list[DeliveredFile]:
    """List every delivered file, by extract and then by name.

    Raises:
        ExtractsError: no such folder, no file in it, a folder that no contract describes, a file outside
            `<system>/<object>/`, or a link that leaves the folder. Nothing may be loaded then.
    """
    if not extracts.is_dir():
        raise ExtractsError(f"{extracts}: is no folder. CONCORD_EXTRACTS names the folder of delivered extracts.")
    root = extracts.resolve()
    systems = sorted({contract.system for contract in contracts.values()})
    found: list[DeliveredFile] = []
    for system in _visible(extracts):
        if not _inside(root, system).is_dir():
            raise ExtractsError(f"{system}: lies outside <system>/<object>/; move it to the extract it belongs to.")
        if system.name not in systems:
            meant = _meant(system.name, systems)
            raise ExtractsError(
                f"{system}: no contract describes a system '{system.name}'.{meant} Known systems:"
                f" {', '.join(systems)}. Extracts of any other system are brought into the templates crm,"
                " marketing and sales_engagement."
            )
        objects = sorted(c.object for c in contracts.values() if c.system == system.name)
        for folder in _visible(system):
            if not _inside(root, folder).is_dir():
                raise ExtractsError(f"{folder}: lies outside <system>/<object>/; move it to the extract it belongs to.")
            contract_id = f"{system.name}.{folder.name}"
            if contract_id not in contracts:
                raise ExtractsError(
                    f"{folder}: no contract describes '{contract_id}'.{_meant(folder.name, objects)} Known objects of "
                    f"{system.name}: {', '.join(objects)}."
                )
            for path in _visible(folder):
                if _inside(root, path).is_dir():
                    raise ExtractsError(f"{path}: is a folder; files lie directly in {folder}.")
                found.append(DeliveredFile(contract_id, path, _format(path)))
    if not found:
        raise ExtractsError(
            f"{extracts}: no file in it. Expected <system>/<object>/*.csv, .csv.gz, .parquet or .jsonl. "
            "Nothing was loaded, and the demo is never used instead."
        )
    return found
