"""Which tables leave the private build file, and what is promised of each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PUBLISHED_SCHEMAS = ("core", "funnel", "attribution", "revenue", "alignment", "metrics")


@dataclass(frozen=True)
class PublishedTable:
    """One table that readers get.

    Attributes:
        schema: Its schema, the same in the build file and in the warehouse.
        name: Its name.
        description: Comment of the table.
        columns: Comment by column. Where `only_these` is set, no other column is published.
        keys: Each a set of columns that together are never null and occur once.
        personal: Columns that never leave the build file.
        names: Columns with names of accounts or opportunities, which are no persons' names.
        is_about_single_reps: Whether each row is about one rep; such a table is published without rows unless single
            reps may be seen.
    """

    schema: str
    name: str
    description: str
    columns: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[tuple[str, ...], ...] = ()
    personal: frozenset[str] = frozenset()
    only_these: bool = False
    is_about_single_reps: bool = False

    @property
    def full_name(self) -> str:
        """`schema.name`."""
        return f"{self.schema}.{self.name}"


def tables_of_manifest(manifest: Mapping[str, Any]) -> tuple[PublishedTable, ...]:
    """The published tables that dbt builds, with descriptions, keys and personal columns from the manifest."""
    keys: dict[str, list[tuple[str, ...]]] = {}
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test" and node.get("attached_node"):
            key = _key_of_test(node)
            if key:
                keys.setdefault(node["attached_node"], []).append(key)
    return tuple(
        PublishedTable(
            schema=node["schema"],
            name=node["alias"],
            description=" ".join(node["description"].split()),
            columns={name: " ".join(column["description"].split()) for name, column in node["columns"].items()},
            keys=tuple(keys.get(unique_id, [])),
            personal=frozenset(name for name, column in node["columns"].items() if _is_personal(column)),
            is_about_single_reps=bool(node["config"].get("meta", {}).get("is_about_single_reps", False)),
        )
        for unique_id, node in sorted(manifest["nodes"].items())
        if node["resource_type"] == "model"
        and node["schema"] in PUBLISHED_SCHEMAS
        and node["config"]["materialized"] != "ephemeral"
    )


def _key_of_test(node: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The columns of a key test that holds for every row; None of another test, or of a key over an expression."""
    if node["config"].get("where") or node["config"].get("severity", "error").lower() != "error":
        return None
    name = (node.get("test_metadata") or {}).get("name")
    arguments = (node.get("test_metadata") or {}).get("kwargs", {})
    if name == "unique" and str(arguments.get("column_name", "")).isidentifier():
        return (arguments["column_name"],)
    if name == "unique_combination":
        return tuple(arguments["columns"])
    if name == "grain" and not arguments.get("nullable"):
        return tuple(arguments["key"])
    return None


def _is_personal(column: Mapping[str, Any]) -> bool:
    meta = {**column.get("meta", {}), **column.get("config", {}).get("meta", {})}
    tags = [*column.get("tags", []), *column.get("config", {}).get("tags", [])]
    return meta.get("classification") == "personal" or "personal" in tags


def _audit(name: str, description: str, columns: Mapping[str, str], *keys: tuple[str, ...]) -> PublishedTable:
    return PublishedTable("audit", name, description, columns, keys, only_these=True)


