"""Writing a company's folder of agreed tables: a new one, or all of an old one at once."""

from __future__ import annotations

import csv
import ctypes
import errno
import io
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_RENAME_SWAP = 2  # of renamex_np, on macOS
_REPLACED = ".replaced"
_DRAFT = ".draft-"
_DAY = 86_400.0


class FolderError(Exception):
    """The folder cannot be written; nothing in it was changed."""


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """The text of a table's file: columns in their documented order, lines ended by a line feed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row.get(column, "") for column in columns] for row in rows)
    return text.getvalue()


def refuse_unless_new(target: Path) -> None:
    """Refuse a folder in which anything is.

    Raises:
        FolderError: the folder holds something, or is none.
    """
    if target.is_symlink() and not target.exists():
        raise FolderError(f"CONCORD_DEFINITIONS={target} is a link to nothing")
    if target.exists() and not target.is_dir():
        raise FolderError(f"CONCORD_DEFINITIONS={target} is not a folder")
    held = sorted(path.name for path in target.iterdir()) if target.exists() else []
    if held:
        named = ", ".join(held[:5]) + (f" and {len(held) - 5} more" if len(held) > 5 else "")
        raise FolderError(
            f"CONCORD_DEFINITIONS={target} already holds {named}. The first day writes a new folder and never over"
            " somebody's work: name a folder that is empty or does not exist"
        )


def write_new(target: Path, files: Mapping[str, str]) -> None:
    """Write a folder that does not exist yet or is empty, whole or not at all.

    Raises:
        FolderError: somebody put something there meanwhile.
    """
    refuse_unless_new(target)
    target = target.resolve()
    draft = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = _draft(target, files)
        draft.rename(target)
        _sync(target.parent)
    except OSError as error:
        raise FolderError(f"{target} cannot be written ({error.strerror})") from None
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)


def replace_tables(target: Path, files: Mapping[str, str]) -> None:
    """Put other tables into a folder, all at once: whoever looks sees the old ones or the new ones, never some of each.

    The folder is exchanged for a new one in one step of the file system. Whatever else lies in it (notes, the history
    of a version control system) comes along.

    Raises:
        FolderError: the folder cannot be exchanged, because it is a mount point or the file system cannot do it.
    """
    target = target.resolve()
    heal(target)
    try:
        draft = _draft(target, files, like=target)
    except OSError as error:
        raise FolderError(f"{target.parent} cannot be written ({error.strerror}); nothing was changed") from None
    replaced = target.with_name(f".{target.name}{_REPLACED}")
    try:
        for path in target.iterdir():
            if path.is_file() and not path.is_symlink() and path.name not in files:
                shutil.copy2(path, draft / path.name)
        draft.rename(replaced)
        try:
            _exchange(replaced, target)
        except OSError as error:
            shutil.rmtree(replaced, ignore_errors=True)
            raise FolderError(
                f"{target} cannot be exchanged in one step ({error.strerror or error}); it may be a mount point."
                " Nothing was changed. Use a folder one level below it"
            ) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    _sync(target.parent)
    heal(target)


def heal(target: Path) -> None:
    """Finish an exchange that was cut short: bring along what the old folder held beside its tables, and drop it."""
    target = target.resolve()
    for draft in target.parent.glob(f".{target.name}{_DRAFT}*"):
        if time.time() - draft.stat().st_mtime > _DAY:
            shutil.rmtree(draft, ignore_errors=True)
    replaced = target.with_name(f".{target.name}{_REPLACED}")
    if not replaced.is_dir() or not target.is_dir():
        return
    for path in sorted(replaced.iterdir()):
        # Files were copied before the exchange; a folder or a link is moved after it.
        if (path.is_dir() or path.is_symlink()) and not os.path.lexists(target / path.name):
            path.rename(target / path.name)
    shutil.rmtree(replaced, ignore_errors=True)


def _draft(target: Path, files: Mapping[str, str], like: Path | None = None) -> Path:
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}{_DRAFT}", dir=target.parent))
    for name, text in files.items():
        path = draft / name
        with path.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if like is not None and (like / name).is_file():
            shutil.copymode(like / name, path)
    draft.chmod(like.stat().st_mode & 0o7777 if like is not None else 0o755)
    return draft


def _exchange(one: Path, other: Path) -> None:
    """Exchange two names in one step.

    Raises:
        OSError: it cannot be done here.
    """
    library = ctypes.CDLL(None, use_errno=True)
    here, there = os.fsencode(one), os.fsencode(other)
    if sys.platform == "darwin":
        failed = library.renamex_np(here, there, ctypes.c_uint(_RENAME_SWAP))
    elif hasattr(library, "renameat2"):
        failed = library.renameat2(_AT_FDCWD, here, _AT_FDCWD, there, ctypes.c_uint(_RENAME_EXCHANGE))
    else:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
