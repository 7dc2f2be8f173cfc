"""Compiling a contract: each promise becomes a rule with an id, an SQL predicate and words for people.

Row rules are predicates over one staged row; true means broken. Their flags are written while a delivery is
staged, so judging them never evaluates a rule twice. File rules compare one figure of a delivered file with
bounds, most of them taken from the files before it. What both share is that a rule is data: the same list
feeds the flags, the Great Expectations suite, the quarantine's reasons and the messages.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from expectations.contract import Column, Contract, ContractError, ExtractRule

CELL_LIMIT = 1_000_000
"""Longest cell in characters that is let into raw."""

ROW, FILE, EXTRACT = "row", "file", "extract"


@dataclass(frozen=True)
class Rule:
    """One rule of one contract.

    `promise` completes the sentence "<n> rows …" with what was broken; `remedy` says what the owner can do.
    `predicate` (row rules) is SQL over the staged columns, true where broken; a column's text as delivered
    stands beside it as `<column>$text` unless the column is text itself.
    """

    id: str
    kind: str
    scope: str
    severity: str
    promise: str
    remedy: str
    column: str | None = None
    predicate: str | None = None
    can_be_overridden: bool = True
    arguments: tuple[tuple[str, object], ...] = ()

    def argument(self, name: str, default: float) -> float:
        """A numeric argument of a file rule."""
        return float(dict(self.arguments).get(name, default))  # type: ignore[arg-type]


class Definitions:
    """The folder of agreed definitions, read for the values that contracts take from them."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def rows(self, table: str) -> list[dict[str, str]]:
        """All rows of `<table>.csv`; an absent table has none."""
        path = None if self.folder is None else self.folder / f"{table}.csv"
        if path is None or not path.is_file():
            return []
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    def values(self, source: str, contract: Contract) -> tuple[str, ...]:
        """Distinct values of `<table>:<column>`, sorted; raises ContractError where it does not exist."""
        table, column = source.split(":")
        path = None if self.folder is None else self.folder / f"{table}.csv"
        rows = self.rows(table)
        if path is None or not path.is_file() or (rows and column not in rows[0]):
            raise ContractError(
                f"{contract.path}: validValuesFrom '{source}': no definitions table {table}.csv with a column "
                f"'{column}' in {self.folder}"
            )
        return tuple(sorted({row[column] for row in rows if row[column]}))


@dataclass(frozen=True)
class CompiledContract:
    """A contract with its rules, the agreed lists filled in."""

    contract: Contract
    row_rules: tuple[Rule, ...]
    file_rules: tuple[Rule, ...]
    extract_rules: tuple[Rule, ...]
    field_mappings: tuple[tuple[str, str], ...] = ()  # (delivered header, column)

    @cached_property
    def by_id(self) -> dict[str, Rule]:
        """All rules by id."""
        return {rule.id: rule for rule in (*self.row_rules, *self.file_rules, *self.extract_rules)}

    @cached_property
    def content_hash(self) -> str:
        """Changes whenever a row could be judged differently; wording alone does not change it."""
        contract = self.contract
        rules = [replace(rule, promise="", remedy="").__dict__ for rule in (*self.row_rules, *self.file_rules)]
        columns = [(c.name, c.physical_type, c.key_position, c.is_header_required, c.aliases) for c in contract.columns]
        content = [
            columns,
            rules,
            contract.tolerance,
            contract.modified_at,
            contract.is_deleted,
            self.field_mappings,
        ]
        return hashlib.sha256(json.dumps(content, default=str, sort_keys=True).encode()).hexdigest()

    def flag(self, rule: Rule) -> str:
        """Name of the staged column that holds a row rule's flag."""
        return f"_flag_{self.row_rules.index(rule)}"


def literal(value: str) -> str:
    """An SQL text literal."""
    return "'" + value.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A quoted SQL name."""
    return '"' + name.replace('"', '""') + '"'


def as_delivered(column: Column) -> str:
    """SQL name of a column's text as delivered."""
    return identifier(column.name) if column.is_text else identifier(f"{column.name}$text")


def _bound(column: Column, value: str) -> str:
    if column.logical_type in ("date", "timestamp"):
        return f"cast({literal(value)} as {column.physical_type})"
    return value


