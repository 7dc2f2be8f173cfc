"""Reading a delivered file's bytes without parsing its values.

The scan answers what must not depend on the parser: how many records were delivered, how long the longest
is, what the header says, and, where a file is not well formed, which records are the bad ones.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

CHUNK = 16 * 1024 * 1024
LONGEST_RECORD = 256 * 1024 * 1024
BAD_RECORD_LIMIT = 1_000_000
_LF, _CR, _QUOTE = 10, 13, 34
_BOM = b"\xef\xbb\xbf"


class UnreadableFileError(Exception):
    """The whole file cannot be read; the message says why and what to deliver instead."""


@dataclass(frozen=True)
class CsvScan:
    """What a CSV file is made of. `records` counts data records, blank lines and the header left out."""

    headers: tuple[str, ...]
    delimiter: str
    records: int
    longest_record: int  # bytes
    ends_mid_record: bool  # the file ends inside a quoted field


@dataclass(frozen=True)
class BadRecord:
    """A record that is no row: `number` counts data records from 1, `text` is what was delivered."""

    number: int
    text: str
    reason: str


@dataclass
class CleanCopy:
    """A copy of a CSV file without its bad records."""

    path: Path
    bad: list[BadRecord] = field(default_factory=list)


def sha256_of(path: Path) -> str:
    """Hex digest of the file as delivered (compressed files are not unpacked)."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _open(path: Path) -> BinaryIO:
    return gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb")  # type: ignore[return-value]


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with _open(path) as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except (EOFError, gzip.BadGzipFile, zlib.error) as problem:
        raise UnreadableFileError(
            f"its gzip stream is broken or cut off ({problem}); deliver the file again"
        ) from problem


def _record_ends(data: np.ndarray, odd: bool) -> tuple[np.ndarray, bool]:
    """Positions of line ends outside quotes, and whether the data end inside a quoted field."""
    ends = np.flatnonzero(data == _LF)
    quotes = np.flatnonzero(data == _QUOTE)
    if len(quotes) or odd:
        inside = (np.searchsorted(quotes, ends) + int(odd)) % 2 == 1
        ends = ends[~inside]
    return ends, bool((len(quotes) + int(odd)) % 2)


def _headers(record: bytes) -> tuple[tuple[str, ...], str]:
    try:
        text = record.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise UnreadableFileError(
            f"its header is not UTF-8 (byte 0x{record[problem.start]:02x}); save the export as UTF-8"
        ) from problem
    parsed = {}
    for delimiter in (",", ";", "\t", "|"):
        parsed[delimiter] = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    delimiter = max(parsed, key=lambda d: len(parsed[d]))
    names: list[str] = []
    for position, cell in enumerate(parsed[delimiter], start=1):
        name = cell.strip() or f"column {position}"
        names.append(name if name not in names else f"{name} ({position})")
    return tuple(names), delimiter


def scan_csv(path: Path) -> CsvScan:
    """Scan a CSV file, compressed or not, in one pass with little memory.

    Raises:
        UnreadableFileError: broken compression, an encoding that is not UTF-8 in the header, or a record without
            an end.
    """
    odd, records, longest, pending = False, 0, 0, 0
    head = bytearray()
    headers: tuple[tuple[str, ...], str] | None = None
    last_byte = -1
    first = True
    for chunk in _chunks(path):
        if first:
            first = False
            if chunk[:2] in (b"\xff\xfe", b"\xfe\xff"):
                raise UnreadableFileError("it is UTF-16; save the export as UTF-8")
            if chunk.startswith(_BOM):
                chunk = chunk[len(_BOM) :]
                if not chunk:
                    continue
        data = np.frombuffer(chunk, dtype=np.uint8)
        ends, odd = _record_ends(data, odd)
        if headers is None:
            start = 0
            for end in ends:
                head += chunk[start:end]
                start = int(end) + 1
                if head.strip(b"\r"):
                    headers = _headers(bytes(head).rstrip(b"\r"))
                    records -= 1
                    break
                head.clear()
            else:
                head += chunk[start:]
            if headers is None and len(head) > LONGEST_RECORD:
                raise UnreadableFileError("its first line has no end; deliver a CSV file with a header line")
        if len(ends):
            before = np.where(ends > 0, data[np.maximum(ends - 1, 0)], last_byte)
            lengths = np.diff(ends, prepend=-1 - pending) - 1
            blank = (lengths == 0) | ((lengths == 1) & (before == _CR))
            records += int(len(ends) - blank.sum())
            longest = max(longest, int(lengths.max()))
            pending = len(data) - int(ends[-1]) - 1
        else:
            pending += len(data)
        if pending > LONGEST_RECORD:
            raise UnreadableFileError(
                f"after record {max(records, 0)} a quote opens that is never closed; close it and deliver again"
            )
        last_byte = int(data[-1])
    if headers is None and head.strip(b"\r\n"):
        return CsvScan(*_headers(bytes(head).rstrip(b"\r\n")), 0, len(head), odd)
    if headers is None:
        return CsvScan((), ",", 0, 0, False)
    if pending and not (pending == 1 and last_byte == _CR):
        records += 1
        longest = max(longest, pending)
    return CsvScan(*headers, records, longest, odd)


