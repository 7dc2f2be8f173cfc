"""The revenue models, as dbt compiles them, on deals that a test makes up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tests.compiled_models import CompiledFunnel
from tests.funnel.funnel_build import FunnelBuild

#: From the CRM's records and their history to the reports: nothing in between is made up.
UNDER_TEST = (
    "dim_dates",
    "int_opportunity_stages",
    "int_opportunity_states",
    "int_opportunities",
    "int_pipeline_states",
    "fct_opportunities",
    "fct_pipeline_days",
    "fct_pipeline_changes",
    "rpt_pipeline_bridge",
    "int_contracts",
    "fct_contracts",
    "fct_contract_months",
    "fct_mrr_months",
    "rpt_mrr_bridge",
    "fct_quarter_days",
    "fct_kpi_days",
    "fct_targets",
    "fct_target_quarters",
    "rpt_targets",
    "rpt_revenue_gap",
    "fct_outlook_snapshots",
    "fct_pipeline_snapshots",
    "rpt_quarter_outlook",
)
MONEY = "decimal(18,2)"
INPUTS: Mapping[str, Mapping[str, str]] = {
    "stg_concord__build_context": {"as_of": "timestamp"},
    "int_opportunity_records_unioned": {
        "system": "varchar",
        "object": "varchar",
        "record_id": "varchar",
        "account_record_id": "varchar",
        "opportunity_name": "varchar",
        "opportunity_type": "varchar",
        "stage": "varchar",
        "amount": MONEY,
        "currency": "varchar",
        "close_date": "date",
        "lead_source": "varchar",
        "forecast_category": "varchar",
        "loss_reason": "varchar",
        "competitor": "varchar",
        "owner_record_id": "varchar",
        "campaign_record_id": "varchar",
        "renews_record_id": "varchar",
        "contract_start_date": "date",
        "contract_months": "integer",
        "recurring_amount": MONEY,
        "recurring_period": "varchar",
        "cancelled_at": "timestamp",
        "is_closed": "boolean",
        "is_won": "boolean",
        "is_deleted": "boolean",
        "created_at": "timestamp",
        "modified_at": "timestamp",
    },
    "int_opportunity_changes_unioned": {
        "system": "varchar",
        "record_id": "varchar",
        "change_id": "varchar",
        "stage": "varchar",
        "amount": MONEY,
        "currency": "varchar",
        "close_date": "date",
        "owner_record_id": "varchar",
        "changed_at": "timestamp",
        "is_deleted": "boolean",
    },
    "int_opportunity_stage_durations": {"system": "varchar", "stage_key": "varchar", "p90_days": "double"},
    "int_opportunity_people_linked": {
        "opportunity_id": "varchar",
        "person_id": "varchar",
        "link_evidence": "varchar",
    },
    "int_people": {"person_id": "varchar", "account_id": "varchar"},
    "int_account_records": {"system": "varchar", "record_id": "varchar", "account_id": "varchar"},
    "int_accounts": {"account_id": "varchar", "segment": "varchar", "region": "varchar"},
    "dim_accounts": {"account_id": "varchar", "segment": "varchar", "region": "varchar"},
    "int_account_region_states": {
        "account_id": "varchar",
        "region": "varchar",
        "valid_from": "timestamp",
        "valid_to": "timestamp",
    },
    "int_user_records_unioned": {
        "system": "varchar",
        "record_id": "varchar",
        "team": "varchar",
        "region": "varchar",
    },
    "int_rep_groups": {"rep_id": "varchar", "rep_group": "varchar", "rep_region": "varchar"},
    "int_fx_rates": {
        "currency": "varchar",
        "valid_from": "date",
        "valid_to": "date",
        "rate": "decimal(18,8)",
    },
    "fct_stage_entries": {
        "stage": "varchar",
        "opportunity_id": "varchar",
        "is_inferred": "boolean",
        "entered_date": "date",
    },
    "stg_finance__targets": {
        "record_id": "varchar",
        "month": "date",
        "kpi": "varchar",
        "opportunity_type": "varchar",
        "segment": "varchar",
        "region": "varchar",
        "team": "varchar",
        "plan_version": "varchar",
        "target_value": "decimal(18,4)",
        "modified_at": "timestamp",
        "is_deleted": "boolean",
    },
    "fct_lead_cycles": {"opportunity_id": "varchar", "motion": "varchar"},
}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "int_opportunity_records_unioned": {
        "system": "crm",
        "object": "opportunities",
        "opportunity_type": "new",
        "currency": "USD",
        "is_closed": False,
        "is_won": False,
        "is_deleted": False,
    },
    "int_opportunity_changes_unioned": {"system": "crm", "is_deleted": False},
    "int_account_records": {"system": "crm"},
    "int_user_records_unioned": {"system": "crm"},
    "fct_stage_entries": {"is_inferred": False},
    "stg_finance__targets": {"is_deleted": False, "plan_version": "plan"},
}
#: What the CRM of these tests calls its stages; a stage that no rule names is one before acceptance.
DEFINITIONS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "definition_versions": [{"version": "1", "effective_from": "2000-01-01 00:00:00"}],
    "stage_rules": [
        {"version": "1", "stage": stage, "system": "crm", "object": "opportunities", "field": "stage", "value": value}
        for stage, value in (("sqo", "Proposal"), ("won", "Won"))
    ],
    "exit_reasons": [
        {"system": "crm", "object": "opportunities", "field": "stage", "value": "Lost", "exit_type": "lost"}
    ],
}


def build_revenue(
    compiled: CompiledFunnel, tables: Mapping[str, Sequence[Mapping[str, Any]]], as_of: datetime
) -> FunnelBuild:
    """Build the revenue models on `tables`, as of `as_of`."""
    # Every team and region may be named here: who may not is another model's affair.
    groups = [
        {"rep_id": f"crm:{user['record_id']}", "rep_group": user["team"], "rep_region": user["region"]}
        for user in tables.get("int_user_records_unioned", ())
    ]
    tables = {"int_rep_groups": groups, **tables}
    return FunnelBuild(compiled, tables, as_of=as_of, definitions=DEFINITIONS, inputs=INPUTS, defaults=DEFAULTS)