AUDIT_TABLES: tuple[PublishedTable, ...] = (
    _audit(
        "loads",
        "One row per file that was ever delivered. Every delivered row is accounted for once: delivered = accepted +"
        " quarantined + unparseable + superseded.",
        {
            "load_id": "Identifier of the load.",
            "load_number": "Rising number of the load.",
            "system": "System that delivered.",
            "object": "Object that was delivered.",
            "file_name": "Name of the file.",
            "file_sha256": "Hash of the file's content; a content loads once.",
            "file_bytes": "Size of the file in bytes.",
            "status": "accepted, partial, stopped or refused.",
            "loaded_at": "When it was loaded, UTC.",
            "rows_delivered": "Rows in the file.",
            "rows_accepted": "Rows that came into the warehouse.",
            "rows_quarantined": "Rows that contract rules hold back.",
            "rows_unparseable": "Rows that could not be read.",
            "rows_superseded": "Rows that said nothing new: duplicates of accepted rows.",
            "contract_version": "Version of the contract that judged it last.",
        },
        ("load_id",),
    ),
    _audit(
        "contract_results",
        "One row per load and contract rule: what the rule found. A rule of the extract as a whole has its own rows.",
        {
            "load_id": "Load that was judged.",
            "load_number": "Number of that load.",
            "system": "System of the extract.",
            "object": "Object of the extract.",
            "contract_id": "Contract.",
            "contract_version": "Version of the contract.",
            "rule": "Rule, `<kind>:<column>`.",
            "kind": "Kind of the rule.",
            "scope": "What it judges: row, file or extract.",
            "severity": "error holds back; warning reports.",
            "blocks_publish": "Whether a break stops publishing.",
            "owner": "Team that can mend it.",
            "is_broken": "Whether it was broken.",
            "is_overridden": "Whether an override lets it pass.",
            "figure": "What was measured; rows for row rules.",
            "minimum": "Least figure that keeps the rule; null where there is none.",
            "maximum": "Greatest figure that keeps the rule; null where there is none.",
            "judged_at": "When it was judged, UTC.",
        },
    ),
    _audit(
        "quarantine_counts",
        "One row per extract and rule that holds rows back now. A row that breaks several rules counts in each.",
        {
            "system": "System of the extract.",
            "object": "Object of the extract.",
            "rule": "Rule that holds rows back.",
            "owner": "Team that can mend it.",
            "rows_held": "Rows held back by it.",
            "files": "Files that brought them.",
            "first_held_at": "Since when the oldest is held, UTC.",
        },
        ("system", "object", "rule", "owner"),
    ),
    _audit(
        "builds",
        "One row per published build of this warehouse, the present one included.",
        {
            "build_id": "Identifier of the build.",
            "build_number": "Rising number of the build; numbers that are missing failed.",
            "started_at": "When it began, UTC.",
            "published_at": "When it was published, UTC.",
            "status": "published.",
            "as_of": "The now of the build, the data cut, UTC.",
            "origin": "What it was built from: extracts, or the demo at a scale.",
            "is_demo": "Whether that is the generated demo.",
            "definition_version": "Definition version in force at as_of; null before the first.",
            "definitions_hash": "Hash of all agreed tables.",
            "code_hash": "Hash of the models, macros and contracts.",
            "is_provisional": "Whether a version that took effect lacks a signature.",
            "is_full_refresh": "Whether it was built anew rather than added to.",
            "stale_extracts": "Extracts that kept older data, separated by commas.",
            "schedule_hash": "Hash of the agreed tables as far as they decide figures: no proposals, signatures or"
            " notes.",
            "last_load_number": "Newest load that the build saw; null where nothing was loaded.",
        },
        ("build_id",),
        ("build_number",),
    ),
    _audit(
        "reported_builds",
        "One row per metric and closed month: the figure of the first build that was published after the month's end."
        " It is frozen; what changed it since stands in audit.restatements.",
        {
            "metric": "Metric.",
            "period_month": "First day of the month.",
            "reported_value": "The figure as first reported.",
            "build_id": "Build that reported it.",
            "reported_at": "When that build was published, UTC.",
            "definition_version": "Definition version in force in that build.",
            "definitions_hash": "Hash of the agreed tables of that build.",
            "code_hash": "Hash of the models, macros and contracts of that build.",
            "is_provisional": "Whether that build was PROVISIONAL.",
        },
        ("metric", "period_month"),
    ),
    _audit(
        "restatements",
        "One row per metric, closed month, build and cause: each change of a figure after it was first reported. The"
        " reported figure and all its changes make the present one.",
        {
            "metric": "Metric.",
            "period_month": "First day of the month.",
            "build_id": "Build that changed it.",
            "cause": "late data: rows or a later data cut; merge: people joined or taken apart; definition: agreed"
            " tables; code; several: more than one that cannot be told apart, listed in causes; not on record.",
            "causes": "The cause, or the several ones, separated by commas.",
            "evidence": "What differs between the two builds: loads, people, versions, code.",
            "reported_value": "The figure as first reported.",
            "previous_value": "The figure before this change.",
            "current_value": "The figure after this change.",
            "difference": "After minus before.",
            "reported_build_id": "Build that reported it first.",
            "previous_build_id": "The published build before this one; null where it is not on record.",
            "restated_at": "When the build was published, UTC.",
        },
        ("metric", "period_month", "build_id", "cause"),
    ),
)


def tables_of_metrics(
    saved_queries: Iterable[tuple[str, str, Sequence[str], Sequence[str]]], catalog: Mapping[str, str]
) -> tuple[PublishedTable, ...]:
    """The tables of the metrics.

    Args:
        saved_queries: Name, description, metrics and dimensions of each, the latter as written in the saved query.
        catalog: What each metric means.
    """
    served = tuple(
        PublishedTable(
            "metrics",
            name,
            description,
            {
                **{_dimension_column(dimension): _dimension_comment(dimension) for dimension in dimensions},
                **{metric: catalog[metric] for metric in metrics},
            },
        )
        for name, description, metrics, dimensions in saved_queries
    )
    return (*served, _CATALOG)


_CATALOG = PublishedTable(
    "metrics",
    "catalog",
    "One row per metric: what it means, how it is computed, who owns it.",
    {
        "name": "Name of the metric, and of its column wherever it is served.",
        "label": "What people call it.",
        "description": "What it means.",
        "formula": "How it is computed, in terms of measures and other metrics.",
        "owner": "Team that answers for it.",
        "unit": "What it is counted in.",
        "grain": "What is counted.",
    },
    keys=(("name",),),
)


def _dimension_column(dimension: str) -> str:
    """The column of `Dimension('stage_entry__motion')` or `TimeDimension('metric_time', 'month')`."""
    return "__".join(re.findall(r"'([^']+)'", dimension)) or dimension


def _dimension_comment(dimension: str) -> str:
    column = _dimension_column(dimension)
    entity, _, name = column.rpartition("__")
    if entity == "metric_time":
        return f"The {name.replace('_', ' ')} of the figures, by its first day."
    return f"The figures' {name.replace('_', ' ')}, as it stands on the {entity.replace('_', ' ')}."


def not_in(tables: Iterable[PublishedTable], present: Iterable[str]) -> list[str]:
    """Names of published tables that are missing among those present."""
    there = set(present)
    return [table.full_name for table in tables if table.full_name not in there]
