"""Reading the contracts: one ODCS v3.1 file an extract, parsed strictly.

The standard's own parser ignores keys it does not know inside its objects, and a rule that is ignored is a
rule that nobody checks. So every key is compared with what is understood here first; an unknown one raises
`ContractError`, which names the file and the key.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from open_data_contract_standard.model import OpenDataContractStandard

CONTRACTS = Path(__file__).parent / "contracts"
OWNERS = ("marketing_operations", "sales_operations", "finance_operations")
SEVERITIES = ("error", "warning")
LOGICAL_TYPES = {
    "string": r"varchar",
    "integer": r"bigint|integer",
    "number": r"double|decimal\(\d+,\d+\)",
    "boolean": r"boolean",
    "date": r"date",
    "timestamp": r"timestamp",
}
CLASSIFICATIONS = ("public", "internal", "personal")
_NAME = re.compile(r"[a-z_][a-z0-9_]*")

_CONTRACT_KEYS = {
    "apiVersion",
    "kind",
    "id",
    "name",
    "version",
    "status",
    "domain",
    "description",
    "schema",
    "slaProperties",
    "customProperties",
    "tags",
}
# What may change under one version: whom it was signed by is left out beside these, and every description.
_NO_TERMS = {"apiVersion", "kind", "name", "version", "status", "domain", "tags"}
_DESCRIPTION_KEYS = {"purpose", "usage", "limitations"}
_OBJECT_KEYS = {"name", "physicalName", "physicalType", "description", "properties", "quality", "tags"}
_COLUMN_KEYS = {
    "name",
    "logicalType",
    "physicalType",
    "description",
    "classification",
    "primaryKey",
    "primaryKeyPosition",
    "required",
    "relationships",
    "logicalTypeOptions",
    "quality",
    "customProperties",
    "tags",
    "examples",
}
_OPTION_KEYS = {
    "string": {"maxLength", "pattern"},
    "integer": {"minimum", "maximum"},
    "number": {"minimum", "maximum"},
    "boolean": set(),
    "date": {"minimum", "maximum"},
    "timestamp": {"minimum", "maximum"},
}
_VALUES_KEYS = {"type", "metric", "arguments", "mustBe", "severity", "name", "description"}
_CUSTOM_KEYS = {"type", "engine", "name", "severity", "implementation", "description"}
_RULE_ARGUMENTS: dict[str, tuple[set[str], set[str]]] = {  # rule: (needed, optional)
    "usual_volume": ({"minRatio", "maxRatio"}, {"minRows"}),
    "usual_median": ({"column", "maxRatio"}, {"minRows"}),
    "row_condition": ({"condition"}, set()),
    "consistent_offsets": ({"column"}, set()),
}
_COLUMN_PROPERTIES = {"aliases", "columnRequired", "notAfterDelivery"}
_CONTRACT_PROPERTIES = {
    "owner",
    "delivery",
    "required",
    "modifiedAt",
    "isDeleted",
    "eventTime",
    "tolerance",
    "blocksPublish",
    "signedByMarketing",
    "signedByMarketingOn",
    "signedBySales",
    "signedBySalesOn",
}

TECHNICAL_COLUMNS: tuple[tuple[str, str, str], ...] = (
    ("_key", "varchar", "The key columns, joined by |."),
    ("_row_hash", "varchar", "Hash of the row's content."),
    (
        "_extra",
        "varchar",
        "Delivered columns that the contract does not know, as JSON; null where there are none.",
    ),
    (
        "_modified_at",
        "timestamp",
        "When the record was last changed, UTC; null where the extract does not say.",
    ),
    ("_is_deleted", "boolean", "Whether the source deleted the record."),
    ("_is_current", "boolean", "Whether this is the newest version of its key."),
    ("_valid_to", "timestamp", "When a newer version of the key takes over, UTC; null where none does."),
    ("_load_id", "varchar", "The delivery that brought this version, see audit.loads."),
    ("_load_number", "bigint", "Number of that delivery; rises."),
    ("_file_name", "varchar", "File that brought this version."),
    ("_row_number", "bigint", "Number of the row in that file, from 1."),
    (
        "_last_file_name",
        "varchar",
        "Greatest name of the files that delivered this same version; orders versions.",
    ),
    (
        "_last_delivery",
        "bigint",
        "Number of the newest delivery under that name; orders versions of one file name.",
    ),
    (
        "_written_in",
        "bigint",
        "Number of the first build that sees the row as it now stands: later builds know what changed since.",
    ),
)
"""Columns that every raw table has beside its contract's: name, type, description."""


