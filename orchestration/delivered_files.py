"""What lies in the folder of extracts, as a key that changes with any file's name or content."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

# A file that changed this recently may still be written.
SETTLING_SECONDS = 30.0


@dataclass(frozen=True)
class FolderState:
    """The files of a folder of extracts.

    Attributes:
        key: Hash over the name and content hash of every file; None while one is still being written.
        hashes: Content hash by `path|size|mtime_ns`, so that an unchanged file is read only once.
        files: Number of files.
    """

    key: str | None
    hashes: Mapping[str, str]
    files: int

    def cursor(self) -> str:
        """What to remember until the next look."""
        return json.dumps({"key": self.key, "hashes": dict(self.hashes)})


def look(extracts: Path, cursor: str | None = None, clock: Callable[[], float] = time.time) -> FolderState:
    """Look at the folder of extracts.

    Args:
        extracts: The folder `<system>/<object>/<files>`.
        cursor: What the last look remembered.
        clock: Seconds since the epoch.
    """
    remembered: dict[str, str] = json.loads(cursor)["hashes"] if cursor else {}
    hashes: dict[str, str] = {}
    digest = hashlib.sha256()
    is_settled = True
    files = sorted(path for path in extracts.glob("*/*/*") if path.is_file() and not path.name.startswith("."))
    for path in files:
        status = path.stat()
        place = path.relative_to(extracts).as_posix()
        signature = f"{place}|{status.st_size}|{status.st_mtime_ns}"
        if clock() - status.st_mtime < SETTLING_SECONDS:
            is_settled = False
            continue
        if signature in remembered:
            hashes[signature] = remembered[signature]
        else:
            with path.open("rb") as file:
                hashes[signature] = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{place}\0{hashes[signature]}\0".encode())
    return FolderState(digest.hexdigest() if is_settled else None, hashes, len(files))


def remembered_key(cursor: str | None) -> str | None:
    """The key of the last settled look."""
    return json.loads(cursor)["key"] if cursor else None
