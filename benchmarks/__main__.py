"""`python -m benchmarks`: measure, print a table, write the figures as JSON into .concord/bench/."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from benchmarks import attribution, handoff
from benchmarks.attribution import AttributionRun
from benchmarks.gate import GateRun, run, write_file
from benchmarks.handoff import HandoffRun
from benchmarks.job import JobRun, ScaleRun, run_scale, run_start_up
from benchmarks.postgres import WAYS, LoadRun, measure_ways
from orchestration.settings import PROJECT_ROOT

PARTS = ("start", "job", "gate", "postgres", "attribution", "handoff")
_Run = TypeVar("_Run")
Row = tuple[str, str, str, str]


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked for; 0 where everything ran."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--scales", type=float, nargs="+", default=[1.0, 25.0], help="scales of the demo (1 25)")
    parser.add_argument("--runs", type=int, default=5, help="rounds, of which medians are told (5)")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS), help="parts to measure (all)")
    parser.add_argument("--gate-rows", type=int, default=10_000_000, help="rows that the gate judges (10,000,000)")
    parser.add_argument("--postgres-rows", type=int, default=2_000_000, help="rows into PostgreSQL (2,000,000)")
    parser.add_argument(
        "--touches",
        type=int,
        nargs="+",
        default=[1_000_000, 10_000_000, 50_000_000],
        help="touches that are credited (1,000,000 10,000,000 50,000,000)",
    )
    parser.add_argument(
        "--handoffs",
        type=int,
        nargs="+",
        default=[10_000, 100_000, 1_000_000],
        help="hand-offs whose clock and queues are computed (10,000 100,000 1,000,000)",
    )
    given = parser.parse_args(arguments)
    folder = PROJECT_ROOT / ".concord" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    rows, figures = measure_all(
        given.scales, given.runs, given.only, given.gate_rows, folder, _say, given.postgres_rows
    )
    if "attribution" in given.only:
        credited = measure_attribution(given.touches, given.runs, folder / "attribution", _say)
        rows += [row for touches, ways in credited.items() for row in _attribution_rows(touches, ways)]
        figures["attribution"] = {
            str(touches): {way: [asdict(each) for each in results] for way, results in ways.items()}
            for touches, ways in credited.items()
        }
    if "handoff" in given.only:
        handed_over = measure_handoffs(given.handoffs, given.runs, folder / "handoff", _say)
        rows += _handoff_rows(handed_over)
        figures["handoff"] = {str(size): [asdict(each) for each in results] for size, results in handed_over.items()}
    path = folder / f"bench-{datetime.now(UTC):%Y%m%dT%H%M%S}.json"
    path.write_text(json.dumps({"machine": machine(), "runs": given.runs, **figures}, indent=2) + "\n")
    print("\n".join(table(rows)))
    print(f"Medians of {given.runs}; every run stands in {path.relative_to(PROJECT_ROOT)}")
    return 0


def measure_all(
    scales: Sequence[float],
    runs: int,
    parts: Sequence[str],
    gate_rows: int,
    folder: Path,
    say: Callable[[str], None],
    postgres_rows: int = 2_000_000,
) -> tuple[list[Row], dict[str, object]]:
    """Measure round by round, so that what else the machine does falls on all alike.

    Returns rows of the table (what, seconds, processor seconds, peak memory), and every single run.
    """
    starts: list[JobRun] = []
    by_scale: dict[float, list[ScaleRun]] = {scale: [] for scale in scales}
    gates: dict[str, list[GateRun]] = {"gate": [], "plain": []}
    loads: list[dict[str, LoadRun]] = []
    for number in range(1, runs + 1):
        if "start" in parts:
            say(f"round {number}: start-up")
            starts.append(run_start_up(folder))
            say(f"start-up: {starts[-1].usage}")
        for scale in scales if "job" in parts else ():
            say(f"round {number}: the main job at scale {scale:g}")
            by_scale[scale].append(run_scale(scale, folder, say))
        if "gate" in parts:
            file = folder / "gate" / f"email_event-{gate_rows}.csv"
            write_file(file, gate_rows)
            for way, results in gates.items():
                say(f"round {number}: {gate_rows:,} rows through the {way}")
                results.append(run(way, file))
            if gates["gate"][-1].broken != gates["plain"][-1].broken:
                raise SystemExit(f"gate and plain SQL disagree: {gates['gate'][-1]} and {gates['plain'][-1]}")
        if "postgres" in parts:
            say(f"round {number}: {postgres_rows:,} rows into PostgreSQL")
            loads.append(measure_ways(postgres_rows, folder / "postgres"))
    rows: list[Row] = []
    if starts:
        rows.append(_job_row("start-up: smallest demo, nothing new", starts))
    for scale, rounds in by_scale.items():
        rows += _scale_rows(scale, rounds) if rounds else []
        rows += _share_rows(scale, rounds, starts) if rounds and starts else []
    rows += _gate_rows(gates, gate_rows) if gates["gate"] else []
    rows += _load_rows(loads, postgres_rows) if loads else []
    figures = {
        "start": [asdict(each) for each in starts],
        "job": {f"{scale:g}": [asdict(each) for each in rounds] for scale, rounds in by_scale.items()},
        "gate": {way: [asdict(each) for each in results] for way, results in gates.items()},
        "postgres": [{way: asdict(run) for way, run in each.items()} for each in loads],
    }
    return rows, figures


def measure_attribution(
    sizes: Sequence[int], runs: int, folder: Path, say: Callable[[str], None]
) -> dict[int, dict[str, list[AttributionRun]]]:
    """All ways over each number of touches, round by round; the package reads what the models made, so it goes last."""
    attribution.compile_models(folder)
    credited: dict[int, dict[str, list[AttributionRun]]] = {}
    for touches in sizes:
        path = attribution.prepare(folder, touches)
        ways: dict[str, list[AttributionRun]] = {way: [] for way in attribution.WAYS}
        for number in range(1, runs + 1):
            for way, results in ways.items():
                say(f"round {number}: {touches:,} touches, {way}")
                results.append(attribution.run(way, path))
        credited[touches] = ways
        path.unlink()
    return credited


def _attribution_rows(touches: int, ways: dict[str, list[AttributionRun]]) -> list[Row]:
    labels = {
        "scan": "scan of all columns",
        "sort": "sort by person and time",
        "models": "all credit models",
        "day": f"one more day, {attribution.NEW_TOUCHES:.1%} new touches",
        **{
            way: f"ChannelAttribution {f'within {error:g}' if error else 'as delivered'}, own computation"
            for way, (error, _) in attribution.PEERS.items()
        },
    }
    rows: list[Row] = [
        (
            f"{touches:,} touches: {labels[way]}",
            f"{_median(results, lambda each: each.seconds):.1f}",
            f"{_median(results, lambda each: each.processor_seconds):.1f}",
            f"{_median(results, lambda each: each.usage.peak_bytes) / 1e9:.2f} GB",
        )
        for way, results in ways.items()
    ]
    whole = _median(ways["models"], lambda each: each.seconds)
    own = _median(ways["models"], attribution.without_order)
    sort = _median(ways["sort"], lambda each: each.seconds)
    rows += [
        (f"{touches:,} touches: models as a multiple of the sort", f"{whole / sort:.2f}×", "", ""),
        (f"{touches:,} touches: models without putting touches in order", f"{own:.1f}", "", ""),
    ]
    worked = _median(ways["models"], lambda each: each.processor_seconds)
    day = _median(ways["day"], lambda each: each.seconds)
    spent = _median(ways["day"], lambda each: each.processor_seconds)
    rows.append((f"{labels['day']}: as a share of all models", f"{day / whole:.0%}", f"{spent / worked:.0%}", ""))
    for way in attribution.PEERS:
        peer = _median(ways[way], lambda each: each.seconds)
        spent = _median(ways[way], lambda each: each.processor_seconds)
        error = _median(ways[way], lambda each: each.error or 0.0)
        rows += [
            (f"{labels[way]}: as a multiple of all models", f"{peer / whole:.2f}×", f"{spent / worked:.2f}×", ""),
            (f"{labels[way]}: as a multiple without putting in order", f"{peer / own:.2f}×", "", ""),
            (f"{labels[way]}: greatest error of its removal effects", f"{error:.4f}", "", ""),
        ]
    return rows


def measure_handoffs(
    sizes: Sequence[int], runs: int, folder: Path, say: Callable[[str], None]
) -> dict[int, list[HandoffRun]]:
    """Clock and queues of each number of hand-offs, round by round."""
    folder.mkdir(parents=True, exist_ok=True)
    handoff.compile_models(folder)
    paths = {size: handoff.prepare(folder, size) for size in sizes}
    by_size: dict[int, list[HandoffRun]] = {size: [] for size in sizes}
    for number in range(1, runs + 1):
        for size, results in by_size.items():
            say(f"round {number}: {size:,} hand-offs")
            results.append(handoff.run(paths[size]))
    for path in paths.values():
        path.unlink()
    return by_size


def _handoff_rows(by_size: dict[int, list[HandoffRun]]) -> list[Row]:
    parts = {"the clock": handoff.CLOCK, "who stood in the queue": handoff.QUEUE}
    rows: list[Row] = []
    before: tuple[int, dict[str, float]] | None = None
    for size, runs in sorted(by_size.items()):
        used = {part: _median(runs, lambda each, m=models: each.cpu_of(m)) for part, models in parts.items()}
        for part, models in parts.items():
            seconds = _median(runs, lambda each, m=models: sum(each.seconds[name] for name in m))
            rows.append((f"{size:,} hand-offs: {part}", f"{seconds:.1f}", f"{used[part]:.1f}", ""))
            if before is not None:
                grown = handoff.growth(before[0], before[1][part], size, used[part])
                rows.append((f"{size:,} hand-offs: {part}, growth beside n log n", "", f"{grown:.2f}×", ""))
        peak = _median(runs, lambda each: each.usage.peak_bytes) / 1e9
        whole = _median(runs, lambda each: each.usage.cpu_seconds)
        rows.append((f"{size:,} hand-offs: whole process", "", f"{whole:.1f}", f"{peak:.2f} GB"))
        before = size, used
    return rows


def _scale_rows(scale: float, rounds: Sequence[ScaleRun]) -> list[Row]:
    models = _median(rounds, lambda each: each.cold.models_seconds)
    scanned = _median(rounds, lambda each: each.scan_seconds)
    return [
        _job_row(f"scale {scale:g}, cold", [each.cold for each in rounds]),
        _job_row(f"scale {scale:g}, nothing new", [each.nothing_new for each in rounds]),
        _job_row(f"scale {scale:g}, one new day", [each.new_day for each in rounds]),
        (f"scale {scale:g}, dbt models, cold (summed)", f"{models:.1f}", "", ""),
        (f"scale {scale:g}, bare scan of the same files", f"{scanned:.1f}", "", ""),
        (f"scale {scale:g}, models as a multiple of the scan", f"{models / scanned:.1f}×", "", ""),
    ]


def _share_rows(scale: float, rounds: Sequence[ScaleRun], starts: Sequence[JobRun]) -> list[Row]:
    """What a new day costs of a full build where what any run costs is taken off both."""

    def share(figure: Callable[[JobRun], float]) -> float:
        start = _median(starts, figure)
        new_day = _median([each.new_day for each in rounds], figure) - start
        return new_day / (_median([each.cold for each in rounds], figure) - start)

    seconds, processor = share(lambda each: each.usage.wall_seconds), share(lambda each: each.usage.cpu_seconds)
    return [(f"scale {scale:g}, one new day of cold, start-up left out", f"{seconds:.1%}", f"{processor:.1%}", "")]


def _job_row(label: str, runs: Sequence[JobRun]) -> Row:
    return (
        label,
        f"{_median(runs, lambda each: each.usage.wall_seconds):.1f}",
        f"{_median(runs, lambda each: each.usage.cpu_seconds):.1f}",
        f"{_median(runs, lambda each: each.usage.peak_bytes) / 1e9:.2f} GB",
    )


def _gate_rows(gates: dict[str, list[GateRun]], rows: int) -> list[Row]:
    labels = {
        "gate": f"gate, {rows:,} rows: staging and verdict",
        "plain": f"plain SQL, {rows:,} rows: staging and checks",
    }
    told: list[Row] = [
        (
            labels[way],
            f"{_median(results, lambda each: each.seconds):.1f}",
            f"{_median(results, lambda each: each.usage.cpu_seconds):.1f}",
            f"{_median(results, lambda each: each.usage.peak_bytes) / 1e9:.2f} GB",
        )
        for way, results in gates.items()
    ]
    ratio = _median(gates["gate"], lambda each: each.seconds) / _median(gates["plain"], lambda each: each.seconds)
    return [*told, ("gate as a multiple of plain SQL", f"{ratio:.2f}×", "", "")]


def _load_rows(loads: Sequence[dict[str, LoadRun]], rows: int) -> list[Row]:
    labels = {
        "publish": "published: keys, indexes, statistics, views",
        "by_hand": "psql: COPY, the same keys, indexes and statistics",
        "copy": "psql: COPY alone",
    }
    seconds = {way: _median(loads, lambda each, way=way: each[way].seconds) for way in WAYS}
    told: list[Row] = [
        (
            f"PostgreSQL, {rows:,} rows, {labels[way]}",
            f"{seconds[way]:.1f} ({rows / seconds[way]:,.0f} rows/s)",
            f"{_median(loads, lambda each, way=way: each[way].usage.cpu_seconds):.1f}",
            f"{_median(loads, lambda each, way=way: each[way].usage.peak_bytes) / 1e9:.2f} GB",
        )
        for way in WAYS
    ]
    ratio = seconds["publish"] / seconds["by_hand"]
    return [*told, ("published as a multiple of the same by psql", f"{ratio:.2f}×", "", "")]


def _median(runs: Sequence[_Run], figure: Callable[[_Run], float]) -> float:
    return statistics.median(figure(each) for each in runs)


def table(rows: Sequence[Row]) -> list[str]:
    """Rows as lines of a Markdown table."""
    head: Row = ("", "seconds", "processor seconds", "peak memory")
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(4)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in (head, *rows)
    ]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def machine() -> dict[str, object]:
    """What the figures were measured on; load says what else it was doing."""
    return {
        "processors": os.cpu_count(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "load": os.getloadavg(),
    }


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