class ContractError(Exception):
    """A contract says something that is not understood, or contradicts itself; nothing was compiled."""


@dataclass(frozen=True)
class Reference:
    """The column's values exist in `column` of the extract `<system>.<object>`."""

    system: str
    object: str
    column: str
    severity: str

    @property
    def contract_id(self) -> str:
        """Id of the contract it points to."""
        return f"{self.system}.{self.object}"


@dataclass(frozen=True)
class Column:
    """One column of raw, and what a contract asks of its values."""

    name: str
    logical_type: str
    physical_type: str
    description: str
    classification: str
    key_position: int | None = None
    is_required: bool = False
    is_header_required: bool = False
    is_not_after_delivery: bool = False
    aliases: tuple[str, ...] = ()
    max_length: int | None = None
    pattern: str | None = None
    minimum: str | None = None
    maximum: str | None = None
    valid_values: tuple[str, ...] | None = None
    valid_values_from: str | None = None  # <definitions table>:<column>
    valid_values_severity: str = "error"
    references: tuple[Reference, ...] = ()

    @property
    def is_text(self) -> bool:
        """Whether it is kept as text, so that no cast can fail."""
        return self.physical_type == "varchar"


@dataclass(frozen=True)
class ExtractRule:
    """A rule about the extract as a whole or about several columns of a row."""

    name: str
    kind: str
    severity: str
    arguments: Mapping[str, Any]
    description: str | None = None


@dataclass(frozen=True)
class Contract:
    """One extract as both teams signed it."""

    path: Path
    system: str
    object: str
    title: str
    version: str
    status: str
    purpose: str
    usage: str | None
    limitations: str | None
    description: str
    columns: tuple[Column, ...]
    rules: tuple[ExtractRule, ...]
    owner: str
    delivery: str
    is_required: bool
    modified_at: tuple[str, ...]
    is_deleted: str | None
    event_time: str | None
    tolerance: float
    blocks_publish: bool
    latency_hours: float | None = None
    latency_column: str | None = None
    signatures: Mapping[str, str] = field(default_factory=dict)
    # What was agreed, place by place, as the file says it: all but the version itself, who signed, and prose.
    terms: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """`<system>.<object>`."""
        return f"{self.system}.{self.object}"

    @cached_property
    def terms_hash(self) -> str:
        """Changes whenever what was agreed changes; who signed it, and prose, do not change it."""
        return hashlib.sha256(json.dumps(self.terms, default=str, sort_keys=True).encode()).hexdigest()

    @property
    def raw_table(self) -> str:
        """Name of its table in schema raw."""
        return f"{self.system}__{self.object}"

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """Columns by name."""
        return {column.name: column for column in self.columns}

    @cached_property
    def key(self) -> tuple[str, ...]:
        """Names of the key columns, in order."""
        keyed = [column for column in self.columns if column.key_position is not None]
        return tuple(column.name for column in sorted(keyed, key=lambda column: column.key_position or 0))

    @property
    def references(self) -> tuple[tuple[Column, Reference], ...]:
        """Every reference with the column it starts from."""
        return tuple((column, reference) for column in self.columns for reference in column.references)


class _UniqueKeyLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """YAML in which a key that stands twice is an error instead of the last one winning."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping, refusing a repeated key."""
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise ContractError(f"key '{key}' stands twice (line {key_node.start_mark.line + 1})")
            seen.add(key)
        return super().construct_mapping(node, deep)


