"""The contract gate, staging and Great Expectations' verdict, beside the same checks written as plain SQL.

`python -m benchmarks.gate gate FILE` and `… plain FILE` judge one file in a process of their own and print a line of
JSON: seconds of staging, seconds of checking, and the broken rules with their rows, which must be the same.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import duckdb

from benchmarks.processes import BenchmarkError, Usage, measure
from expectations.contract import CONTRACTS, read_contracts
from expectations.judge import Judge
from expectations.rules import CompiledContract, Definitions, compile_contract, identifier, literal
from orchestration.landing import store
from orchestration.landing.ledger import prepare
from orchestration.landing.scan import scan_csv
from orchestration.landing.staging import SCRATCH, STAGED, Batch, create_staged, finish_staged, stage_csv
from orchestration.settings import PROJECT_ROOT

CONTRACT = "hubspot.email_event"
_LANDED_AT = datetime(2026, 7, 1)


@dataclass(frozen=True)
class GateRun:
    """One way of judging one file, in a process of its own."""

    usage: Usage
    staging_seconds: float
    checking_seconds: float
    broken: dict[str, int]

    @property
    def seconds(self) -> float:
        """Staging and checking, without the start of the process."""
        return self.staging_seconds + self.checking_seconds


def write_file(path: Path, rows: int) -> None:
    """A delivery of mail events, one row in a thousand of which breaks a rule; kept where it is there already."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    duckdb.connect().sql(
        f"""
        copy (
            select
                'event-' || i as id,
                case when i % 4000 = 0 then 'SNEEZE' else ['SENT', 'DELIVERED', 'OPEN', 'CLICK'][1 + i % 4] end as type,
                timestamp '2025-01-01' + to_seconds(i % 40000000) as created,
                'mail-' || i % 500 as email_campaign_id,
                case when i % 4000 = 1000 then repeat('x', 400) || '@a.example'
                    else 'person' || i % 20011 || '@company' || i % 997 || '.example' end as recipient,
                'contact-' || i % 20011 as contact_id,
                'https://northwind.example/page/' || i % 101 as url
            from range({rows}) as numbers (i)
        ) to {literal(str(draft))} (format csv, header true)
        """
    )
    draft.rename(path)


def run(way: str, path: Path) -> GateRun:
    """Judge a file in a process of its own.

    Raises:
        BenchmarkError: it failed.
    """
    import os

    usage, output = measure(
        [sys.executable, "-m", "benchmarks.gate", way, str(path)], {**os.environ, "TQDM_DISABLE": "1"}, PROJECT_ROOT
    )
    try:
        said = json.loads(output.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise BenchmarkError(f"the gate said nothing that can be read: {output[-1000:]}") from None
    return GateRun(usage, said["staging"], said["checking"], said["broken"])


def judge(way: str, path: Path) -> dict[str, object]:
    """Stage a file and count the rows that break each row rule."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder, _database(Path(folder)) as connection:
        compiled = _compiled(connection)
        # Loaded before the clock starts: whatever it costs to import is start-up, and the plain way has none of it.
        judge = Judge(connection, f"{SCRATCH}.main") if way == "gate" else None
        began = time.monotonic()
        staged = compiled if judge else replace(compiled, row_rules=())
        batch = Batch("load", 1, path.name, "", path.stat().st_size, "csv", _LANDED_AT, path=path)
        batch.scan = scan_csv(path)
        batch.headers, batch.rows_delivered = batch.scan.headers, batch.scan.records
        create_staged(connection, staged)
        stage_csv(connection, staged, [batch], Path(folder))
        if judge:
            finish_staged(connection, compiled, [batch])
            store.flag_conflicting_duplicates(connection, compiled)
        staging = time.monotonic() - began
        began = time.monotonic()
        if judge:
            verdicts = judge.rows(compiled, STAGED.rsplit(".", 1)[1])
            broken = {verdict.rule: int(sum(verdict.figures.values())) for verdict in verdicts}
            judge.close()
        else:
            broken = _count_plainly(connection, compiled)
        return {"staging": staging, "checking": time.monotonic() - began, "broken": broken}


@contextmanager
def _database(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(folder / "build.duckdb")) as connection:
        connection.execute("set TimeZone = 'UTC'; set enable_progress_bar = false; set preserve_insertion_order = true")
        connection.execute(f"attach {literal(str(folder / 'gate.duckdb'))} as {SCRATCH}")
        yield connection


def _compiled(connection: duckdb.DuckDBPyConnection) -> CompiledContract:
    contracts = read_contracts(CONTRACTS)
    prepare(connection, contracts.values())
    return compile_contract(contracts[CONTRACT], Definitions(PROJECT_ROOT / "seeds"))


def _count_plainly(connection: duckdb.DuckDBPyConnection, compiled: CompiledContract) -> dict[str, int]:
    """The same rules as one would write them by hand: a scan that counts, and a search for repeated keys."""
    rules = [rule for rule in compiled.row_rules if rule.predicate is not None]
    counts = ", ".join(f"count(*) filter (where {rule.predicate}) as {identifier(rule.id)}" for rule in rules)
    row = connection.execute(
        f"select {counts} from (select *, {literal(str(_LANDED_AT))}::timestamp as _landed_at from {STAGED})"
    ).fetchone()
    assert row is not None
    broken = dict(zip((rule.id for rule in rules), row, strict=True))
    ((repeated,),) = connection.execute(
        f"""
        with repeated as (
            select _key, _modified_at from {STAGED} where _key is not null group by all having count(*) > 1
        )
        select coalesce(sum(rows), 0)::bigint from (
            select count(*) as rows from {STAGED} as staged
            inner join repeated
                on staged._key = repeated._key and staged._modified_at is not distinct from repeated._modified_at
            group by staged._key, staged._modified_at having count(distinct staged._row_hash) > 1
        )
        """
    ).fetchall()
    broken["unique:key"] = repeated
    return {rule: count for rule, count in broken.items() if count}


if __name__ == "__main__":
    print(json.dumps(judge(sys.argv[1], Path(sys.argv[2]))))