def _column_rules(contract: Contract, column: Column, values: Sequence[str] | None) -> Iterable[Rule]:
    name, quoted, text = column.name, identifier(column.name), as_delivered(column)
    correct = "Correct them in the source and deliver again"
    if not column.is_text:
        yield Rule(
            f"type:{name}",
            "type",
            ROW,
            "error",
            f"have a {name} that is no {column.logical_type}",
            f"{correct}, or agree on another type in the contract.",
            name,
            f"{text} is not null and {quoted} is null",
            can_be_overridden=False,
        )
    if column.is_required:
        yield Rule(
            f"not_null:{name}",
            "not_null",
            ROW,
            "error",
            f"have no {name}",
            f"{correct}, or agree that {name} may be missing.",
            name,
            f"{text} is null",
            can_be_overridden=column.key_position is None,
        )
    if column.is_text:
        limit = column.max_length or CELL_LIMIT
        yield Rule(
            f"max_length:{name}",
            "max_length",
            ROW,
            "error",
            f"have a {name} longer than {limit} characters",
            f"{correct}, or agree on a greater maxLength.",
            name,
            f"length({quoted}) > {limit}",
        )
    if column.pattern is not None:
        yield Rule(
            f"pattern:{name}",
            "pattern",
            ROW,
            "error",
            f"have a {name} that does not look as agreed",
            f"{correct}, or agree on another pattern.",
            name,
            f"not regexp_full_match({quoted}, {literal(column.pattern)})",
        )
    if values is not None:
        listed = ", ".join(literal(value) for value in values) or "null"
        compared = f"trim({quoted})" if column.is_text else f"lower(cast({quoted} as varchar))"
        where = (
            f"the definitions table {column.valid_values_from.split(':')[0]}"
            if column.valid_values_from
            else "the contract"
        )
        yield Rule(
            f"accepted_values:{name}",
            "accepted_values",
            ROW,
            column.valid_values_severity,
            f"have a {name} that nobody agreed on",
            f"Agree on the value and add it to {where}, or {correct.lower()}.",
            name,
            f"{quoted} is not null and coalesce({compared} not in ({listed}), true)",
        )
    if column.minimum is not None or column.maximum is not None:
        tests = []
        if column.minimum is not None:
            tests.append(f"{quoted} < {_bound(column, column.minimum)}")
        if column.maximum is not None:
            tests.append(f"{quoted} > {_bound(column, column.maximum)}")
        span = f"{column.minimum or '…'} to {column.maximum or '…'}"
        yield Rule(
            f"in_range:{name}",
            "in_range",
            ROW,
            "error",
            f"have a {name} outside {span}",
            f"{correct}, or agree on another range.",
            name,
            " or ".join(tests),
        )
    if column.is_not_after_delivery:
        yield Rule(
            f"not_after_delivery:{name}",
            "not_after_delivery",
            ROW,
            "error",
            f"have a {name} more than a day after they were delivered",
            f"{correct}.",
            name,
            f"cast({quoted} as timestamp) > _landed_at + interval 1 day",
        )
    for reference in column.references:
        target = f"{reference.contract_id}.{reference.column}"
        strict = reference.severity == "error"
        predicate = (
            f"{quoted} is not null and {quoted} not in (select {identifier(reference.column)} from "
            f"raw.{identifier(f'{reference.system}__{reference.object}')} "
            f"where {identifier(reference.column)} is not null)"
        )
        yield Rule(
            f"reference:{name}",
            "reference",
            ROW if strict else EXTRACT,
            reference.severity,
            f"have a {name} that {target} does not have",
            f"Deliver the missing rows of {reference.contract_id}"
            + ("; these rows are judged again when they arrive." if strict else "."),
            name,
            predicate,
            arguments=(("to", target),),
        )


def _extract_rule(rule: ExtractRule) -> Rule:
    arguments = tuple(sorted(rule.arguments.items()))
    said = rule.description
    if rule.kind == "row_condition":
        condition = str(rule.arguments["condition"])
        return Rule(
            f"condition:{rule.name}",
            "condition",
            ROW,
            rule.severity,
            f'break the condition "{said or condition}"',
            "Correct them in the source and deliver again, or agree on another condition.",
            predicate=f"({condition}) is false",
        )
    column = rule.arguments.get("column")
    if rule.kind == "usual_volume":
        return Rule(
            "usual_volume",
            "usual_volume",
            FILE,
            rule.severity,
            "is not the usual volume",
            "Check whether the export was cut or filtered and deliver it again, or accept it in contract_overrides.",
            arguments=arguments,
        )
    if rule.kind == "usual_median":
        return Rule(
            f"usual_median:{column}",
            "usual_median",
            FILE,
            rule.severity,
            f"is not the usual median of {column}",
            "Check the unit (cents, thousands, another currency) and deliver it again, or accept it in "
            "contract_overrides.",
            str(column),
            arguments=arguments,
        )
    return _offsets_rule(str(column), rule.severity)


def _offsets_rule(column: str, severity: str) -> Rule:
    return Rule(
        f"consistent_offsets:{column}",
        "consistent_offsets",
        FILE,
        severity,
        f"is the share of values of {column} that say their offset from UTC, which is mixed or differs from before",
        "Deliver timestamps as before (with Z or an offset, or all in UTC), or accept it in contract_overrides.",
        column,
    )


