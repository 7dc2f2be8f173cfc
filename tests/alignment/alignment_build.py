"""Run the models of the alignment bridge, as dbt compiles them, on rows that a test makes up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from tests.compiled_models import CompiledFunnel
from tests.funnel.funnel_build import FunnelBuild

UNDER_TEST = (
    "int_held_back_records",
    "int_team_deals",
    "int_team_figure_records",
    "fct_shared_records",
    "fct_team_figures",
    "fct_alignment_records",
    "fct_alignment_steps",
    "rpt_alignment_bridge",
)
_RECORD = {"system": "varchar", "object": "varchar", "record_id": "varchar"}
_DEAL = {
    **_RECORD,
    "crm_record_id": "varchar",
    "opportunity_type": "varchar",
    "stage": "varchar",
    "amount": "decimal(18,2)",
    "currency": "varchar",
    "close_date": "date",
    "is_won": "boolean",
    "is_closed": "boolean",
    "created_at": "timestamp",
    "modified_at": "timestamp",
    "is_deleted": "boolean",
}
#: The columns that the models read of the models of others.
INPUTS: Mapping[str, Mapping[str, str]] = {
    "stg_concord__build_context": {"as_of": "timestamp"},
    "stg_concord__held_back_values": {
        "held_row_id": "varchar",
        "system": "varchar",
        "object": "varchar",
        "owner": "varchar",
        "field_key": "varchar",
        "field_value": "varchar",
        "load_number": "bigint",
        "row_in_file": "bigint",
    },
    "stg_salesforce__opportunities": _DEAL,
    "stg_crm__opportunities": _DEAL,
    "stg_hubspot__deals": _DEAL,
    "stg_marketing__deals": _DEAL,
    "stg_hubspot__deal_pipeline_stages": {
        "system": "varchar",
        "record_id": "varchar",
        "is_won": "boolean",
        "is_closed": "boolean",
    },
    "stg_finance__invoiced_amounts": {
        **_RECORD,
        "month": "date",
        "account_record_id": "varchar",
        "amount": "decimal(18,2)",
        "currency": "varchar",
        "is_deleted": "boolean",
    },
    "stg_reported__figures": {
        "kpi": "varchar",
        "side": "varchar",
        "month": "date",
        "reported_value": "decimal(18,4)",
        "link": "varchar",
        "is_deleted": "boolean",
    },
    "int_crm_systems_in_use": {"system": "varchar", "is_fallback": "boolean"},
    "int_person_records_unioned": {
        **_RECORD,
        "record_key": "varchar",
        "record_type": "varchar",
        "status": "varchar",
        "status_reason": "varchar",
        "lifecycle_stage": "varchar",
        "rating": "varchar",
        "source": "varchar",
        "crm_record_id": "varchar",
        "merged_into_record_id": "varchar",
        "converted_at": "timestamp",
        "created_at": "timestamp",
        "modified_at": "timestamp",
        "is_deleted": "boolean",
    },
    "int_person_changes_unioned": {
        **_RECORD,
        "change_id": "varchar",
        "field": "varchar",
        "old_value": "varchar",
        "new_value": "varchar",
        "changed_at": "timestamp",
        "is_deleted": "boolean",
    },
    "int_people_records": {**_RECORD, "record_key": "varchar", "person_id": "varchar"},
    "int_person_identifiers": {
        "record_key": "varchar",
        "email_normalised": "varchar",
        "is_shared_mailbox": "boolean",
    },
    "int_opportunities": {**_RECORD, "opportunity_id": "varchar", "is_deleted": "boolean"},
    "int_fx_rates": {
        "currency": "varchar",
        "valid_from": "date",
        "valid_to": "date",
        "rate": "decimal(18,8)",
    },
    "int_account_records": {"record_id": "varchar", "account_id": "varchar"},
    "bridge_person_records": {**_RECORD, "person_id": "varchar", "is_deleted": "boolean"},
    "dim_people": {"person_id": "varchar", "is_excluded": "boolean"},
    "dim_dates": {"month_start_date": "date"},
    "fct_opportunities": {
        "opportunity_id": "varchar",
        "person_id": "varchar",
        "account_id": "varchar",
        "original_currency": "varchar",
        "original_amount": "decimal(18,2)",
        "amount": "decimal(18,2)",
        "is_won": "boolean",
        "created_date": "date",
        "closed_date": "date",
        "created_at": "timestamp",
        "closed_at": "timestamp",
    },
    "fct_stage_entries": {
        "entry_id": "varchar",
        "person_id": "varchar",
        "account_id": "varchar",
        "opportunity_id": "varchar",
        "stage": "varchar",
        "grade": "varchar",
        "is_inferred": "boolean",
        "entered_date": "date",
        "entered_at": "timestamp",
    },
    "fct_lead_cycles": {
        "grade": "varchar",
        "amount": "decimal(18,2)",
        "is_won": "boolean",
        "is_mql_inferred": "boolean",
        "mql_at": "timestamp",
        "won_at": "timestamp",
    },
}
_ALIVE = {"is_deleted": False}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "stg_concord__held_back_values": {"owner": "marketing_operations", "load_number": 1, "row_in_file": 1},
    "stg_salesforce__opportunities": {"system": "salesforce", "object": "opportunity", **_ALIVE},
    "stg_crm__opportunities": {"system": "crm", "object": "opportunities", **_ALIVE},
    "stg_hubspot__deals": {"system": "hubspot", "object": "deal", **_ALIVE},
    "stg_marketing__deals": {"system": "marketing", "object": "deals", **_ALIVE},
    "stg_finance__invoiced_amounts": {"system": "finance", "object": "invoiced", "currency": "USD", **_ALIVE},
    "stg_reported__figures": {"link": "https://reports.example/month", **_ALIVE},
    "int_person_records_unioned": _ALIVE,
    "int_person_changes_unioned": _ALIVE,
    "bridge_person_records": _ALIVE,
    "int_opportunities": {"object": "opportunity", **_ALIVE},
    "dim_people": {"is_excluded": False},
    "fct_opportunities": {"original_currency": "USD", "is_won": False},
    "fct_stage_entries": {"is_inferred": False},
}
#: What every company has: months, rates, and the systems that are its CRM.
FIXED: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "int_crm_systems_in_use": [{"system": "salesforce", "is_fallback": False}, {"system": "crm", "is_fallback": False}],
    "dim_dates": [{"month_start_date": date(year, month, 1)} for year in (2024, 2025, 2026) for month in range(1, 13)],
    "int_fx_rates": [
        {"currency": "USD", "valid_from": date(1, 1, 1), "rate": "1"},
        {"currency": "EUR", "valid_from": date(2024, 1, 1), "rate": "1.1"},
    ],
}


def build_alignment(
    compiled: CompiledFunnel,
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
    as_of: datetime,
    rules: Sequence[Mapping[str, Any]] | None = None,
) -> FunnelBuild:
    """Build the bridge on `tables`, as of `as_of`, under the shipped rules or under `rules`."""
    definitions: dict[str, Sequence[Mapping[str, Any]]] = {"field_mappings": []}
    if rules is not None:
        definitions["team_figure_rules"] = rules
    return FunnelBuild(
        compiled, {**FIXED, **tables}, as_of=as_of, definitions=definitions, inputs=INPUTS, defaults=DEFAULTS
    )
