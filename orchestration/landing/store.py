"""Writing a judged extract: raw, quarantine, ledger and results, in one transaction that must add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from expectations.contract import Contract
from expectations.rules import (
    CompiledContract,
    as_delivered,
    identifier,
    literal,
    match_headers,
)
from orchestration.landing.ledger import next_build_number
from orchestration.landing.report import ExtractReport, LandingError, LoadReport
from orchestration.landing.staging import ROWS, SCRATCH, STAGED, Batch, insert_rows

_DUPLICATES = f"{SCRATCH}.main.duplicates"
_LOADS = f"{SCRATCH}.main.batch_loads"
_SUPERSEDED = f"{SCRATCH}.main.superseded"


def flag_conflicting_duplicates(connection: duckdb.DuckDBPyConnection, compiled: CompiledContract) -> None:
    """Flag rows that share key and modification time with a different row of their file.

    Leaves the table of rows whose key stands more than once in the staged rows, which versions need too. Keys
    are grouped by their hash first, so that ten million distinct ones need little memory.
    """
    connection.execute(
        f"""
        create or replace table {_DUPLICATES} as
        with hashes as (
            select hash(_key) as h from {STAGED} where _key is not null group by 1 having count(*) > 1
        )
        select _rid, _load_number, _row_number, _key, _modified_at, _row_hash
        from {ROWS} where _key is not null and hash(_key) in (select h from hashes)
        """
    )
    flag = identifier(compiled.flag(compiled.by_id["unique:key"]))
    connection.execute(
        f"""
        update {STAGED} set {flag} = true where rowid in (
            select d._rid from {_DUPLICATES} as d
            join (
                select _load_number, _key, _modified_at from {_DUPLICATES}
                group by all having count(distinct _row_hash) > 1
            ) as c on c._load_number = d._load_number and c._key = d._key
                and c._modified_at is not distinct from d._modified_at
        )
        """
    )


def write_fingerprints(
    connection: duckdb.DuckDBPyConnection, contract: Contract, fingerprints: Sequence[tuple[str, str, str]]
) -> None:
    """Remember the content hash of files by path, size and times, so that they need not be read again."""
    paths = ", ".join(literal(path) for path, _, _ in fingerprints)
    if paths:
        connection.execute(f"delete from audit.delivered_files where path in ({paths})")
        insert_rows(
            connection,
            "audit.delivered_files",
            [(contract.system, contract.object, *row) for row in fingerprints],
        )


def write_results(connection: duckdb.DuckDBPyConnection, results: Sequence[tuple]) -> None:
    """Write check results, each replacing the earlier one of its load and rule."""
    if not results:
        return
    table = f"{SCRATCH}.main.results"
    connection.execute(f"create or replace table {table} as select * from audit.contract_results limit 0")
    insert_rows(connection, table, results)
    connection.begin()
    try:
        _replace_results(connection, table)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def _replace_results(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    connection.execute(
        f"delete from audit.contract_results where (load_number, rule) in (select (load_number, rule) from {table})"
    )
    connection.execute(f"insert into audit.contract_results select * from {table}")


def write_states(connection: duckdb.DuckDBPyConnection, reports: Iterable[ExtractReport]) -> None:
    """Write how every extract stands, replacing what stood before."""
    rows = [
        (
            r.system,
            r.object,
            r.owner,
            r.contract_version,
            r.is_required,
            r.is_delivered,
            r.is_stale,
            r.stale_reason,
            r.newest_at,
            r.rows_held,
        )
        for r in reports
    ]
    connection.begin()
    try:
        connection.execute("delete from audit.extract_states")
        insert_rows(connection, "audit.extract_states", rows)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def _lift(connection: duckdb.DuckDBPyConnection, raw: str, versions: str) -> None:
    """Let versions that came again count as delivered by the later of the files."""
    connection.execute(
        f"""
        update {raw} as w set _last_file_name = s.newest[1], _last_delivery = s.newest[2]
        from (
            select _key, _modified_at, _row_hash, max((order_name, order_number)) as newest from {versions} group by all
        ) as s
        where w._key = s._key and w._row_hash = s._row_hash and w._modified_at is not distinct from s._modified_at
            and (w._last_file_name, w._last_delivery) < s.newest
        """
    )


def _order_versions(connection: duckdb.DuckDBPyConnection, raw: str) -> None:
    """Say for every staged key which version is current and until when the others held."""
    connection.execute(
        f"""
        update {raw} as w
        set _is_current = v.is_current, _valid_to = v.valid_to, _written_in = {next_build_number(connection)}
        from (
            select rowid as rid,
                lead(_key) over versions is null as is_current,
                lead(_modified_at) over versions as valid_to
            from {raw}
            where _key in (
                select _key from {raw}
                where _key in (select _key from {STAGED})
                group by _key having count(*) > 1
            )
            window versions as (
                partition by _key order by _modified_at nulls first, _last_file_name, _last_delivery, _row_number
            )
        ) as v
        where w.rowid = v.rid
            and (w._is_current <> v.is_current or w._valid_to is distinct from v.valid_to)
        """
    )


def write_redelivery(connection: duckdb.DuckDBPyConnection, compiled: CompiledContract, batch: Batch) -> None:
    """Let the staged rows, content that the ledger has already, count as delivered under the batch's order name.

    Nothing is added. But where no modification time orders versions the file name does, so that content which
    comes again after another one is the newest again.
    """
    raw = f"raw.{identifier(compiled.contract.raw_table)}"
    connection.begin()
    try:
        again = f"{literal(batch.order_name)} as order_name, cast({batch.order_number} as bigint) as order_number"
        _lift(connection, raw, f"(select _key, _modified_at, _row_hash, {again} from {STAGED} where _key is not null)")
        _order_versions(connection, raw)
        connection.execute(
            "update audit.loads set last_file_name = ?, last_delivery = ? where load_id = ?",
            [batch.order_name, batch.order_number, batch.load_id],
        )
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


@dataclass
class Writer:
    """Writes one extract's batches. `stopped` holds, by load number, the file rules that hold a whole file back."""

    connection: duckdb.DuckDBPyConnection
    compiled: CompiledContract
    batches: Sequence[Batch]
    stopped: Mapping[int, Sequence[str]]
    messages: Mapping[tuple[str | None, str], str]
    judged_under: str
    parents_seen: str
    judged_at: datetime
    last_events: Mapping[int, object]

    def write(
        self, results: Sequence[tuple], fingerprints: Sequence[tuple[str, str, str]]
    ) -> tuple[list[LoadReport], int]:
        """Write everything in one transaction; return the loads as they now stand and the rows released.

        Raises:
            LandingError: a file's rows do not add up; the transaction was rolled back.
        """
        connection = self.connection
        insert_into = f"{SCRATCH}.main.results"
        connection.execute(f"create or replace table {insert_into} as select * from audit.contract_results limit 0")
        insert_rows(connection, insert_into, results)
        connection.execute(
            f"create or replace table {_LOADS} (load_number bigint, load_id varchar, file_name varchar, "
            "is_stopped boolean, stop_rules varchar[], order_name varchar, order_number bigint)"
        )
        insert_rows(
            connection,
            _LOADS,
            [
                (
                    b.load_number,
                    b.load_id,
                    b.file_name,
                    b.load_number in self.stopped,
                    list(self.stopped.get(b.load_number, [])),
                    b.order_name,
                    b.order_number,
                )
                for b in self.batches
            ],
        )
        self._find_superseded()
        connection.begin()
        try:
            before = self._accepted()
            self._quarantine()
            self._insert_raw()
            _order_versions(connection, self._raw)
            loads, released = self._ledger(before)
            _replace_results(connection, insert_into)
            write_fingerprints(connection, self.compiled.contract, fingerprints)
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        return loads, released

    @property
    def _raw(self) -> str:
        return f"raw.{identifier(self.compiled.contract.raw_table)}"

    @property
    def _candidates(self) -> str:
        """Rows that no rule holds back, with their load."""
        return (
            f"(select r.*, l.load_id, l.file_name, l.order_name, l.order_number "
            f"from {ROWS} as r join {_LOADS} as l on l.load_number = r._load_number "
            "where not r._is_held and not l.is_stopped)"
        )

    def _is_first_load(self) -> bool:
        row = self.connection.execute(f"select count(*) from {self._raw}").fetchone()
        return not (row and row[0])

    def _find_superseded(self) -> None:
        """Rows whose version is known already, from the same batch or from raw."""
        known = (
            ""
            if self._is_first_load()
            else f"""
                union
                select c._rid, c._load_number, c._key, c._modified_at, c._row_hash, c.order_name, c.order_number
                from {self._candidates} as c join {self._raw} as w
                    on w._key = c._key and w._row_hash = c._row_hash
                    and w._modified_at is not distinct from c._modified_at
            """
        )
        self.connection.execute(
            f"""
            create or replace table {_SUPERSEDED} as
            select _rid, _load_number, _key, _modified_at, _row_hash, order_name, order_number from (
                select d.*, l.order_name, l.order_number, row_number() over (
                    partition by d._key, d._modified_at, d._row_hash
                    order by l.order_name, l.order_number, d._row_number
                ) as copy
                from {_DUPLICATES} as d
                join {ROWS} as r on r._rid = d._rid
                join {_LOADS} as l on l.load_number = d._load_number
                where not r._is_held and not l.is_stopped
            ) where copy > 1
            {known}
            """
        )

    def _accepted(self) -> dict[int, int]:
        numbers = ", ".join(str(batch.load_number) for batch in self.batches)
        return dict(
            self.connection.execute(
                f"select _load_number, count(*) from {self._raw} where _load_number in ({numbers}) group by all"
            ).fetchall()
        )

    def _quarantine(self) -> None:
        """Take out what was judged again, and put in what is held back now, as delivered."""
        connection, compiled = self.connection, self.compiled
        again = ", ".join(str(batch.load_number) for batch in self.batches if not batch.is_new)
        if again:
            connection.execute(f"delete from audit.quarantine where not is_unparseable and load_number in ({again})")
        contract = compiled.contract
        strict = [rule for rule in compiled.row_rules if rule.severity == "error"]
        broken = ", ".join(
            f"case when {identifier(compiled.flag(rule))} then {literal(rule.id)} end" for rule in strict
        )
        words = ", ".join(f"{literal(rule.id)}: {literal('Rows ' + rule.promise)}" for rule in strict)
        stops = [
            (f"{number} {rule}", self.messages.get((batch.load_id, rule), rule))
            for batch in self.batches
            for number, rule in ((batch.load_number, rule) for rule in self.stopped.get(batch.load_number, ()))
        ]
        for load_words in (", ".join(f"{literal(key)}: {literal(said)}" for key, said in stops),):
            words = f"{words}, {load_words}" if load_words else words
        groups: dict[tuple[str, ...], list[Batch]] = {}
        for batch in self.batches:
            if batch.refusal is None and batch.headers:
                groups.setdefault(batch.headers, []).append(batch)
        for headers, members in groups.items():
            numbers = ", ".join(str(batch.load_number) for batch in members)
            pairs = ", ".join(
                f"{literal(headers[at])}, coalesce({as_delivered(contract.by_name[name])}, "
                f"cast({identifier(name)} as varchar))"
                for name, at in match_headers(compiled, headers).items()
            )
            connection.execute(
                f"""
                insert into audit.quarantine
                select load_id, _load_number, {literal(contract.system)}, {literal(contract.object)}, file_name,
                    _row_number, _key, broken[1], broken,
                    map {{{words}}}[
                        case when is_stopped then _load_number || ' ' || broken[1] else broken[1] end
                    ], {literal(contract.owner)}, raw_row, false, {literal(str(self.judged_at))}
                from (
                    select l.load_id, l.file_name, l.is_stopped, r._load_number, r._row_number, r._key,
                        list_concat(l.stop_rules, list_filter([{broken}], lambda rule: rule is not null)) as broken,
                        cast(json_merge_patch(
                            json_merge_patch('{{}}', json_object({pairs})), coalesce(r._extra, '{{}}')
                        ) as varchar) as raw_row
                    from {ROWS} as r join {_LOADS} as l on l.load_number = r._load_number
                    where (r._is_held or l.is_stopped) and r._load_number in ({numbers})
                )
                """
            )
        unparseable = [
            (
                batch.load_id,
                batch.load_number,
                contract.system,
                contract.object,
                batch.file_name,
                record.number,
                None,
                "readable",
                ["readable"],
                f"The record {record.reason}",
                contract.owner,
                record.text,
                True,
                self.judged_at,
            )
            for batch in self.batches
            if batch.refusal is None
            for record in batch.bad
        ]
        insert_rows(connection, "audit.quarantine", unparseable)

    def _insert_raw(self) -> None:
        names = [identifier(column.name) for column in self.compiled.contract.columns]
        self.connection.execute(
            f"""
            insert into {self._raw} ({", ".join(names)}, _key, _row_hash, _extra, _modified_at, _is_deleted,
                _is_current, _valid_to, _load_id, _load_number, _file_name, _row_number, _last_file_name,
                _last_delivery, _written_in)
            select {", ".join(names)}, _key, _row_hash, _extra, _modified_at, _is_deleted, true,
                null, load_id, _load_number, file_name, _row_number, order_name, order_number,
                {next_build_number(self.connection)}
            from {self._candidates}
            where _rid not in (select _rid from {_SUPERSEDED})
            """
        )
        _lift(self.connection, self._raw, _SUPERSEDED)

    def _ledger(self, before: Mapping[int, int]) -> tuple[list[LoadReport], int]:
        """Write the ledger lines from counts taken in the tables, and insist that they add up."""
        connection, contract = self.connection, self.compiled.contract
        numbers = ", ".join(str(batch.load_number) for batch in self.batches)
        accepted = self._accepted()
        held = {
            row[0]: row[1:]
            for row in connection.execute(
                "select load_number, count(*) filter (where not is_unparseable), "
                "count(*) filter (where is_unparseable) "
                f"from audit.quarantine where load_number in ({numbers}) group by all"
            ).fetchall()
        }
        superseded = dict(
            connection.execute(f"select _load_number, count(*) from {_SUPERSEDED} group by all").fetchall()
        )
        earlier = dict(
            connection.execute(
                f"select load_number, rows_superseded from audit.loads where load_number in ({numbers})"
            ).fetchall()
        )
        loads: list[LoadReport] = []
        rows: list[tuple] = []
        released = 0
        for batch in self.batches:
            number = batch.load_number
            quarantined, unparseable = held.get(number, (0, 0))
            is_refused = batch.refusal is not None
            if is_refused:
                unparseable = batch.rows_delivered
            repeated = superseded.get(number, 0) + earlier.get(number, 0)
            taken = accepted.get(number, 0)
            if batch.rows_delivered != taken + quarantined + unparseable + repeated:
                raise LandingError(
                    f"{contract.id}: {batch.file_name} delivered {batch.rows_delivered} rows, but {taken} accepted + "
                    f"{quarantined} quarantined + {unparseable} unparseable + {repeated} superseded do not add up. "
                    f"Nothing of {contract.id} was loaded. Owner: {contract.owner}."
                )
            status = "partial" if quarantined + unparseable else "accepted"
            if number in self.stopped:
                status = "stopped"
            elif is_refused:
                status = "refused"
            if not batch.is_new:
                released += taken - before.get(number, 0) + superseded.get(number, 0)
            rules = ["readable"] if is_refused else self.stopped.get(number, ())
            reason = " ".join(self.messages[batch.load_id, rule] for rule in rules) or None
            places = set(match_headers(self.compiled, batch.headers).values())
            unknown = [header for i, header in enumerate(batch.headers) if i not in places]
            rows.append(
                (
                    batch.load_id,
                    number,
                    contract.system,
                    contract.object,
                    batch.file_name,
                    batch.file_sha256,
                    batch.file_bytes,
                    batch.format,
                    status,
                    reason,
                    batch.landed_at,
                    batch.rows_delivered,
                    taken,
                    quarantined,
                    unparseable,
                    repeated,
                    contract.version,
                    list(batch.headers),
                    unknown,
                    self.last_events.get(number),
                    self.judged_under,
                    self.parents_seen,
                    batch.order_name,
                    batch.order_number,
                )
            )
            loads.append(
                LoadReport(
                    batch.load_id,
                    number,
                    batch.file_name,
                    batch.file_sha256,
                    status,
                    batch.rows_delivered,
                    taken,
                    quarantined,
                    unparseable,
                    repeated,
                    batch.is_new,
                )
            )
        self._write_loads(rows)
        return loads, released

    def _write_loads(self, rows: Sequence[tuple]) -> None:
        connection = self.connection
        numbers = ", ".join(str(row[1]) for row in rows)
        kept = dict(
            connection.execute(
                f"select load_number, last_event_on from audit.loads where load_number in ({numbers})"
            ).fetchall()
        )
        merged = []
        for row in rows:
            days = [day for day in (row[19], kept.get(row[1])) if day is not None]
            merged.append((*row[:19], max(days) if days else None, *row[20:]))
        connection.execute(f"delete from audit.loads where load_number in ({numbers})")
        connection.executemany(
            f"insert into audit.loads values ({', '.join('?' for _ in merged[0])})",
            [list(row) for row in merged],
        )
