"""The landing of all new files of all extracts, extract by extract, parents first."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from expectations.contract import CONTRACTS, Contract, read_contracts
from expectations.rules import (
    FILE,
    ROW,
    CompiledContract,
    Definitions,
    Rule,
    compile_contract,
    identifier,
    literal,
    match_headers,
)
from orchestration.landing import store
from orchestration.landing.deliveries import find_deliveries, find_due
from orchestration.landing.discover import DeliveredFile, discover
from orchestration.landing.figures import FIGURES, last_event_days, measure
from orchestration.landing.ledger import note_contract_versions, prepare
from orchestration.landing.overrides import Override, read_overrides
from orchestration.landing.report import BrokenRule, ExtractReport, LandingError, LandingReport
from orchestration.landing.scan import UnreadableFileError, scan_csv
from orchestration.landing.staging import (
    ROWS,
    SCRATCH,
    STAGED,
    Batch,
    create_staged,
    finish_staged,
    flag_orphans,
    stage_csv,
    stage_held,
    stage_jsonl,
    stage_parquet,
)
from orchestration.landing.standing import (
    KnownLoad,
    Newest,
    earliest_time,
    greatest_time,
    known_files,
    known_loads,
    newest_times,
)

if TYPE_CHECKING:
    from expectations.judge import Judge, Verdict

_COLUMN_HISTORY_FILES = 7
_IN_MEMORY_BYTES = 60_000_000  # of new files as text; staged rows take several times that
_MEMORY_LIMIT = "1500MB"  # of DuckDB, which spills beyond it; with Python's own memory landing stays under 2 GB
_UNPACKED = 6  # a packed file's size as text, roughly


def land(
    *,
    extracts: Path,
    build_file: Path,
    definitions: Path,
    held: Path | None = None,
    contracts: Path | None = None,
    as_of: datetime | None = None,
    landed_at: datetime | None = None,
    progress: Callable[[str], None] | None = None,
) -> LandingReport:
    """Land every new file, judge again what is due to be, and say how each extract stands.

    Args:
        extracts: folder `<system>/<object>/*.{csv,csv.gz,parquet,jsonl}`.
        build_file: the private DuckDB file; opened and closed here, made where it is missing.
        definitions: folder of the agreed definitions (`*.csv`), ours merged with the company's.
        held: where unreadable files are kept; by default `held` beside the build file.
        contracts: folder of contracts; by default the project's own.
        as_of: fixes "now" (naive UTC); by default the greatest accepted modification time.
        landed_at: the clock (naive UTC), used for loaded_at and for "not after delivery" only.
        progress: called with one line a step.

    Raises:
        ContractError: a contract or an agreed list that it needs is not understood; nothing was loaded.
        ExtractsError: the folder of extracts is missing, empty, or has folders nobody agreed on.
        LandingError: something made it impossible to account for every row; that extract is unchanged. Or a contract
            changed under its version, or no delivered data is as old as `as_of`.
    """
    agreed = Definitions(definitions)
    compiled = {
        name: compile_contract(contract, agreed) for name, contract in read_contracts(contracts or CONTRACTS).items()
    }
    overrides = read_overrides(agreed, compiled)
    files = discover(extracts, {name: entry.contract for name, entry in compiled.items()})
    build_file.parent.mkdir(parents=True, exist_ok=True)
    landing = _Landing(
        compiled=compiled,
        overrides=overrides,
        root=extracts,
        scratch=build_file.parent / "landing",
        held=held or build_file.parent / "held",
        landed_at=landed_at or datetime.now(UTC).replace(tzinfo=None),
        progress=progress or (lambda line: None),
    )
    with _connection(build_file, landing.scratch) as connection:
        return landing.run(connection, files, as_of)


@contextmanager
def _connection(build_file: Path, scratch: Path) -> Any:
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    connection = duckdb.connect(str(build_file))
    try:
        connection.execute("set TimeZone = 'UTC'; set enable_progress_bar = false; set preserve_insertion_order = true")
        connection.execute(f"set memory_limit = {literal(_MEMORY_LIMIT)}; set temp_directory = {literal(str(scratch))}")
        yield connection
    finally:
        connection.close()
        shutil.rmtree(scratch, ignore_errors=True)


@dataclass
class _Outcome:
    """What the judgement of one extract's batches says."""

    stopped: dict[int, list[str]] = field(default_factory=dict)  # load number → file rules that stop it
    broken: list[BrokenRule] = field(default_factory=list)
    results: list[tuple] = field(default_factory=list)