class _Reader:
    """Reads one file; every complaint names the file and the place in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fail(self, where: str, problem: str) -> ContractError:
        return ContractError(f"{self.path}: {where}: {problem}")

    def known(self, where: str, value: Any, keys: Iterable[str]) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.fail(where, f"expected a mapping, found {type(value).__name__}")
        unknown = sorted(set(map(str, value)) - set(keys))
        if unknown:
            raise self.fail(where, f"unknown key {', '.join(map(repr, unknown))}; known: {', '.join(sorted(keys))}")
        return value

    def one_of(self, where: str, value: Any, allowed: Iterable[Any]) -> Any:
        if value not in tuple(allowed):
            raise self.fail(where, f"{value!r} is not one of {', '.join(map(str, allowed))}")
        return value

    def text(self, where: str, value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise self.fail(where, "needs a text")
        return value.strip()

    def properties(self, where: str, value: Any, allowed: set[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for entry in value or []:
            self.known(where, entry, {"property", "value", "description"})
            name = self.one_of(f"{where}: property", entry.get("property"), sorted(allowed))
            if name in found:
                raise self.fail(where, f"property '{name}' stands twice")
            found[name] = entry.get("value")
        return found

    def flag(self, where: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self.fail(where, f"needs true or false, found {value!r}")
        return value

    def number(self, where: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.fail(where, f"needs a number, found {value!r}")
        return float(value)

    def column(self, raw: Any) -> Column:
        name = raw.get("name") if isinstance(raw, dict) else None
        where = f"column '{name}'"
        self.known(where, raw, _COLUMN_KEYS)
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise self.fail(where, "a column's name is lower case letters, digits and underscores")
        logical = self.one_of(f"{where}: logicalType", raw.get("logicalType"), LOGICAL_TYPES)
        physical = str(raw.get("physicalType"))
        if not re.fullmatch(LOGICAL_TYPES[logical], physical):
            raise self.fail(where, f"physicalType '{physical}' does not carry logicalType '{logical}'")
        options = self.known(f"{where}: logicalTypeOptions", raw.get("logicalTypeOptions") or {}, _OPTION_KEYS[logical])
        if "pattern" in options:
            try:
                re.compile(options["pattern"])
            except re.error as problem:
                raise self.fail(where, f"pattern is no regular expression: {problem}") from problem
        bounds = {
            end: self._bound(f"{where}: {end}", logical, options[end])
            for end in ("minimum", "maximum")
            if end in options
        }
        extra = self.properties(f"{where}: customProperties", raw.get("customProperties"), _COLUMN_PROPERTIES)
        aliases = extra.get("aliases") or []
        if not isinstance(aliases, list) or not all(isinstance(alias, str) for alias in aliases):
            raise self.fail(where, "aliases needs a list of header names")
        is_key = self.flag(f"{where}: primaryKey", raw.get("primaryKey", False))
        not_after = self.flag(f"{where}: notAfterDelivery", extra.get("notAfterDelivery", False))
        if not_after and logical not in ("date", "timestamp"):
            raise self.fail(where, "notAfterDelivery is for dates and timestamps")
        values = self._valid_values(where, raw.get("quality") or [])
        return Column(
            name=name,
            logical_type=logical,
            physical_type=physical,
            description=self.text(f"{where}: description", raw.get("description")),
            classification=self.one_of(f"{where}: classification", raw.get("classification"), CLASSIFICATIONS),
            key_position=int(raw.get("primaryKeyPosition") or 1) if is_key else None,
            # A part of the key may be empty, or not delivered, where the contract says so in as many words.
            is_required=self.flag(f"{where}: required", raw.get("required", is_key)),
            is_header_required=self.flag(f"{where}: columnRequired", extra.get("columnRequired", is_key)),
            is_not_after_delivery=not_after,
            aliases=tuple(aliases),
            max_length=int(options["maxLength"]) if "maxLength" in options else None,
            pattern=options.get("pattern"),
            minimum=bounds.get("minimum"),
            maximum=bounds.get("maximum"),
            references=tuple(self._reference(where, entry) for entry in raw.get("relationships") or []),
            **values,
        )

    def _bound(self, where: str, logical: str, value: Any) -> str:
        if logical in ("integer", "number"):
            self.number(where, value)
            return str(value)
        text = value.isoformat() if isinstance(value, date | datetime) else str(value)
        try:
            datetime.fromisoformat(text)
        except ValueError as problem:
            raise self.fail(where, f"{value!r} is no ISO date or timestamp") from problem
        return text

    def _valid_values(self, where: str, quality: list[Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for rule in quality:
            place = f"{where}: quality"
            self.known(place, rule, _VALUES_KEYS)
            self.one_of(f"{place}: type", rule.get("type"), ["library"])
            self.one_of(f"{place}: metric", rule.get("metric"), ["invalidValues"])
            self.one_of(f"{place}: mustBe", rule.get("mustBe"), [0])
            if found:
                raise self.fail(place, "accepted values are listed once a column")
            arguments = self.known(f"{place}: arguments", rule.get("arguments"), {"validValues", "validValuesFrom"})
            if len(arguments) != 1:
                raise self.fail(place, "needs either validValues or validValuesFrom")
            found["valid_values_severity"] = self.one_of(
                f"{place}: severity", rule.get("severity", "error"), SEVERITIES
            )
            if "validValues" in arguments:
                values = arguments["validValues"]
                if not isinstance(values, list) or not values:
                    raise self.fail(place, "validValues needs a list")
                found["valid_values"] = tuple(
                    str(value).lower() if isinstance(value, bool) else str(value) for value in values
                )
            else:
                source = self.text(place, arguments["validValuesFrom"])
                if not re.fullmatch(r"[a-z_]+:[a-z_]+", source):
                    raise self.fail(place, f"validValuesFrom '{source}' is not <definitions table>:<column>")
                found["valid_values_from"] = source
        return found

    def _reference(self, where: str, raw: Any) -> Reference:
        place = f"{where}: relationships"
        self.known(place, raw, {"type", "to", "customProperties", "description"})
        self.one_of(f"{place}: type", raw.get("type", "foreignKey"), ["foreignKey"])
        parts = str(raw.get("to")).split(".")
        if len(parts) != 3 or not all(_NAME.fullmatch(part) for part in parts):
            raise self.fail(place, f"to '{raw.get('to')}' is not <system>.<object>.<column>")
        extra = self.properties(f"{place}: customProperties", raw.get("customProperties"), {"severity"})
        severity = self.one_of(f"{place}: severity", extra.get("severity", "error"), SEVERITIES)
        return Reference(parts[0], parts[1], parts[2], severity)

    def extract_rule(self, raw: Any) -> ExtractRule:
        name = raw.get("name") if isinstance(raw, dict) else None
        where = f"quality '{name}'"
        self.known(where, raw, _CUSTOM_KEYS)
        self.one_of(f"{where}: type", raw.get("type"), ["custom"])
        self.one_of(f"{where}: engine", raw.get("engine"), ["concord"])
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise self.fail(where, "needs a name of lower case letters, digits and underscores")
        arguments = dict(raw.get("implementation") or {})
        kind = self.one_of(f"{where}: rule", arguments.pop("rule", None), sorted(_RULE_ARGUMENTS))
        needed, optional = _RULE_ARGUMENTS[kind]
        self.known(where, arguments, needed | optional)
        if needed - set(arguments):
            raise self.fail(where, f"rule {kind} needs {', '.join(sorted(needed - set(arguments)))}")
        for ratio in {"minRatio", "maxRatio", "minRows"} & set(arguments):
            self.number(f"{where}: {ratio}", arguments[ratio])
        severity = self.one_of(f"{where}: severity", raw.get("severity", "error"), SEVERITIES)
        return ExtractRule(name, kind, severity, arguments, raw.get("description"))


def read_contract(path: Path) -> Contract:
    """Read one contract file `<system>/<object>.odcs.yaml`.

    Raises:
        ContractError: unknown key, rule or value, or a contract that contradicts its file name or itself.
    """
    reader = _Reader(path)
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)
    except ContractError as problem:
        raise reader.fail("yaml", str(problem)) from problem
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise reader.fail("yaml", f"cannot be read: {problem}") from problem
    reader.known("contract", raw, _CONTRACT_KEYS)
    try:
        OpenDataContractStandard.model_validate(raw)
    except ValueError as problem:
        raise reader.fail("contract", f"is not ODCS: {problem}") from problem
    reader.one_of("apiVersion", raw.get("apiVersion"), ["v3.1.0"])
    reader.one_of("kind", raw.get("kind"), ["DataContract"])
    system, object_name = path.parent.name, path.name.removesuffix(".odcs.yaml")
    reader.one_of("id", raw.get("id"), [f"{system}.{object_name}"])
    about = reader.known("description", raw.get("description"), _DESCRIPTION_KEYS)
    objects = raw.get("schema") or []
    if len(objects) != 1:
        raise reader.fail("schema", "a contract describes exactly one extract")
    table = reader.known("schema", objects[0], _OBJECT_KEYS)
    reader.one_of("schema: name", table.get("name"), [object_name])
    reader.one_of("schema: physicalName", table.get("physicalName"), [f"{system}__{object_name}"])
    columns = tuple(reader.column(entry) for entry in table.get("properties") or [])
    rules = tuple(reader.extract_rule(entry) for entry in table.get("quality") or [])
    extra = reader.properties("customProperties", raw.get("customProperties"), _CONTRACT_PROPERTIES)
    missing = {"owner", "delivery", "required", "tolerance", "blocksPublish"} - set(extra)
    if missing:
        raise reader.fail("customProperties", f"{', '.join(sorted(missing))} must be said")
    modified = extra.get("modifiedAt") or []
    latency = _read_latency(reader, object_name, raw.get("slaProperties") or [])
    contract = Contract(
        path=path,
        system=system,
        object=object_name,
        title=reader.text("name", raw.get("name")),
        version=reader.text("version", raw.get("version")),
        status=reader.text("status", raw.get("status")),
        purpose=reader.text("description: purpose", about.get("purpose")),
        usage=about.get("usage"),
        limitations=about.get("limitations"),
        description=reader.text("schema: description", table.get("description")),
        columns=columns,
        rules=rules,
        owner=reader.one_of("owner", extra["owner"], OWNERS),
        delivery=reader.one_of("delivery", extra["delivery"], ["full", "delta"]),
        is_required=reader.flag("required", extra["required"]),
        modified_at=tuple([modified] if isinstance(modified, str) else modified),
        is_deleted=extra.get("isDeleted"),
        event_time=extra.get("eventTime"),
        tolerance=reader.number("tolerance", extra["tolerance"]),
        blocks_publish=reader.flag("blocksPublish", extra["blocksPublish"]),
        latency_hours=latency[0],
        latency_column=latency[1],
        signatures={name: str(value) for name, value in extra.items() if name.startswith("signed") and value},
        terms=_terms({key: value for key, value in raw.items() if key not in _NO_TERMS}),
    )
    _check(reader, contract)
    return contract


def _terms(value: Any, place: str = "") -> dict[str, Any]:
    """What a part of a contract says, by its place; entries of a list by their name rather than by their number."""
    if isinstance(value, dict):
        return {
            where: said
            for key, entry in value.items()
            if key != "description"
            for where, said in _terms(entry, f"{place}.{key}" if place else key).items()
        }
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        return {place: value}
    found: dict[str, Any] = {}
    for number, entry in enumerate(value):
        name = str(entry.get("name") or entry.get("property") or number)
        if not name.startswith("signed"):
            said = {key: part for key, part in entry.items() if key not in {"name", "property"}}
            found |= _terms(said, f"{place}.{name}")
    return found


def _read_latency(reader: _Reader, object_name: str, properties: list[Any]) -> tuple[float | None, str | None]:
    found: tuple[float | None, str | None] = (None, None)
    for entry in properties:
        reader.known("slaProperties", entry, {"property", "value", "unit", "element", "description"})
        reader.one_of("slaProperties: property", entry.get("property"), ["latency"])
        hours = {"h": 1.0, "d": 24.0}[reader.one_of("slaProperties: unit", entry.get("unit"), ["h", "d"])]
        element = str(entry.get("element")).split(".")
        if len(element) != 2 or element[0] != object_name:
            raise reader.fail("slaProperties", f"element '{entry.get('element')}' is not {object_name}.<column>")
        if found[0] is not None:
            raise reader.fail("slaProperties", "latency stands twice")
        found = (reader.number("slaProperties: value", entry.get("value")) * hours, element[1])
    return found


def _check(reader: _Reader, contract: Contract) -> None:
    names = [column.name for column in contract.columns]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise reader.fail("schema", f"column {', '.join(sorted(repeated))} stands twice")
    if not contract.key:
        raise reader.fail("schema", "no column is a primaryKey")
    if not any(contract.by_name[name].is_required for name in contract.key):
        raise reader.fail("schema", "every part of the primaryKey may be empty, so nothing tells rows apart")
    positions = sorted(c.key_position for c in contract.columns if c.key_position is not None)
    if positions != list(range(1, len(positions) + 1)):
        raise reader.fail("schema", f"primaryKeyPosition runs {positions}, not 1, 2, …")

    def typed(where: str, name: str, *types: str) -> None:
        if name not in contract.by_name:
            raise reader.fail(where, f"names column '{name}', which the contract does not have")
        if contract.by_name[name].logical_type not in types:
            raise reader.fail(where, f"column '{name}' is no {' or '.join(types)}")

    for name in contract.modified_at:
        typed("modifiedAt", name, "timestamp", "date")
    if contract.is_deleted:
        typed("isDeleted", contract.is_deleted, "boolean")
    if contract.event_time:
        typed("eventTime", contract.event_time, "timestamp", "date")
    if contract.latency_column:
        typed("slaProperties", contract.latency_column, "timestamp", "date")
    seen: set[str] = set()
    for rule in contract.rules:
        if rule.name in seen:
            raise reader.fail(f"quality '{rule.name}'", "stands twice")
        seen.add(rule.name)
        if rule.kind == "usual_median":
            typed(f"quality '{rule.name}'", rule.arguments["column"], "number", "integer")
        if rule.kind == "consistent_offsets":
            typed(f"quality '{rule.name}'", rule.arguments["column"], "timestamp")
        if rule.kind == "usual_volume" and contract.delivery == "delta" and not contract.event_time:
            raise reader.fail(f"quality '{rule.name}'", "a delta extract needs eventTime to count rows a day")
    if not 0 <= contract.tolerance <= 1:
        raise reader.fail("tolerance", "is a share between 0 and 1")
    for column, reference in contract.references:
        if reference.contract_id == contract.id and reference.severity == "error":
            raise reader.fail(f"column '{column.name}'", "a reference to its own extract can only be a warning")


def read_contracts(folder: Path = CONTRACTS) -> dict[str, Contract]:
    """All contracts of a folder, by id, in order: an extract after those it strictly refers to.

    Raises:
        ContractError: a file is not understood, a reference points nowhere, or strict references go in a circle.
    """
    contracts: dict[str, Contract] = {}
    for path in sorted(folder.glob("*/*")):
        if path.name.startswith("."):
            continue
        if not path.name.endswith(".odcs.yaml"):
            raise ContractError(f"{path}: is no contract; contracts are named <object>.odcs.yaml")
        contract = read_contract(path)
        contracts[contract.id] = contract
    if not contracts:
        raise ContractError(f"{folder}: no contract in it")
    for contract in contracts.values():
        for column, reference in contract.references:
            parent = contracts.get(reference.contract_id)
            if parent is None or reference.column not in parent.by_name:
                raise ContractError(
                    f"{contract.path}: column '{column.name}': refers to {reference.contract_id}.{reference.column}, "
                    f"which no contract has"
                )
    return {name: contracts[name] for name in _parents_first(contracts)}


def _parents_first(contracts: Mapping[str, Contract]) -> list[str]:
    strict = {
        name: {ref.contract_id for _, ref in contract.references if ref.severity == "error"}
        for name, contract in contracts.items()
    }
    order: list[str] = []
    while len(order) < len(contracts):
        ready = sorted(n for n, parents in strict.items() if n not in order and parents <= set(order))
        if not ready:
            rest = sorted(set(contracts) - set(order))
            raise ContractError(
                f"references of severity error go in a circle among {', '.join(rest)}; make one of them a warning"
            )
        order.extend(ready)
    return order
