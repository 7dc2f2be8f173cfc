"""Runs the identity models alone, on given person records: the union models that feed them are put in as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from tests.dbt_on import TestBuild

PROJECT = Path(__file__).parents[2]
TEXT = "varchar"
PERSON_COLUMNS = {
    **dict.fromkeys(
        (
            "system", "object", "record_id", "record_type", "email", "phone", "first_name", "last_name", "title",
            "company", "website", "industry",
        ),
        TEXT,
    ),
    "employees": "bigint",
    **dict.fromkeys(
        (
            "country", "account_record_id", "owner_record_id", "source", "self_reported_source", "status",
            "status_reason", "lifecycle_stage", "rating", "crm_record_id", "converted_record_id",
            "converted_opportunity_record_id", "merged_into_record_id",
        ),
        TEXT,
    ),
    **dict.fromkeys(("converted_at", "handed_over_at", "opted_out_at", "created_at", "modified_at"), "timestamp"),
    "is_deleted": "boolean",
}  # fmt: skip
INPUTS: dict[str, dict[str, str]] = {
    "int_person_records_unioned": PERSON_COLUMNS,
    "int_person_merges_unioned": {
        **dict.fromkeys(("system", "object", "record_id", "into_record_id"), TEXT),
        "merged_at": "timestamp",
        "modified_at": "timestamp",
        "is_deleted": "boolean",
    },
    "int_person_changes_unioned": {
        **dict.fromkeys(("system", "object", "record_id", "change_id", "field", "old_value", "new_value"), TEXT),
        "changed_at": "timestamp",
        "modified_at": "timestamp",
        "is_deleted": "boolean",
    },
    "int_account_records_unioned": {
        **dict.fromkeys(("system", "object", "record_id", "account_name", "website", "industry"), TEXT),
        "employees": "bigint",
        **dict.fromkeys(("country", "owner_record_id", "parent_record_id", "merged_into_record_id"), TEXT),
        "created_at": "timestamp",
        "modified_at": "timestamp",
        "is_deleted": "boolean",
    },
    "int_identifications_unioned": {
        **dict.fromkeys(
            ("system", "object", "record_id", "visitor_id", "person_system", "person_object", "person_record_id"),
            TEXT,
        ),
        "identified_at": "timestamp",
        "modified_at": "timestamp",
        "is_deleted": "boolean",
    },
    "int_activity_records_unioned": {
        **dict.fromkeys(
            ("system", "object", "record_id", "person_object", "person_record_id", "visitor_id", "user_agent"), TEXT
        ),
        "occurred_at": "timestamp",
        "is_deleted": "boolean",
    },
    "int_crm_systems_in_use": {"system": TEXT, "is_fallback": "boolean"},
}
SEEDS = (
    "countries",
    "regions",
    "segments",
    "personas",
    "shared_mailboxes",
    "placeholders",
    "free_mail_domains",
    "email_providers",
    "internal_domains",
    "competitors",
    "identity_overrides",
    "lead_rules",
    "definition_versions",
)
MODELS = "path:models/intermediate/identity"


class IdentityBuild:
    """One build file with the inputs of the identity models in it; `run` builds the models on them."""

    def __init__(self, folder: Path, as_of: str = "2026-07-01") -> None:
        self._build = TestBuild(folder)
        self.file = self._build.file
        with duckdb.connect(self.file) as connection:
            connection.execute("create schema if not exists intermediate")
            connection.execute("create schema if not exists staging")
            connection.execute(
                "create or replace table staging.stg_concord__build_context as "
                "select 'b' as build_id, 1::bigint as build_number, false as is_demo, ?::timestamp as as_of",
                [as_of],
            )
            for name, columns in INPUTS.items():
                spelled = ", ".join(f"{column} {kind}" for column, kind in columns.items())
                connection.execute(f"create or replace table intermediate.{name} ({spelled})")
            connection.execute(
                "insert into intermediate.int_crm_systems_in_use values ('salesforce', false), ('crm', false)"
            )
        self._seeded = False

    def fill(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Replace the rows of one input; columns that a row does not have are null."""
        with duckdb.connect(self.file) as connection:
            connection.execute(f"delete from intermediate.{name}")
            for row in rows:
                columns = ", ".join(row)
                marks = ", ".join("?" * len(row))
                connection.execute(f"insert into intermediate.{name} ({columns}) values ({marks})", list(row.values()))

    def fill_from(self, name: str, query: str) -> None:
        """Replace the rows of one input by those of a query that names its columns."""
        with duckdb.connect(self.file) as connection:
            connection.execute(f"delete from intermediate.{name}")
            connection.execute(f"insert into intermediate.{name} by name {query}")

    def fill_shuffled(self, name: str, places: Path) -> None:
        """Write the rows of one input anew in the order of `places` (Parquet: place, row_number)."""
        with duckdb.connect(self.file) as connection:
            connection.execute(
                f"create temp table numbered as select *, row_number() over () - 1 as place from intermediate.{name}"
            )
            connection.execute(f"delete from intermediate.{name}")
            connection.execute(
                f"insert into intermediate.{name} by name select numbered.* exclude (place) from numbered "
                f"inner join '{places}' as places using (place) order by places.row_number"
            )

    def override(self, rows: Sequence[Sequence[str]]) -> None:
        """Replace the rows of the seed identity_overrides in the build file, after a first `run`."""
        with duckdb.connect(self.file) as connection:
            connection.execute("delete from definitions.identity_overrides")
            for row in rows:
                connection.execute("insert into definitions.identity_overrides values (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def run(self, select: str = MODELS) -> None:
        """Build the seeds (once) and the identity models."""
        seeds = () if self._seeded else SEEDS
        self._build.dbt(
            *("--quiet", "build", "--resource-types", "seed", "model", "--select", *seeds, *select.split()),
            *("--exclude", "int_opportunity_people_linked"),
        )
        self._seeded = True

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query on the build file."""
        with duckdb.connect(self.file, read_only=True) as connection:
            return connection.execute(sql).fetchall()