@dataclass
class _Landing:
    compiled: Mapping[str, CompiledContract]
    overrides: Mapping[str, tuple[Override, ...]]
    root: Path
    scratch: Path
    held: Path
    landed_at: datetime
    progress: Callable[[str], None]
    _judge: Judge | None = None
    _loads: dict[str, list[KnownLoad]] = field(default_factory=dict)
    _files: dict[tuple[str, str], str] = field(default_factory=dict)
    _last_number: int = 0

    def run(
        self, connection: duckdb.DuckDBPyConnection, files: Sequence[DeliveredFile], as_of: datetime | None
    ) -> LandingReport:
        prepare(connection, (entry.contract for entry in self.compiled.values()))
        self._loads, self._files = known_loads(connection), known_files(connection)
        self._last_number = max(
            (max(load.load_number, load.last_delivery) for loads in self._loads.values() for load in loads), default=0
        )
        self._attach_scratch(connection, files)
        by_extract: dict[str, list[DeliveredFile]] = {}
        for file in files:
            by_extract.setdefault(file.contract_id, []).append(file)
        used = [e.contract for name, e in self.compiled.items() if name in by_extract or name in self._loads]
        note_contract_versions(connection, used, self.landed_at)
        reports: dict[str, ExtractReport] = {}
        try:
            for name, compiled in self.compiled.items():
                reports[name] = self._extract(connection, compiled, by_extract.get(name, []))
            for name in [name for name, report in reports.items() if report.loads]:
                reports[name] = self._late_references(connection, self.compiled[name], reports[name])
        finally:
            if self._judge is not None:
                self._judge.close()
        self._loads = known_loads(connection)
        accepted = [c.contract for c in self.compiled.values() if any(load.is_accepted for load in self._known(c))]
        newest = newest_times(connection, accepted)
        now = as_of or greatest_time(newest)
        if now is None:
            raise LandingError(
                'no accepted row says when it was modified, extracted or happened, so there is no "now". '
                "Set CONCORD_AS_OF. " + " ".join(rule.message for r in reports.values() for rule in r.broken_rules)
            )
        earliest = None if as_of is None else earliest_time(connection, accepted)
        if earliest is not None and now < earliest[0]:
            raise LandingError(
                f"CONCORD_AS_OF={now}: that is before all delivered data, so the warehouse would be empty. The earliest"
                f" accepted row is of {earliest[0]}, in {earliest[1]}. The rows are landed; nothing was built. Set a"
                " later time, or none, to build as of the newest row."
            )
        delivering = {file.contract_id.split(".")[0] for file in files} | {name.split(".")[0] for name in self._loads}
        reports = {
            name: self._state(connection, self.compiled[name], report, now, newest.get(name, Newest()), delivering)
            for name, report in reports.items()
        }
        store.write_states(connection, reports.values())
        return LandingReport(as_of=now, extracts=tuple(reports.values()))

    def _known(self, compiled: CompiledContract) -> list[KnownLoad]:
        return self._loads.get(compiled.contract.id, [])

    def _attach_scratch(self, connection: duckdb.DuckDBPyConnection, files: Sequence[DeliveredFile]) -> None:
        """Stage in memory, which spares a disk write a statement, unless there is too much to stage."""
        paths = {path for path, _ in self._files}
        size = sum(
            file.path.stat().st_size * (1 if file.path.suffix in (".csv", ".jsonl") else _UNPACKED)
            for file in files
            if str(file.path.relative_to(self.root)) not in paths
        )
        place = ":memory:" if size <= _IN_MEMORY_BYTES else str(self.scratch / "gate.duckdb")
        connection.execute(f"attach {literal(place)} as {SCRATCH}")

    # One extract ---------------------------------------------------------------------------------------------

    def _extract(
        self,
        connection: duckdb.DuckDBPyConnection,
        compiled: CompiledContract,
        files: Sequence[DeliveredFile],
    ) -> ExtractReport:
        contract = compiled.contract
        report = ExtractReport(
            contract.system,
            contract.object,
            contract.id,
            contract.version,
            contract.owner,
            contract.is_required,
            is_delivered=bool(files),
        )
        unknown_kinds = [file for file in files if file.format is None]
        rejected = tuple(
            self._broken(
                compiled,
                compiled.by_id["readable"],
                None,
                None,
                0,
                f"{file.name} is none of .csv, .csv.gz, .parquet, .jsonl and was not read; deliver it as one of them",
            )
            for file in unknown_kinds
        )
        delivered = find_deliveries(
            contract,
            [file for file in files if file.format is not None],
            self.root,
            self.landed_at,
            self._known(compiled),
            self._files,
            self._last_number,
        )
        self._last_number += len(delivered.new) + len(delivered.again)
        new, fingerprints = delivered.new, delivered.fingerprints
        judged_under = self._judged_under(compiled)
        parents_seen = self._parents_seen(connection, contract)
        due = []
        if any(load.rows_quarantined for load in self._known(compiled)):
            due = find_due(connection, contract, judged_under, parents_seen, bool(new))
        if not new and not due:
            if fingerprints:
                store.write_fingerprints(connection, contract, fingerprints)
            self._redeliver(connection, compiled, delivered.again)
            return replace(report, broken_rules=rejected)
        batches = new + due
        self.progress(
            f"{contract.id}: {len(new)} new file{'s' if len(new) != 1 else ''}"
            + (f", {len(due)} judged again" if due else "")
        )
        if self._judge is None:
            from expectations.judge import warm_up

            warm_up()
        create_staged(connection, compiled)
        self._stage(connection, compiled, new)
        readable = [batch for batch in batches if batch.refusal is None]
        if due:
            stage_held(connection, compiled, due)
        flag_orphans(connection, compiled)
        finish_staged(connection, compiled, readable)
        store.flag_conflicting_duplicates(connection, compiled)
        self._apply_overrides(connection, compiled, readable)
        missing = self._missing_columns(connection, compiled, readable)
        measure(connection, compiled, readable, {number: len(names) for number, names in missing.items()})
        outcome = self._verdict(connection, compiled, readable, missing)
        for batch in batches:
            if batch.refusal is not None:
                message = f"{batch.file_name} was refused: {batch.refusal}"
                broken = self._broken(compiled, compiled.by_id["readable"], batch, None, 0, message)
                outcome.broken.append(broken)
                outcome.results.append(
                    self._result(
                        compiled,
                        batch,
                        compiled.by_id["readable"],
                        True,
                        False,
                        None,
                        None,
                        None,
                        broken.message,
                    )
                )
            if batch.is_new and batch.path is not None and (batch.refusal is not None or batch.bad):
                self._keep(batch)
        events = last_event_days(connection, compiled)
        writer = store.Writer(
            connection=connection,
            compiled=compiled,
            batches=batches,
            stopped=outcome.stopped,
            messages={(b.load_id, b.rule): b.message for b in outcome.broken},
            judged_under=judged_under,
            parents_seen=parents_seen,
            judged_at=self.landed_at,
            last_events=events,
        )
        loads, released = writer.write(outcome.results, fingerprints)
        connection.execute(f"drop view if exists {ROWS}; drop table if exists {STAGED}")
        self._redeliver(connection, compiled, delivered.again)
        held = {load.load_id: load for load in loads}
        known = {batch.load_id for batch in due}
        broken = tuple(
            replace(rule, rows_held=held[rule.load_id].rows_quarantined)
            if rule.load_id in held and self._stops(compiled, rule)
            else rule
            for rule in outcome.broken
            if rule.load_id not in known  # told when it was delivered, and again below while it stands
        )
        extra = sorted({header for batch in new for header in self._unknown(compiled, batch)})
        return replace(
            report,
            loads=tuple(loads),
            rows_released=released,
            broken_rules=rejected + broken,
            unknown_columns=tuple(extra),
        )

    def _redeliver(
        self, connection: duckdb.DuckDBPyConnection, compiled: CompiledContract, again: Sequence[Batch]
    ) -> None:
        for batch in again:
            create_staged(connection, compiled)
            self._stage(connection, compiled, [batch])
            store.write_redelivery(connection, compiled, batch)

    @staticmethod
    def _stops(compiled: CompiledContract, rule: BrokenRule) -> bool:
        return rule.severity == "error" and compiled.by_id[rule.rule].scope == FILE

    @staticmethod
    def _unknown(compiled: CompiledContract, batch: Batch) -> list[str]:
        places = set(match_headers(compiled, batch.headers).values())
        return [header for i, header in enumerate(batch.headers) if i not in places]

    def _keep(self, batch: Batch) -> None:
        """Keep the file byte for byte, since not all of it could become rows."""
        self.held.mkdir(parents=True, exist_ok=True)
        assert batch.path is not None
        target = self.held / batch.file_sha256
        if not target.exists():
            partial = target.with_suffix(".partial")
            shutil.copyfile(batch.path, partial)
            partial.rename(target)

    def _judged_under(self, compiled: CompiledContract) -> str:
        agreed = [compiled.content_hash, [str(o) for o in self.overrides.get(compiled.contract.id, ())]]
        return hashlib.sha256(json.dumps(agreed).encode()).hexdigest()

    @staticmethod
    def _parents_seen(connection: duckdb.DuckDBPyConnection, contract: Contract) -> str:
        """Changes whenever an extract that this one strictly refers to accepted rows."""
        parents = sorted({ref.contract_id for _, ref in contract.references if ref.severity == "error"})
        if not parents:
            return ""
        listed = ", ".join(literal(parent) for parent in parents)
        rows = connection.execute(
            "select system || '.' || object, sum(rows_accepted)::bigint from audit.loads "
            f"where system || '.' || object in ({listed}) group by all order by all"
        ).fetchall()
        return json.dumps(rows)

    def _stage(
        self, connection: duckdb.DuckDBPyConnection, compiled: CompiledContract, batches: Sequence[Batch]
    ) -> None:
        groups: dict[tuple, list[Batch]] = {}
        for batch in batches:
            assert batch.path is not None
            if batch.format == "parquet":
                if batch.file_bytes:
                    stage_parquet(connection, compiled, batch)
            elif batch.format == "jsonl":
                stage_jsonl(connection, compiled, batch)
            else:
                try:
                    batch.scan = scan_csv(batch.path)
                except UnreadableFileError as problem:
                    batch.refusal = str(problem)
                    continue
                batch.headers, batch.rows_delivered = batch.scan.headers, batch.scan.records
                if batch.rows_delivered:
                    groups.setdefault((batch.headers, batch.scan.delimiter), []).append(batch)
        for members in groups.values():
            stage_csv(connection, compiled, members, self.scratch)

    @staticmethod
    def _mark_overridden(sha256: str, rule: Rule, overrides: Iterable[Override]) -> bool:
        return any(o.rule == rule.id and o.file_sha256 == sha256 for o in overrides)

    def _apply_overrides(
        self, connection: duckdb.DuckDBPyConnection, compiled: CompiledContract, batches: Sequence[Batch]
    ) -> None:
        by_sha = {batch.file_sha256: batch for batch in batches}
        for override in self.overrides.get(compiled.contract.id, ()):
            rule = compiled.by_id[override.rule]
            batch = by_sha.get(override.file_sha256)
            if batch is None or rule.scope != ROW:
                continue
            key = "" if override.row_key is None else f" and _key = {literal(override.row_key)}"
            connection.execute(
                f"update {STAGED} set {identifier(compiled.flag(rule))} = false "
                f"where _load_number = {batch.load_number}{key}"
            )

    def _missing_columns(
        self, connection: duckdb.DuckDBPyConnection, compiled: CompiledContract, batches: Sequence[Batch]
    ) -> dict[int, list[str]]:
        """Columns that each judged file should have and has not: agreed ones, and those that came before."""
        contract = compiled.contract
        cache: dict[tuple[str, ...], frozenset[str]] = {}

        def delivered(headers: tuple[str, ...]) -> frozenset[str]:
            if headers not in cache:
                cache[headers] = frozenset(match_headers(compiled, headers))
            return cache[headers]

        known = [
            (row[0], row[1], tuple(row[2]))
            for row in connection.execute(
                "select file_name, load_number, headers from audit.loads where system = ? and object = ? "
                "and status in ('accepted', 'partial') and format <> 'jsonl' and len(headers) > 0",
                [contract.system, contract.object],
            ).fetchall()
        ]
        known += [
            (b.file_name, b.load_number, b.headers)
            for b in batches
            if b.is_judged_as_file and b.format != "jsonl" and b.headers
        ]
        known.sort(key=lambda entry: entry[:2])
        agreed = {column.name for column in contract.columns if column.is_header_required}
        missing: dict[int, list[str]] = {}
        for batch in batches:
            if not batch.is_judged_as_file or not batch.headers:
                continue
            wanted = set(agreed)
            if batch.format != "jsonl":
                before = [headers for name, n, headers in known if (name, n) < (batch.file_name, batch.load_number)]
                for headers in before[-_COLUMN_HISTORY_FILES:]:
                    wanted |= delivered(headers)
            lacking = wanted - delivered(batch.headers)
            if lacking:
                missing[batch.load_number] = [c.name for c in contract.columns if c.name in lacking]
        return missing

    # Judgement -----------------------------------------------------------------------------------------------

    def _verdict(
        self,
        connection: duckdb.DuckDBPyConnection,
        compiled: CompiledContract,
        batches: Sequence[Batch],
        missing: Mapping[int, list[str]],
    ) -> _Outcome:
        outcome = _Outcome()
        if not batches:
            return outcome
        if self._judge is None:
            from expectations.judge import Judge

            self._judge = Judge(connection, f"{SCRATCH}.main")
        rows = _by_rule(self._judge.rows(compiled, STAGED.rsplit(".", 1)[1]))
        files = _by_rule(self._judge.files(compiled, FIGURES.rsplit(".", 1)[1]))
        figures = {
            (row[0], row[1]): row[2:]
            for row in connection.execute(
                f"select load_number, rule, figure, minimum, maximum from {FIGURES}"
            ).fetchall()
        }
        first_rows = self._first_rows(connection, compiled, rows)
        overrides = self.overrides.get(compiled.contract.id, ())
        for batch in batches:
            number = batch.load_number
            for rule in compiled.file_rules if batch.is_judged_as_file else ():
                figure, low, high = figures.get((number, rule.id), (None, None, None))
                is_broken = number in files.get(rule.id, {})
                is_overridden = is_broken and self._mark_overridden(batch.file_sha256, rule, overrides)
                is_broken = is_broken and not is_overridden
                message = None
                if is_broken:
                    said = self._file_message(compiled, rule, batch, figure, low, high, missing.get(number, []), rows)
                    broken = self._broken(compiled, rule, batch, figure, 0, said)
                    outcome.broken.append(broken)
                    message = broken.message
                    if rule.severity == "error":
                        outcome.stopped.setdefault(number, []).append(rule.id)
                outcome.results.append(
                    self._result(compiled, batch, rule, is_broken, is_overridden, figure, low, high, message)
                )
            for rule in compiled.row_rules:
                if not batch.is_judged_as_file and rule.severity != "error":
                    continue  # the rows that only warned were accepted before, and stay counted
                count = int(rows.get(rule.id, {}).get(number, 0))
                message = None
                if count:
                    first = first_rows.get((rule.id, number))
                    held = "held back" if rule.severity == "error" else "accepted with a warning"
                    said = (
                        f"{count} of {batch.rows_delivered} rows of {batch.file_name} {rule.promise} "
                        f"(first: row {first}); {held}. {rule.remedy}"
                    )
                    held_rows = count if rule.severity == "error" else 0
                    broken = self._broken(compiled, rule, batch, float(count), held_rows, said)
                    outcome.broken.append(broken)
                    message = broken.message
                outcome.results.append(
                    self._result(
                        compiled,
                        batch,
                        rule,
                        bool(count),
                        self._mark_overridden(batch.file_sha256, rule, overrides),
                        float(count),
                        None,
                        0.0,
                        message,
                    )
                )
            if batch.bad:
                rule = compiled.by_id["readable"]
                first_bad = batch.bad[0]
                said = (
                    f"{len(batch.bad)} of {batch.rows_delivered} records of {batch.file_name} are no rows "
                    f"(first: record {first_bad.number} {first_bad.reason}); held back as delivered. "
                    "Correct the export and deliver it again."
                )
                if batch.bad[-1].number == batch.rows_delivered and "not UTF-8" not in batch.bad[-1].reason:
                    said += " The last record is among them: the file looks cut off."
                broken = self._broken(compiled, rule, batch, float(len(batch.bad)), len(batch.bad), said)
                outcome.broken.append(broken)
                outcome.results.append(
                    self._result(compiled, batch, rule, True, False, float(len(batch.bad)), None, 0.0, broken.message)
                )
        return outcome

    def _first_rows(
        self,
        connection: duckdb.DuckDBPyConnection,
        compiled: CompiledContract,
        broken: Mapping[str, Mapping[int, float]],
    ) -> dict[tuple[str, int], int]:
        rules = [rule for rule in compiled.row_rules if rule.id in broken]
        if not rules:
            return {}
        listed = ", ".join(f"min(_row_number) filter (where {identifier(compiled.flag(rule))})" for rule in rules)
        rows = connection.execute(f"select _load_number, {listed} from {ROWS} group by all").fetchall()
        return {
            (rule.id, row[0]): value
            for row in rows
            for rule, value in zip(rules, row[1:], strict=True)
            if value is not None
        }

    def _file_message(
        self,
        compiled: CompiledContract,
        rule: Rule,
        batch: Batch,
        figure: float | None,
        low: float | None,
        high: float | None,
        missing: Sequence[str],
        rows: Mapping[str, Mapping[int, float]],
    ) -> str:
        if rule.kind == "columns":
            unknown = self._unknown(compiled, batch)
            said = f"{', '.join(missing)} missing in {batch.file_name}"
            if unknown:
                said += f", which has {', '.join(unknown[:20])} that the contract does not know"
        elif rule.kind == "tolerance":
            causes = sorted(
                (
                    (counts[batch.load_number], name)
                    for name, counts in rows.items()
                    if batch.load_number in counts and compiled.by_id[name].severity == "error"
                ),
                reverse=True,
            )
            listed = ", ".join(f"{name} ({int(count)})" for count, name in causes[:5])
            if batch.rows_unparseable:
                listed += f"{', ' if listed else ''}records that are no rows ({batch.rows_unparseable})"
            said = f"{_figure(figure, share=True)} of the rows of {batch.file_name} are broken, by {listed}"
        elif rule.kind == "not_empty":
            said = f"{batch.file_name} is empty"
        elif rule.kind == "consistent_offsets":
            said = f"{_figure(figure, share=True)} of {batch.file_name} {rule.promise}"
        else:
            span = f"{_figure(low)} to {_figure(high)}"
            said = f"{_figure(figure)} in {batch.file_name} {rule.promise} ({span} by the files before)"
        outcome = "the whole file is held back" if rule.severity == "error" else "it was accepted with a warning"
        return f"{said}; {outcome}. {rule.remedy}"

    def _broken(
        self,
        compiled: CompiledContract,
        rule: Rule,
        batch: Batch | None,
        figure: float | None,
        rows_held: int,
        said: str,
    ) -> BrokenRule:
        contract = compiled.contract
        stops = rule.severity == "error" and (rule.scope == FILE or rule.id in ("readable", "required"))
        whole = rows_held == 0
        return BrokenRule(
            contract.system,
            contract.object,
            contract.id,
            rule.id,
            rule.severity,
            blocks_publish=rule.id == "required" or (contract.blocks_publish and stops and whole),
            owner=contract.owner,
            message=f"{contract.id} {contract.version}, rule {rule.id}: {said.rstrip('.')}. Owner: {contract.owner}.",
            figure=figure,
            rows_held=rows_held,
            file_name=None if batch is None else batch.file_name,
            load_id=None if batch is None else batch.load_id,
        )

    def _result(
        self,
        compiled: CompiledContract,
        batch: Batch,
        rule: Rule,
        is_broken: bool,
        is_overridden: bool,
        figure: float | None,
        low: float | None,
        high: float | None,
        message: str | None,
    ) -> tuple:
        contract = compiled.contract
        return (
            batch.load_id,
            batch.load_number,
            contract.system,
            contract.object,
            batch.file_name,
            contract.id,
            contract.version,
            rule.id,
            rule.kind,
            rule.scope,
            rule.severity,
            contract.blocks_publish,
            contract.owner,
            is_broken,
            is_overridden,
            figure,
            low,
            high,
            message,
            self.landed_at,
        )

    def _late_references(
        self, connection: duckdb.DuckDBPyConnection, compiled: CompiledContract, report: ExtractReport
    ) -> ExtractReport:
        """References that only warn are judged when every extract has landed, since they may go in circles."""
        rules = [rule for rule in compiled.extract_rules if rule.kind == "reference"]
        accepted = [load for load in report.loads if load.rows_accepted]
        if not rules or not accepted:
            return report
        numbers = ", ".join(str(load.load_number) for load in accepted)
        raw = f"raw.{identifier(compiled.contract.raw_table)}"
        broken: list[BrokenRule] = []
        results: list[tuple] = []
        for rule in rules:
            counts = {
                row[0]: row[1:]
                for row in connection.execute(
                    f"select _load_number, count(*), min(_row_number) from {raw} "
                    f"where _load_number in ({numbers}) and {rule.predicate} group by all"
                ).fetchall()
            }
            for load in accepted:
                count, first = counts.get(load.load_number, (0, None))
                batch = Batch(load.load_id, load.load_number, load.file_name, load.file_sha256, 0, "", self.landed_at)
                message = None
                if count:
                    said = (
                        f"{count} of {load.rows_accepted} accepted rows of {load.file_name} {rule.promise} "
                        f"(first: row {first}); accepted with a warning. {rule.remedy}"
                    )
                    broken.append(self._broken(compiled, rule, batch, float(count), 0, said))
                    message = broken[-1].message
                results.append(
                    self._result(compiled, batch, rule, bool(count), False, float(count), None, 0.0, message)
                )
        store.write_results(connection, results)
        return replace(report, broken_rules=report.broken_rules + tuple(broken))

    # How each extract stands ---------------------------------------------------------------------------------

    def _state(
        self,
        connection: duckdb.DuckDBPyConnection,
        compiled: CompiledContract,
        report: ExtractReport,
        now: datetime,
        newest: Newest,
        delivering: Collection[str],
    ) -> ExtractReport:
        contract = compiled.contract
        loads = self._known(compiled)
        broken = list(report.broken_rules)
        stale: list[str] = []
        newest_accepted = max((load.load_number for load in loads if load.is_accepted), default=0)
        told = {rule.load_id for rule in broken if rule.severity == "error"}
        for load in loads:
            if load.load_number > newest_accepted and not load.is_accepted:
                stale.append(f"its newest delivery {load.file_name} was {load.status}")
                if load.load_id not in told:
                    broken += self._standing(connection, compiled, load)
                break
        if newest_accepted:
            if contract.latency_hours is not None:
                seen = newest.agreed or newest.modified_at  # an extract may leave the agreed column out
                if seen is None or seen < now - timedelta(hours=contract.latency_hours):
                    figure = None if seen is None else (now - seen).total_seconds() / 3600
                    if figure is None:
                        found = (
                            f"no accepted row has a {contract.latency_column}, so nobody can tell how old the data are"
                        )
                        advice = f"Export {contract.latency_column} too"
                    else:
                        found = f"the newest {contract.latency_column} is {seen}, {figure:.0f} h before {now}"
                        advice = "Check the export's schedule"
                    said = f"{found}; agreed are {contract.latency_hours:.0f} h. The data stay, marked stale. {advice}."
                    broken.append(self._broken(compiled, compiled.by_id["freshness"], None, figure, 0, said))
                    stale.append(found)
        elif contract.is_required and contract.system in delivering:
            said = (
                f"{contract.title} is required and "
                + ("no delivery of it was ever accepted" if loads else "was never delivered")
                + f". Deliver it into {contract.system}/{contract.object}/."
            )
            broken.append(self._broken(compiled, compiled.by_id["required"], None, None, 0, said))
        return replace(
            report,
            is_delivered=bool(loads) or report.is_delivered,
            broken_rules=tuple(broken),
            stale_reason="; ".join(stale) or None,
            newest_at=newest.modified_at,
            rows_held=sum(load.rows_quarantined + load.rows_unparseable for load in loads),
        )

    def _standing(
        self, connection: duckdb.DuckDBPyConnection, compiled: CompiledContract, load: KnownLoad
    ) -> list[BrokenRule]:
        """The rules that still keep an extract's newest file out, as they were told when it came."""
        results = connection.execute(
            "select rule, figure, message from audit.contract_results where load_id = ? and is_broken "
            "and severity = 'error' and (scope = 'file' or rule = 'readable') order by rule",
            [load.load_id],
        ).fetchall()
        batch = Batch(load.load_id, load.load_number, load.file_name, load.file_sha256, 0, "", self.landed_at)
        return [
            replace(
                self._broken(compiled, compiled.by_id[rule], batch, figure, 0, ""),
                message=message,
                rows_held=load.rows_quarantined,
            )
            for rule, figure, message in results
            if rule in compiled.by_id
        ]


def _by_rule(verdicts: Iterable[Verdict]) -> dict[str, dict[int, float]]:
    return {verdict.rule: verdict.figures for verdict in verdicts}


def _figure(value: float | None, share: bool = False) -> str:
    if value is None:
        return "…"
    return f"{value:.1%}" if share else f"{value:,.2f}".rstrip("0").rstrip(".")