def compile_contract(contract: Contract, definitions: Definitions) -> CompiledContract:
    """Turn a contract into rules.

    Raises:
        ContractError: an agreed list that a rule needs does not exist, or two rules have the same id.
    """
    rows: list[Rule] = []
    for column in contract.columns:
        values: Sequence[str] | None = column.valid_values
        if column.valid_values_from:
            values = definitions.values(column.valid_values_from, contract)
        rows.extend(_column_rules(contract, column, values))
    rows.append(
        Rule(
            "max_cell",
            "max_cell",
            ROW,
            "error",
            f"have a cell longer than {CELL_LIMIT} characters in a column outside the contract",
            "Leave the cell out of the export.",
            predicate=f"length(_extra) > {CELL_LIMIT}",
        )
    )
    rows.append(
        Rule(
            "unique:key",
            "unique",
            ROW,
            "error",
            f"share their key ({', '.join(contract.key)}) and modification time with a different row of the file",
            "Say which of them holds: deliver the key once.",
            can_be_overridden=False,
        )
    )
    files = [
        Rule(
            "not_empty",
            "not_empty",
            FILE,
            "error",
            "rows came",
            "Check the export and deliver it again.",
            can_be_overridden=False,
        ),
        Rule(
            "columns",
            "columns",
            FILE,
            "error",
            "columns that are agreed or came before are missing",
            "Deliver them again; if they were renamed, add the new name to the contract's aliases.",
        ),
        Rule(
            "tolerance",
            "tolerance",
            FILE,
            "error",
            "of the rows would be held back by row rules",
            f"More than {contract.tolerance:.1%} points to a fault of the whole file: correct the rules named for "
            "it and deliver again, or accept it in contract_overrides.",
        ),
    ]
    for rule in contract.rules:
        compiled = _extract_rule(rule)
        (rows if compiled.scope == ROW else files).append(compiled)
    said = {rule.id for rule in files}
    files.extend(
        rule
        for column in contract.columns
        if column.logical_type == "timestamp" and (rule := _offsets_rule(column.name, "error")).id not in said
    )
    late = [rule for rule in rows if rule.scope == EXTRACT]
    rows = [rule for rule in rows if rule.scope == ROW]
    extract_wide = [
        Rule("required", "required", EXTRACT, "error", "was never delivered", "Deliver it."),
        Rule(
            "freshness",
            "freshness",
            EXTRACT,
            "warning",
            "is older than agreed",
            "Check the export's schedule.",
        ),
        Rule("readable", "readable", EXTRACT, "error", "cannot be read", "Deliver the file again."),
        *late,
    ]
    ids = [rule.id for rule in (*rows, *files, *extract_wide)]
    repeated = {name for name in ids if ids.count(name) > 1}
    if repeated:
        raise ContractError(f"{contract.path}: rule {', '.join(sorted(repeated))} stands twice")
    mappings = tuple(
        sorted(
            (row["source_field"], row["target_column"])
            for row in definitions.rows("field_mappings")
            if row.get("system") == contract.system and row.get("object") == contract.object
        )
    )
    for header, column_name in mappings:
        if column_name not in contract.by_name:
            raise ContractError(
                f"field_mappings: {contract.id}: '{header}' goes to column '{column_name}', which the contract "
                "does not have"
            )
    return CompiledContract(contract, tuple(rows), tuple(files), tuple(extract_wide), mappings)


def normalised(header: str) -> str:
    """A header for matching: lower case, letters and digits only."""
    return re.sub(r"[^a-z0-9]", "", header.lower())


def match_headers(compiled: CompiledContract, headers: Sequence[str]) -> dict[str, int]:
    """Which delivered header each column comes from (column name → position).

    The first that holds wins: a field mapping, the column's own name, the first alias; each also without the
    prefix `property_` that some connectors add. A header is used once; what is left over goes to `_extra`.
    """
    plain = [normalised(header) for header in headers]
    stripped = [
        normalised(header[len("property_") :]) if header.lower().startswith("property_") else "" for header in headers
    ]
    taken: set[int] = set()
    found: dict[str, int] = {}

    def take(column: str, wanted: str) -> None:
        if column in found:
            return
        for names in (plain, stripped):
            for position, name in enumerate(names):
                if name == wanted and name and position not in taken:
                    found[column] = position
                    taken.add(position)
                    return

    for header, column in compiled.field_mappings:
        take(column, normalised(header))
    for column in compiled.contract.columns:
        take(column.name, normalised(column.name))
    longest = max((len(column.aliases) for column in compiled.contract.columns), default=0)
    for rank in range(longest):
        for column in compiled.contract.columns:
            if rank < len(column.aliases):
                take(column.name, normalised(column.aliases[rank]))
    return found
