"""Write the extracts and the truth of the demo company into a folder, in deliveries as a company would get them."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from sample.draws import Draws, text_list
from sample.extracts import EXTRACTS, Extract, with_offset
from sample.plan import HORIZON, build_plan, literal
from sample.records import CLOCK_CHANGES, build_records
from sample.truth import write_truth
from sample.vocabulary import COUNTRIES

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


def generate(out: Path, scale: float, seed: int, threads: int | None = None) -> None:
    """Write `out`/extracts and `out`/truth for a scale and seed; an `out` that already holds them is kept as it is.

    Days delivered later by `next_day` are kept too; another version of this generator or of DuckDB writes anew.

    The bytes depend on scale and seed alone; `threads` (all cores unless set) changes only the time.
    Everything is written into a folder beside `out` and renamed at the end, so `out` is whole or absent.

    Raises:
        ValueError: the scale is not positive.
        FileExistsError: `out` holds something that this generator did not write.
    """
    if not scale > 0:
        raise ValueError(f"The scale must be greater than 0; it is {scale}.")
    out = Path(out)
    wanted = {"generator": _generator(), "scale": scale, "seed": seed}
    if out.exists():
        found = _manifest(out)
        if found is not None and wanted.items() <= found.items():
            return
        if found is None and any(out.iterdir()):
            raise FileExistsError(f"{out} holds files that the sample generator did not write; choose another folder.")
    out.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        with _plan(building, scale, seed, threads) as con:
            _write_deliveries(con, building / "extracts", Draws(seed))
            write_truth(con, building / "truth", FIRST_DATA_UNTIL, Draws(seed))
        manifest = wanted | {"until": FIRST_DATA_UNTIL.isoformat()}
        (building / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
        if out.exists():
            shutil.rmtree(out)
        building.replace(out)
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
                _deliver(con, building / "extracts", extract, draws, since, until, f"{since:%Y-%m-%d}")
            if with_truth:
                write_truth(con, building / "truth", until, draws)
        for written in sorted((building / "extracts").rglob("*.*")):
            target = out / written.relative_to(building)
            target.parent.mkdir(parents=True, exist_ok=True)
            written.replace(target)
        if with_truth:
            shutil.rmtree(out / "truth", ignore_errors=True)
            (building / "truth").replace(out / "truth")
        manifest["until"] = until.isoformat()
        (out / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return until


def _generator() -> str:
    """What the bytes depend on beside scale and seed: this package's code and DuckDB's hash function."""
    digest = hashlib.sha256(duckdb.__version__.encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _manifest(out: Path) -> dict[str, object] | None:
    path = out / MANIFEST
    return json.loads(path.read_text()) if path.is_file() else None


@contextmanager
def _plan(building: Path, scale: float, seed: int, threads: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that holds the plan and its records, on a scratch file that goes with the connection."""
    scratch = building / "plan.duckdb"
    con = duckdb.connect(str(scratch))
    try:
        con.execute("set enable_progress_bar = false")
        con.execute("set timezone = 'UTC'")
        con.execute(f"set temp_directory = '{building / 'spill'}'")
        con.execute("set memory_limit = '1GB'")
        if threads is not None:
            con.execute(f"set threads = {int(threads)}")
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
        held_back = "session_id not in (select session_id from late_sessions)" if extract.object == "sessions" else ""
        if extract.object == "sessions":
            # The days on which clocks change come with the visitors' own offsets, the others in UTC.
            days = ", ".join(f"date '{moment[:10]}'" for moment in CLOCK_CHANGES)
            held_back += f" and cast(_t as date) not in ({days})"
            _sessions_with_offsets(con, folder, extract, draws, days)
        _deliver(con, folder, extract, draws, BEGINNING, HISTORY_UNTIL, "history", condition=held_back)
        since = HISTORY_UNTIL
        while since < FIRST_DATA_UNTIL:
            until = since + timedelta(days=1)
            _deliver(con, folder, extract, draws, since, until, f"{since:%Y-%m-%d}")
            since = until
    _late_delivery(con, folder, draws)
    _corrected_delivery(con, folder, draws)
    contacts = folder / "hubspot" / "contact"
    shutil.copyfile(contacts / "contact_2026-06-26.csv", contacts / "contact_export_again.csv")


