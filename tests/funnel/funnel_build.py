"""Run the funnel's models, as dbt compiles them, on rows that a test makes up.

The models are compiled once; a test then fills the tables that they read and executes the compiled SQL in
the order of the graph. So thousands of invented people cost one execution, and what is tested is the SQL
that the product runs.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import yaml

from tests.compiled_models import CompiledFunnel

PROJECT = Path(__file__).resolve().parents[2]
# The compiled SQL names the database by the file that a build is made in.
CATALOG = "build"

#: The models under test, which the build executes; everything else that they read is an input.
UNDER_TEST = (
    "int_definition_versions",
    "int_person_fit_scores",
    "int_activities_weighed",
    "int_person_record_states",
    "int_opportunity_outcomes",
    "int_exits",
    "int_opportunity_runs",
    "int_person_resets",
    "int_person_scores",
    "int_stage_evidence",
    "int_cycles",
    "int_cycle_evidence",
    "int_contracts",
    "int_cycle_origins",
    "dim_definition_versions",
    "fct_stage_entries",
    "fct_lead_cycles",
    "rpt_funnel_conversion",
)

#: The inputs that are models of others: the columns that the funnel reads.
INPUTS: Mapping[str, Mapping[str, str]] = {
    "stg_concord__build_context": {"as_of": "timestamp"},
    "int_people": {"person_id": "varchar", "account_id": "varchar", "is_excluded": "boolean"},
    "int_people_records": {
        "system": "varchar",
        "object": "varchar",
        "record_id": "varchar",
        "record_key": "varchar",
        "person_id": "varchar",
    },
    "int_person_records_unioned": {
        "system": "varchar",
        "object": "varchar",
        "record_id": "varchar",
        "source": "varchar",
        "status": "varchar",
        "status_reason": "varchar",
        "lifecycle_stage": "varchar",
        "rating": "varchar",
        "owner_record_id": "varchar",
        "converted_record_id": "varchar",
        "merged_into_record_id": "varchar",
        "converted_at": "timestamp",
        "created_at": "timestamp",
        "modified_at": "timestamp",
        "is_deleted": "boolean",
    },
    "int_person_changes_unioned": {
        "system": "varchar",
        "object": "varchar",
        "record_id": "varchar",
        "change_id": "varchar",
        "field": "varchar",
        "old_value": "varchar",
        "new_value": "varchar",
        "changed_at": "timestamp",
        "is_deleted": "boolean",
    },
    "int_person_merges_unioned": {"system": "varchar", "object": "varchar", "record_id": "varchar"},
    "int_person_attribute_states": {
        "person_id": "varchar",
        "title": "varchar",
        "industry": "varchar",
        "employees": "bigint",
        "country": "varchar",
        "persona": "varchar",
        "department": "varchar",
        "seniority": "varchar",
        "segment": "varchar",
        "region": "varchar",
        "valid_from": "timestamp",
        "valid_to": "timestamp",
    },
    "int_activities": {
        "activity_id": "varchar",
        "system": "varchar",
        "object": "varchar",
        "person_id": "varchar",
        "record_key": "varchar",
        "campaign_id": "varchar",
        "content_id": "varchar",
        "activity_type": "varchar",
        "source_value": "varchar",
        "direction": "varchar",
        "team": "varchar",
        "channel": "varchar",
        "url": "varchar",
        "weight": "double",
        "is_activity": "boolean",
        "is_response": "boolean",
        "is_hand_raise": "boolean",
        "is_human_touch": "boolean",
        "occurred_at": "timestamp",
    },
    "int_opportunities": {
        "opportunity_id": "varchar",
        "system": "varchar",
        "object": "varchar",
        "account_id": "varchar",
        "person_id": "varchar",
        "rep_id": "varchar",
        "campaign_id": "varchar",
        "opportunity_type": "varchar",
        "stage": "varchar",
        "lead_source": "varchar",
        "loss_reason": "varchar",
        "segment": "varchar",
        "region": "varchar",
        "amount": "decimal(18,2)",
        "renews_opportunity_id": "varchar",
        "original_currency": "varchar",
        "recurring_period": "varchar",
        "original_recurring_amount": "decimal(18,2)",
        "rate": "decimal(18,8)",
        "contract_months": "bigint",
        "is_closed": "boolean",
        "is_won": "boolean",
        "is_deleted": "boolean",
        "contract_start_date": "date",
        "cancelled_at": "timestamp",
        "created_at": "timestamp",
        "won_at": "timestamp",
        "lost_at": "timestamp",
    },
    "int_opportunity_states": {
        "opportunity_id": "varchar",
        "state_number": "bigint",
        "stage": "varchar",
        "amount": "decimal(18,2)",
        "close_date": "date",
        "is_lost": "boolean",
        "valid_from": "timestamp",
    },
    "int_crm_systems_in_use": {"system": "varchar"},
    "int_user_records_unioned": {"system": "varchar", "record_id": "varchar", "is_queue": "boolean"},
}

#: What a row is where a test does not say.
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "int_people": {"is_excluded": False},
    "int_person_records_unioned": {"is_deleted": False, "system": "salesforce", "object": "lead"},
    "int_people_records": {"system": "salesforce", "object": "lead"},
    "int_person_changes_unioned": {
        "is_deleted": False,
        "system": "salesforce",
        "object": "lead",
        "field": "status",
    },
    "int_activities": {
        "system": "hubspot",
        "object": "contact_form_submission",
        "channel": "email",
        "team": "marketing",
        "weight": 0.0,
        "is_activity": True,
        "is_response": False,
        "is_hand_raise": False,
        "is_human_touch": False,
    },
    "int_opportunities": {
        "system": "salesforce",
        "object": "opportunity",
        "opportunity_type": "new",
        "is_closed": False,
        "is_won": False,
        "is_deleted": False,
    },
    "int_opportunity_states": {"is_lost": False},
}


def seed_columns(name: str) -> dict[str, str]:
    """The typed columns of a table of agreed definitions, as its YAML declares them."""
    document = yaml.safe_load((PROJECT / "seeds" / f"{name}.yml").read_text())
    return dict(document["seeds"][0]["config"]["column_types"])


def seed_rows(name: str) -> list[dict[str, str | None]]:
    """The rows of a table of agreed definitions as it is shipped; an empty cell is null."""
    with (PROJECT / "seeds" / f"{name}.csv").open(newline="") as file:
        return [{k: v or None for k, v in row.items()} for row in csv.DictReader(file)]


class FunnelBuild:
    """One build of the funnel on rows that a test made up.

    `tables` has the rows of inputs, by name; `definitions` those of agreed tables that shall differ from
    what is shipped. What neither names is empty, or as shipped. `inputs` and `defaults` describe the inputs of
    other models than the funnel's.
    """

    def __init__(
        self,
        compiled: CompiledFunnel,
        tables: Mapping[str, Sequence[Mapping[str, Any]]],
        *,
        as_of: datetime,
        definitions: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
        threads: int = 2,
        inputs: Mapping[str, Mapping[str, str]] = INPUTS,
        defaults: Mapping[str, Mapping[str, Any]] = DEFAULTS,
    ) -> None:
        self._connection = duckdb.connect(config={"threads": threads})
        self._connection.execute("set TimeZone = 'UTC'; set enable_progress_bar = false")
        self._connection.execute("set preserve_insertion_order = false")
        self._connection.execute(f"attach ':memory:' as {CATALOG}; use {CATALOG}")
        given = {"stg_concord__build_context": [{"as_of": as_of}], **tables}
        unknown = given.keys() - inputs.keys()
        if unknown:
            raise KeyError(f"no inputs of these models: {sorted(unknown)}")
        built = {model.name for model in compiled.models}
        for name, relation in compiled.relations.items():
            if name in built:
                continue
            if name in inputs:
                self._fill(relation, inputs[name], given.get(name, ()), defaults.get(name, {}))
            elif not (PROJECT / "seeds" / f"{name}.yml").is_file():
                readers = ", ".join(model.name for model in compiled.models if name in model.reads)
                raise KeyError(
                    f"{readers} reads {name}, which is neither built here, nor an agreed table, nor an input that this"
                    f" build describes: add {name} and the columns that are read to INPUTS, or to the models under test"
                )
            else:
                rows = (definitions or {}).get(name)
                self._fill(relation, seed_columns(name), seed_rows(name) if rows is None else rows, {})
        for model in compiled.models:
            self._schema(model.relation)
            self._connection.execute(f"create table {model.relation} as\n{model.sql}")
        self._relations = {**compiled.relations, **{m.name: m.relation for m in compiled.models}}

    def _schema(self, relation: str) -> None:
        catalog, schema, _ = relation.split(".")
        self._connection.execute(f"create schema if not exists {catalog}.{schema}")

    def _fill(
        self,
        relation: str,
        columns: Mapping[str, str],
        rows: Iterable[Mapping[str, Any]],
        defaults: Mapping[str, Any],
    ) -> None:
        import pyarrow as pa

        self._schema(relation)
        typed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        self._connection.execute(f"create table {relation} ({typed})")
        data = [{**defaults, **row} for row in rows]
        if not data:
            return
        strangers = set().union(*(row.keys() for row in data)) - columns.keys()
        if strangers:
            raise KeyError(f"{relation} has no columns {sorted(strangers)}")
        staged = pa.table({name: [row.get(name) for row in data] for name in columns})
        self._connection.register("staged_rows", staged)
        casts = ", ".join(f'cast("{name}" as {kind})' for name, kind in columns.items())
        self._connection.execute(f"insert into {relation} select {casts} from staged_rows")
        self._connection.unregister("staged_rows")

    def rows(self, name: str, where: str = "true", order_by: str = "all") -> list[dict[str, Any]]:
        """Rows of a model, as dictionaries, in a fixed order."""
        cursor = self._connection.execute(f"select * from {self._relations[name]} where {where} order by {order_by}")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def close(self) -> None:
        """Let the build go."""
        self._connection.close()
