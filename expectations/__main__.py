"""Command line: `python -m expectations compile [--check]`, `python -m expectations suite <system>.<object>`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from expectations.contract import CONTRACTS, ContractError, read_contracts
from expectations.dbt_sources import outdated, render_sources, write_sources
from expectations.rules import Definitions, compile_contract

PROJECT = Path(__file__).parent.parent


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m expectations", description=__doc__)
    parser.add_argument("--contracts", type=Path, default=CONTRACTS)
    parser.add_argument("--definitions", type=Path, default=PROJECT / "seeds")
    parser.add_argument("--models", type=Path, default=PROJECT / "models")
    commands = parser.add_subparsers(dest="command", required=True)
    compiling = commands.add_parser("compile", help="write the dbt sources that the contracts make")
    compiling.add_argument("--check", action="store_true", help="write nothing; fail where a file is out of date")
    suite = commands.add_parser("suite", help="print a contract's Great Expectations suites as JSON")
    suite.add_argument("contract", help="<system>.<object>")
    chosen = parser.parse_args(arguments)
    try:
        contracts = read_contracts(chosen.contracts)
        compiled = {
            name: compile_contract(contract, Definitions(chosen.definitions)) for name, contract in contracts.items()
        }
    except ContractError as problem:
        print(problem, file=sys.stderr)
        return 1
    if chosen.command == "suite":
        if chosen.contract not in compiled:
            print(f"no contract {chosen.contract}; there are {', '.join(compiled)}", file=sys.stderr)
            return 1
        from expectations.judge import file_suite, row_suite

        entry = compiled[chosen.contract]
        print(json.dumps([row_suite(entry).to_json_dict(), file_suite(entry).to_json_dict()], indent=2))
        return 0
    rendered = render_sources(contracts.values())
    if chosen.check:
        late = outdated(chosen.models, rendered)
        for path in late:
            print(f"{path}: out of date; run `python -m expectations compile`", file=sys.stderr)
        return 1 if late else 0
    for path in write_sources(chosen.models, rendered):
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
