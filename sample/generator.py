"""Write the extracts and the truth of the demo company into a folder, in deliveries as a company would get them."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from sample.draws import Draws
from sample.extracts import EXTRACTS, Extract
from sample.plan import HORIZON, build_plan, literal
from sample.records import build_records
from sample.truth import write_truth

FORMAT_VERSION = 1
HISTORY_UNTIL = datetime(2026, 6, 25)
FIRST_DATA_UNTIL = datetime(2026, 7, 1)
BEGINNING = datetime(1990, 1, 1)
MANIFEST = "sample.json"
_COPY = {
    "csv": "(format csv, header true)",
    "csv.gz": "(format csv, header true, compression gzip)",
    "jsonl": "(format json)",
    "parquet": "(format parquet, compression zstd, row_group_size 122880)",
}


def generate(out: Path, scale: float, seed: int) -> None:
    """Write `out`/extracts and `out`/truth for a scale and seed; an `out` that already holds them is kept as it is.

    Everything is written into a folder beside `out` and renamed at the end, so `out` is whole or absent.

    Raises:
        ValueError: the scale is not positive.
        FileExistsError: `out` holds something that this generator did not write.
    """
    if not scale > 0:
        raise ValueError(f"The scale must be greater than 0; it is {scale}.")
    out = Path(out)
    wanted = {"format": FORMAT_VERSION, "scale": scale, "seed": seed, "until": FIRST_DATA_UNTIL.isoformat()}
    if out.exists():
        found = _manifest(out)
        if found == wanted:
            return
        if found is None and any(out.iterdir()):
            raise FileExistsError(f"{out} holds files that the sample generator did not write; choose another folder.")
    out.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        with _plan(building, scale, seed) as con:
            _write_deliveries(con, building / "extracts", Draws(seed))
            write_truth(con, building / "truth", FIRST_DATA_UNTIL, Draws(seed))
        (building / MANIFEST).write_text(json.dumps(wanted, indent=2) + "\n")
        if out.exists():
            shutil.rmtree(out)
        os.replace(building, out)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise


def next_day(out: Path, with_truth: bool = True) -> datetime:
    """Deliver one more day into `out`, written by `generate`, and bring its truth to that day's end, which is returned.

    Raises:
        FileNotFoundError: `out` holds no generated sample.
        ValueError: the plan of the sample ends before the next day does.
    """
    out = Path(out)
    manifest = _manifest(out)
    if manifest is None:
        raise FileNotFoundError(f"{out} holds no generated sample; run python -m sample first.")
    since = datetime.fromisoformat(str(manifest["until"]))
    until = since + timedelta(days=1)
    if until > HORIZON:
        raise ValueError(f"The sample's plan ends on {HORIZON:%Y-%m-%d}; there is no day after {since:%Y-%m-%d}.")
    building = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        with _plan(building, float(manifest["scale"]), int(manifest["seed"])) as con:
            draws = Draws(int(manifest["seed"]))
            for extract in EXTRACTS:
                _deliver(con, building / "extracts", extract, draws, since, until)
            if with_truth:
                write_truth(con, building / "truth", until, draws)
        for written in sorted((building / "extracts").rglob("*.*")):
            target = out / written.relative_to(building)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(written, target)
        if with_truth:
            shutil.rmtree(out / "truth", ignore_errors=True)
            os.replace(building / "truth", out / "truth")
        manifest["until"] = until.isoformat()
        (out / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return until


def _manifest(out: Path) -> dict[str, object] | None:
    path = out / MANIFEST
    return json.loads(path.read_text()) if path.is_file() else None


@contextmanager
def _plan(building: Path, scale: float, seed: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that holds the plan and its records, on a scratch file that goes with the connection."""
    scratch = building / "plan.duckdb"
    con = duckdb.connect(str(scratch))
    try:
        con.execute("set enable_progress_bar = false")
        con.execute("set timezone = 'UTC'")
        con.execute(f"set temp_directory = '{building / 'spill'}'")
        con.execute("set memory_limit = '1500MB'")
        sizes = build_plan(con, scale, seed)
        build_records(con, sizes, seed)
        yield con
    finally:
        con.close()
        for leftover in building.glob("plan.duckdb*"):
            leftover.unlink()
        shutil.rmtree(building / "spill", ignore_errors=True)


def _write_deliveries(con: duckdb.DuckDBPyConnection, folder: Path, draws: Draws) -> None:
    for extract in EXTRACTS:
        _deliver(con, folder, extract, draws, BEGINNING, HISTORY_UNTIL, is_history=True)
        since = HISTORY_UNTIL
        while since < FIRST_DATA_UNTIL:
            until = since + timedelta(days=1)
            _deliver(con, folder, extract, draws, since, until)
            since = until


def _deliver(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    extract: Extract,
    draws: Draws,
    since: datetime,
    until: datetime,
    is_history: bool = False,
) -> None:
    """Write what changed in (since, until] as one file, none where nothing changed; full extracts are always whole."""
    query = extract.rows(until - timedelta(seconds=1), draws)
    where = "" if extract.is_full or is_history else f"where _t >= {literal(since)}"
    kind = extract.history_format if is_history else extract.daily_format
    target = folder / extract.system / extract.object
    if extract.is_full and not is_history and until.day != 1:
        return
    target.mkdir(parents=True, exist_ok=True)
    name = f"{extract.object}_{'history' if is_history else f'{since:%Y-%m-%d}'}.{kind}"
    # The order of the inner query is kept, so that the bytes do not depend on threads.
    rows = con.execute(f"copy (select * exclude (_t) from ({query}) {where}) to '{target / name}' {_COPY[kind]}")
    if rows.fetchone()[0] == 0:
        (target / name).unlink(missing_ok=True)
