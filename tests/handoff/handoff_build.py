"""Run the hand-off's models, as dbt compiles them, on hand-offs that a test makes up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tests.compiled_models import CompiledFunnel
from tests.funnel.funnel_build import FunnelBuild

UNDER_TEST = (
    "int_business_calendars",
    "int_business_intervals",
    "int_rep_calendars",
    "fct_handoffs",
    "fct_handoff_owners",
)

INPUTS: Mapping[str, Mapping[str, str]] = {
    "stg_concord__build_context": {"as_of": "timestamp"},
    "int_cycles": {"lead_cycle_id": "varchar", "opened_at": "timestamp"},
    "int_activities": {
        "person_id": "varchar",
        "team": "varchar",
        "is_activity": "boolean",
        "is_touch": "boolean",
        "occurred_at": "timestamp",
    },
    "int_user_records_unioned": {
        "record_key": "varchar",
        "system": "varchar",
        "object": "varchar",
        "record_id": "varchar",
        "region": "varchar",
        "time_zone": "varchar",
        "is_queue": "boolean",
    },
    "int_definition_versions": {"version": "varchar", "handoff_matrix_version": "varchar"},
    "fct_stage_entries": {
        "entry_id": "varchar",
        "lead_cycle_id": "varchar",
        "person_id": "varchar",
        "account_id": "varchar",
        "campaign_id": "varchar",
        "motion": "varchar",
        "channel": "varchar",
        "persona": "varchar",
        "segment": "varchar",
        "region": "varchar",
        "fit_grade": "varchar",
        "grade": "varchar",
        "temperature": "varchar",
        "definition_version": "varchar",
        "stage": "varchar",
        "is_inferred": "boolean",
        "entered_date": "date",
        "entered_at": "timestamp",
    },
    "int_handoffs": {
        "lead_cycle_id": "varchar",
        "person_id": "varchar",
        "handed_over_record_key": "varchar",
        "handed_over_by": "varchar",
        "crm_record_key": "varchar",
        "exit_type": "varchar",
        "exit_reason": "varchar",
        "exit_side": "varchar",
        "is_hand_raise": "boolean",
        "is_accepted": "boolean",
        "mql_at": "timestamp",
        "handed_over_at": "timestamp",
        "crm_arrived_at": "timestamp",
        "exited_at": "timestamp",
        "ended_at": "timestamp",
        "data_cut_at": "timestamp",
    },
    "int_handoff_owner_spells": {
        "lead_cycle_id": "varchar",
        "owner_number": "bigint",
        "record_key": "varchar",
        "rep_id": "varchar",
        "owned_from": "timestamp",
        "owned_until": "timestamp",
    },
    "int_handoff_responses": {
        "lead_cycle_id": "varchar",
        "first_touch_id": "varchar",
        "first_touch_rep_id": "varchar",
        "first_touch_at": "timestamp",
        "disposed_at": "timestamp",
        "first_response_at": "timestamp",
    },
    "int_handoff_last_places": {
        "lead_cycle_id": "varchar",
        "last_seen_record_key": "varchar",
        "last_place": "varchar",
        "last_seen_at": "timestamp",
    },
}

END_OF_TIME = datetime(9999, 12, 31)


def handoff(
    name: str,
    mql_at: datetime,
    *,
    handed_over_at: datetime | None = None,
    crm_arrived_at: datetime | None = None,
    owners: Sequence[tuple[str, datetime, datetime | None]] = (),
    touch_at: datetime | None = None,
    disposed_at: datetime | None = None,
    data_cut_at: datetime,
    grade: str = "A3",
    temperature: str | None = "warm",
    is_hand_raise: bool = False,
    **facts: Any,
) -> dict[str, list[dict[str, Any]]]:
    """The rows of one hand-off in each input; an owner is (user id, from, until)."""
    response = min((moment for moment in (touch_at, disposed_at) if moment is not None), default=None)
    entry = {
        "entry_id": f"entry of {name}",
        "lead_cycle_id": name,
        "person_id": name,
        "motion": "inbound",
        "channel": "email",
        "fit_grade": grade[0],
        "grade": grade,
        "temperature": temperature,
        "definition_version": "1",
        "stage": "mql",
        "is_inferred": False,
        "entered_date": mql_at.date(),
        "entered_at": mql_at,
    }
    known = {
        "lead_cycle_id": name,
        "person_id": name,
        "handed_over_by": "stamp" if handed_over_at else None,
        "is_hand_raise": is_hand_raise,
        "is_accepted": False,
        "mql_at": mql_at,
        "handed_over_at": handed_over_at,
        "crm_arrived_at": crm_arrived_at,
        "data_cut_at": data_cut_at,
        **facts,
    }
    spells = [
        {
            "lead_cycle_id": name,
            "owner_number": number,
            "record_key": f"crm:people:{name}",
            "rep_id": f"crm:{user}",
            "owned_from": begin,
            "owned_until": end or END_OF_TIME,
        }
        for number, (user, begin, end) in enumerate(owners, start=1)
    ]
    answers = {
        "lead_cycle_id": name,
        "first_touch_id": "touch" if touch_at else None,
        "first_touch_at": touch_at,
        "disposed_at": disposed_at,
        "first_response_at": response,
    }
    return {
        "fct_stage_entries": [entry],
        "int_handoffs": [known],
        "int_handoff_owner_spells": spells,
        "int_handoff_responses": [answers],
    }


def user(name: str, time_zone: str | None = None, region: str | None = None) -> dict[str, Any]:
    """The user record of an owner."""
    return {
        "record_key": f"crm:users:{name}",
        "system": "crm",
        "object": "users",
        "record_id": name,
        "region": region,
        "time_zone": time_zone,
        "is_queue": False,
    }


def build_handoffs(
    compiled: CompiledFunnel,
    handoffs: Sequence[Mapping[str, list[dict[str, Any]]]],
    *,
    users: Sequence[Mapping[str, Any]],
    as_of: datetime,
    begin: datetime,
    definitions: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    **tables: Sequence[Mapping[str, Any]],
) -> FunnelBuild:
    """Build the hand-offs; `begin` is when the first cycle was opened, where the business clock begins to run."""
    rows: dict[str, list[Mapping[str, Any]]] = {
        "int_cycles": [{"lead_cycle_id": "first", "opened_at": begin}],
        "int_definition_versions": [{"version": "1", "handoff_matrix_version": "1"}],
        "int_user_records_unioned": list(users),
        **{name: list(given) for name, given in tables.items()},
    }
    for one in handoffs:
        for name, given in one.items():
            rows.setdefault(name, []).extend(given)
    return FunnelBuild(compiled, rows, as_of=as_of, definitions=definitions, inputs=INPUTS, defaults={})
