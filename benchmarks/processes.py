"""A process measured from outside: wall time, processor time and memory of it and of all that it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_SAMPLE_SECONDS = 0.2
# Longer than anything that is measured should take; whatever takes longer hangs.
_LIMIT_SECONDS = 3600.0
_PAGE = os.sysconf("SC_PAGE_SIZE")


class BenchmarkError(Exception):
    """A measured process failed; the message ends with what it said last."""


@dataclass(frozen=True)
class Usage:
    """What a process used.

    Attributes:
        wall_seconds: from its start to its end.
        cpu_seconds: processor time of it and its descendants, user and system.
        peak_bytes: greatest sum of resident memory of it and its descendants at one moment, sampled five times a
            second; where the system does not tell, the greatest single process. Shared pages count once a process.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.wall_seconds:.1f} s, {self.cpu_seconds:.1f} processor seconds, peak {self.peak_bytes / 1e9:.2f} GB"
        )


def measure(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, limit_seconds: float = _LIMIT_SECONDS
) -> tuple[Usage, str]:
    """Run a command to its end; returns what it used and what it wrote.

    Raises:
        BenchmarkError: it failed, or it took longer than the limit and was killed with all that it had started.
    """
    began = time.monotonic()
    process = subprocess.Popen(
        arguments,
        cwd=folder,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    peaks = [0]
    ended = threading.Event()
    overdue = threading.Timer(limit_seconds, os.killpg, (process.pid, signal.SIGKILL))
    overdue.daemon = True
    overdue.start()
    watcher = threading.Thread(target=_watch, args=(process.pid, ended, peaks), daemon=True)
    watcher.start()
    assert process.stdout is not None
    try:
        output = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        overdue.cancel()
    wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    ended.set()
    watcher.join()
    if wall >= limit_seconds and process.returncode == -signal.SIGKILL:
        raise BenchmarkError(f"{' '.join(arguments)} was killed after {limit_seconds:g} s:\n{output[-3000:]}")
    if process.returncode != 0:
        raise BenchmarkError(f"{' '.join(arguments)} ended with {process.returncode}:\n{output[-3000:]}")
    # A child is born with the peak of its parent in `ru_maxrss`: only for want of samples.
    peak = peaks[0] or used.ru_maxrss * 1024
    return Usage(wall, used.ru_utime + used.ru_stime, peak), output


def _watch(pid: int, ended: threading.Event, peaks: list[int]) -> None:
    while not ended.wait(_SAMPLE_SECONDS):
        peaks[0] = max(peaks[0], sum(_resident(each) for each in _tree(pid)))


def _tree(pid: int) -> Iterator[int]:
    """A process and its descendants, as far as they still live."""
    yield pid
    try:
        children = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return
    for child in children:
        yield from _tree(child)


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0