def _extract(system: str, name: str) -> Extract:
    return next(extract for extract in EXTRACTS if (extract.system, extract.object) == (system, name))


def _sessions_with_offsets(
    con: duckdb.DuckDBPyConnection, folder: Path, extract: Extract, draws: Draws, days: str
) -> None:
    zones = text_list([country[5] for country in COUNTRIES])
    zone = f"{zones}[1 + (hash(session_id) % {len(COUNTRIES)})::integer]"
    target = folder / extract.system / extract.object
    target.mkdir(parents=True, exist_ok=True)
    con.execute(
        f"copy (select * exclude (_t) replace ({with_offset('_t', zone)} as started_at, "
        f"{with_offset('(_t + to_seconds(page_views * 55))', zone)} as ended_at) "
        f"from ({extract.rows(HISTORY_UNTIL - timedelta(seconds=1), draws)}) where cast(_t as date) in ({days}) "
        f"order by _t, session_id) to '{target / 'sessions_clock_change_days.csv.gz'}' {_COPY['csv.gz']}"
    )


def _late_delivery(con: duckdb.DuckDBPyConnection, folder: Path, draws: Draws) -> None:
    """Visits of 10 to 12 June come on 28 June."""
    _deliver(
        con,
        folder,
        _extract("web_analytics", "sessions"),
        draws,
        BEGINNING,
        HISTORY_UNTIL,
        "2026-06-28_late",
        condition="session_id in (select session_id from late_sessions)",
    )


def _corrected_delivery(con: duckdb.DuckDBPyConnection, folder: Path, draws: Draws) -> None:
    """Some open deals come with an amount ten percent too high on the 27th, and as they are on the 28th."""
    extract = _extract("salesforce", "opportunity")
    asof = datetime(2026, 6, 26, 23, 59, 59)
    target = folder / extract.system / extract.object
    for name, factor, modified in (
        ("2026-06-27_second", "1.1", "2026-06-27T12:00:00.000+0000"),
        ("2026-06-28_correction", "1.0", "2026-06-28T09:00:00.000+0000"),
    ):
        con.execute(
            f"""copy (select * exclude (_t) replace (cast("Amount" * {factor} as decimal(18, 2)) as "Amount",
            '{modified}' as "LastModifiedDate") from ({extract.rows(asof, draws)})
            where "Id" in (select sf_id from corrected_deals inner join deals using (oid)) order by "Id")
            to '{target / f"opportunity_{name}.csv"}' {_COPY["csv"]}"""
        )


def _deliver(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    extract: Extract,
    draws: Draws,
    since: datetime,
    until: datetime,
    name: str,
    condition: str = "",
) -> None:
    """Write what changed in [since, until) as one file, none where nothing changed; full extracts are always whole."""
    is_history = since == BEGINNING
    if extract.is_full and not is_history and until.day != 1:
        return
    conditions = [condition] if condition else []
    if not extract.is_full and not is_history:
        conditions.append(f"_t >= {literal(since)}")
    where = f"where {' and '.join(conditions)}" if conditions else ""
    kind = extract.history_format if is_history else extract.daily_format
    path = folder / extract.system / extract.object / f"{extract.object}_{name}.{kind}"
    path.parent.mkdir(parents=True, exist_ok=True)
    # The order of the inner query is kept, so that the bytes do not depend on threads.
    query = f"select * exclude (_t) from ({extract.rows(until - timedelta(seconds=1), draws)}) {where}"
    if con.execute(f"copy ({query}) to '{path}' {_COPY[kind]}").fetchone()[0] == 0:
        path.unlink(missing_ok=True)
