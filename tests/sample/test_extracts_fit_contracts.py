"""Every generated extract has a contract, headers that its contract knows, and values of its types."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import duckdb
import pytest
import yaml

from sample.extracts import EXTRACTS

ROOT = Path(__file__).parents[2]


def plain(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())


def custom(item: dict) -> dict:
    return {entry["property"]: entry["value"] for entry in item.get("customProperties", [])}


def reader(path: Path) -> str:
    if path.suffix == ".parquet":
        return f"read_parquet('{path}')"
    if path.suffix == ".jsonl":
        return f"read_json('{path}', format = 'newline_delimited')"
    return f"read_csv('{path}', all_varchar = true, header = true)"


@pytest.mark.parametrize("extract", EXTRACTS, ids=lambda extract: f"{extract.system}.{extract.object}")
def test_extract_fits_its_contract(sample_folder: Path, extract) -> None:
    contract = yaml.safe_load(
        (ROOT / "expectations" / "contracts" / extract.system / f"{extract.object}.odcs.yaml").read_text()
    )
    columns: dict[str, dict] = {}
    for column in contract["schema"][0]["properties"]:
        for name in (column["name"], *custom(column).get("aliases", [])):
            columns[plain(name)] = column
    with (ROOT / "seeds" / "field_mappings.csv").open() as file:
        mapped = {
            plain(row["source_field"]): row["target_column"]
            for row in csv.DictReader(file)
            if (row["system"], row["object"]) == (extract.system, extract.object)
        }
    con = duckdb.connect()
    files = sorted((sample_folder / "extracts" / extract.system / extract.object).iterdir())
    assert files
    for path in files:
        delivered = [row[0] for row in con.execute(f"describe select * from {reader(path)}").fetchall()]
        found = {}
        for header in delivered:
            name = plain(header)
            column = (
                columns.get(name)
                or columns.get(plain(re.sub("^property_", "", header.lower())))
                or columns.get(plain(mapped.get(name, "")))
            )
            assert column is not None, f"{path.name}: {header} is unknown to the contract"
            found[column["name"]] = header
            kind = {"timestamp": "timestamptz"}.get(column["physicalType"], column["physicalType"])
            bad = con.execute(
                f'select "{header}" from {reader(path)} where "{header}" is not null '
                f'and try_cast("{header}" as {kind}) is null limit 1'
            ).fetchall()
            assert bad == [], f"{path.name}: {header} is no {kind}: {bad}"
        missing = [
            column["name"]
            for column in contract["schema"][0]["properties"]
            if (column.get("primaryKey") or custom(column).get("columnRequired")) and column["name"] not in found
        ]
        assert missing == []