def clean_copy(path: Path, scan: CsvScan, target: Path) -> CleanCopy:
    """Copy a malformed CSV file without the records that are no rows, and list those.

    Bad is a record with another number of fields than the header, a quote where none may stand, or bytes that
    are not UTF-8. The work is done on whole chunks; only bad records are touched one by one.

    Raises:
        UnreadableFileError: a quote stays open over several lines, or nearly everything is bad.
    """
    copy = CleanCopy(target)
    delimiter = ord(scan.delimiter)
    wanted = len(scan.headers) - 1
    number, rest, is_header, at_start = 0, b"", True, True
    with target.open("wb") as out:
        for chunk, is_last in _with_last(path):
            if at_start:
                chunk = chunk.removeprefix(_BOM)
                at_start = False
            block = rest + chunk
            data = np.frombuffer(block, dtype=np.uint8)
            ends, odd = _record_ends(data, False)
            if is_last and len(block) and (not len(ends) or ends[-1] != len(block) - 1):
                tail = block[(int(ends[-1]) + 1 if len(ends) else 0) :]
                if odd and b"\n" in tail.rstrip(b"\r\n"):
                    line = number + len(ends)
                    raise UnreadableFileError(
                        f"in or after record {line} a quote opens that is never closed; close it and deliver again"
                    )
                ends = np.append(ends, len(block))
            if not len(ends):
                rest = block
                continue
            cut = min(int(ends[-1]) + 1, len(block))
            rest = block[cut:]
            number, is_header = _copy_block(
                block[:cut], data[:cut], ends, delimiter, wanted, number, is_header, out, copy.bad
            )
            if len(copy.bad) > BAD_RECORD_LIMIT:
                raise UnreadableFileError(
                    f"more than {BAD_RECORD_LIMIT:,} of its records are no rows; check delimiter and encoding"
                )
    return copy


def _with_last(path: Path) -> Iterator[tuple[bytes, bool]]:
    previous: bytes | None = None
    for chunk in _chunks(path):
        if previous is not None:
            yield previous, False
        previous = chunk
    if previous is not None:
        yield previous, True


def _copy_block(
    block: bytes,
    data: np.ndarray,
    ends: np.ndarray,
    delimiter: int,
    wanted: int,
    number: int,
    is_header: bool,
    out: BinaryIO,
    bad: list[BadRecord],
) -> tuple[int, bool]:
    starts = np.concatenate(([0], ends[:-1] + 1))
    stops = ends - ((ends > starts) & (data[np.maximum(ends - 1, 0)] == _CR))
    blank = stops <= starts
    quotes = np.flatnonzero(data == _QUOTE)
    separators = np.flatnonzero(data == delimiter)
    if len(quotes):
        separators = separators[np.searchsorted(quotes, separators) % 2 == 0]
    counts = np.searchsorted(separators, stops) - np.searchsorted(separators, starts)
    reasons: dict[int, str] = {
        int(i): f"has {int(counts[i]) + 1} fields, the header {wanted + 1}"
        for i in np.flatnonzero((counts != wanted) & ~blank)
    }
    if len(quotes):
        padded = np.concatenate(([_LF], data, [_LF]))
        before, after = padded[quotes], padded[quotes + 2]
        opens = np.arange(len(quotes)) % 2 == 0
        misplaced = np.where(
            opens,
            ~np.isin(before, (delimiter, _LF, _QUOTE)),
            ~np.isin(after, (delimiter, _LF, _CR, _QUOTE)),
        )
        for i in np.unique(np.searchsorted(ends, quotes[misplaced])):
            reasons.setdefault(int(i), "has a quote in the middle of a field")
    try:
        block.decode("utf-8")
    except UnicodeDecodeError:
        for i in np.unique(np.searchsorted(ends, np.flatnonzero(data >= 128))):
            record = block[int(starts[i]) : int(stops[i])]
            try:
                record.decode("utf-8")
            except UnicodeDecodeError as problem:
                byte = record[problem.start]
                reasons[int(i)] = f"is not UTF-8 (byte 0x{byte:02x}); save the export as UTF-8"
    skip = int(is_header)  # the header is the first record, blank lines before it aside
    ordinal = np.cumsum(~blank) + number - skip
    if is_header:
        header_at = int(np.flatnonzero(~blank)[0]) if (~blank).any() else -1
        reasons.pop(header_at, None)
    drop = sorted({*reasons, *map(int, np.flatnonzero(blank))})
    position = 0
    for i in drop:
        out.write(block[position : int(starts[i])])
        position = min(int(ends[i]) + 1, len(block))
        if i in reasons:
            text = block[int(starts[i]) : int(stops[i])].decode("utf-8", errors="backslashreplace")
            bad.append(BadRecord(int(ordinal[i]), text, reasons[i]))
    out.write(block[position:])
    count = int((~blank).sum())
    return number + count - (skip if count else 0), is_header and not count
