"""One writer at a time: an operating-system lock beside the warehouse, freed even when a writer is killed."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path


class WriterLockedError(Exception):
    """Another process is writing this warehouse; the message names it and since when."""


@contextmanager
def single_writer(lock_file: Path) -> Iterator[None]:
    """Hold the writer's lock for the time of the block, without waiting for it.

    The lock is the kernel's (`flock`), so it falls with its process: a file that stays behind blocks nobody.
    What the file holds, the writer's process id and start, serves the message alone.

    Raises:
        WriterLockedError: another process holds the lock.
    """
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WriterLockedError(_who_writes(lock_file)) from None
        os.ftruncate(descriptor, 0)
        holder = {"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _who_writes(lock_file: Path) -> str:
    try:
        holder = json.loads(lock_file.read_text())
        writer = f"process {holder['pid']}, since {holder['since']}"
    except (OSError, ValueError, KeyError):
        writer = "another process"
    return (
        f"{lock_file.parent} is being written by {writer}. Nothing was changed. Wait until it ends"
        " (the published warehouse stays readable), or choose another CONCORD_WAREHOUSE."
    )
