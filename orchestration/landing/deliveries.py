"""Which deliveries an extract has to look at: new content, known content that came again, and held-back rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import duckdb

from expectations.contract import Contract
from orchestration.landing.discover import DeliveredFile
from orchestration.landing.scan import sha256_of
from orchestration.landing.staging import Batch
from orchestration.landing.standing import KnownLoad


@dataclass
class Deliveries:
    """What the folder holds for one extract, in the order of file names.

    `again` is content that the ledger knows, delivered under a later name, or under its own after another
    content: it adds no rows, but counts as the newest. `fingerprints` (path, size and times, content hash)
    spares reading known files again.
    """

    new: list[Batch] = field(default_factory=list)
    again: list[Batch] = field(default_factory=list)
    fingerprints: list[tuple[str, str, str]] = field(default_factory=list)


def find_deliveries(
    contract: Contract,
    files: Sequence[DeliveredFile],
    root: Path,
    landed_at: datetime,
    loads: Iterable[KnownLoad],
    fingerprints: Mapping[tuple[str, str], str],
    number: int,
) -> Deliveries:
    """Sort an extract's files into new and redelivered content; files that did not change are in neither.

    `number` is the last load number given so far.
    """
    known = {load.file_sha256: load for load in loads}
    found = Deliveries()
    for file in sorted(files, key=lambda file: file.name):
        stat = file.path.stat()
        path = str(file.path.relative_to(root))
        fingerprint = f"{stat.st_size}-{stat.st_mtime_ns}-{stat.st_ctime_ns}-{stat.st_ino}"
        sha256 = fingerprints.get((path, fingerprint))
        is_untouched = sha256 is not None
        if sha256 is None:
            sha256 = sha256_of(file.path)
            found.fingerprints.append((path, fingerprint, sha256))
        before = known.get(sha256)
        if before is not None and (is_untouched or not _is_newer(file.name, before, known.values())):
            continue
        number += 1
        batch = Batch(
            load_id=hashlib.sha256(f"{contract.id}/{sha256}".encode()).hexdigest()[:32],
            load_number=number,
            file_name=file.name,
            file_sha256=sha256,
            file_bytes=stat.st_size,
            format=file.format or "",
            landed_at=landed_at,
            path=file.path.resolve(),
        )
        if before is None:
            found.new.append(batch)
            known[sha256] = KnownLoad(batch.load_id, number, file.name, sha256, "new", 0, 0, file.name, number)
        else:
            found.again.append(replace(batch, load_number=before.load_number))
            before.last_file_name, before.last_delivery = file.name, number
    return found


def _is_newer(name: str, before: KnownLoad, known: Iterable[KnownLoad]) -> bool:
    """Whether known content that comes as `name` is newer than what came since."""
    if name != before.last_file_name:
        return name > before.last_file_name
    return any(o.last_file_name == name and o.last_delivery > before.last_delivery for o in known)


def find_due(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    judged_under: str,
    parents_seen: str,
    has_new: bool,
) -> list[Batch]:
    """Earlier loads whose held-back rows are to be judged again.

    That is when the rules, overrides or agreed lists changed; when an extract they refer to gained rows; and, for
    whole files that file rules stopped, when there are new files to compare them with.
    """
    rows = connection.execute(
        """
        select l.load_id, l.load_number, l.file_name, l.file_sha256, l.file_bytes, l.format, l.loaded_at,
            l.headers, l.rows_delivered, l.rows_unparseable, l.status, l.last_file_name, l.last_delivery
        from audit.loads as l
        join (
            select load_number, bool_or(list_contains(broken_rules, 'tolerance') or len(list_filter(
                broken_rules, lambda rule: starts_with(rule, 'reference:'))) > 0) as is_referring
            from audit.quarantine
            where system = $system and object = $object and not is_unparseable
            group by load_number
        ) as q on q.load_number = l.load_number
        where l.judged_under <> $judged_under
            or (q.is_referring and l.parents_seen <> $parents_seen)
            or (l.status = 'stopped' and $has_new)
        order by l.file_name, l.load_number
        """,
        {
            "system": contract.system,
            "object": contract.object,
            "judged_under": judged_under,
            "parents_seen": parents_seen,
            "has_new": has_new,
        },
    ).fetchall()
    return [
        Batch(
            load_id=row[0],
            load_number=row[1],
            file_name=row[2],
            file_sha256=row[3],
            file_bytes=row[4],
            format=row[5],
            landed_at=row[6],
            headers=tuple(row[7]),
            rows_delivered=row[8],
            is_new=False,
            is_judged_as_file=row[10] == "stopped",
            bad_is_stored=row[9],
            order_name=row[11],
            order_number=row[12],
        )
        for row in rows
    ]
