"""HubSpot and advertising files as a connector writes them: they land as they are, and every row is accounted for.

The files are Fivetran's own, from dbt_hubspot and dbt_ad_reporting, with `property_` prefixes, `_fivetran_` columns,
hours of one digit and, in the meetings, starts of January 1970.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.landing import LandingReport, land
from tests.real.staging import staging_built

PROJECT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("CONCORD_SHARED_DATA") or PROJECT.parent / "shared" / "data")
ADS = {
    "facebook_ads_account_history": "meta_ads.account",
    "facebook_ads_ad_history": "meta_ads.ad",
    "facebook_ads_ad_set_history": "meta_ads.ad_set",
    "facebook_ads_basic_ad": "meta_ads.basic_ad",
    "facebook_ads_campaign_history": "meta_ads.campaign",
    "google_ads_account_history": "google_ads.account",
    "google_ads_campaign_history": "google_ads.campaign",
    "google_ads_campaign_stats": "google_ads.campaign_stats",
    "linkedin_ad_account_history": "linkedin_ads.account",
    "linkedin_ad_analytics_by_campaign": "linkedin_ads.ad_analytics_by_campaign",
    "linkedin_ad_campaign_history": "linkedin_ads.campaign",
}
# Support tickets belong to neither team: no contract, so nothing of them is collected.
NOT_AGREED = "ticket"
UNIONS = (
    "int_person_records_unioned",
    "int_person_changes_unioned",
    "int_person_merges_unioned",
    "int_activity_records_unioned",
    "int_ad_spend_records_unioned",
    "int_opportunity_records_unioned",
    "stg_hubspot__deals",
    "stg_hubspot__deal_states",
    "stg_hubspot__deal_contacts",
    "stg_hubspot__companies",
    "stg_hubspot__owners",
    "stg_hubspot__merged_deals",
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (SHARED / "fivetran_hubspot").is_dir() or not (SHARED / "fivetran_ads").is_dir(),
        reason=f"no connector files in {SHARED}; set CONCORD_SHARED_DATA to the folder that holds fivetran_hubspot",
    ),
]


@dataclass(frozen=True)
class Landed:
    """The connector's files by contract, what landing said, and the file it wrote."""

    files: dict[str, Path]
    extracts: Path
    build_file: Path
    report: LandingReport

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Rows of a query against the build file."""
        with duckdb.connect(str(self.build_file), read_only=True) as connection:
            return connection.execute(statement).fetchall()

    def records(self, statement: str) -> list[dict[str, Any]]:
        """Rows of a query as mappings."""
        with duckdb.connect(str(self.build_file), read_only=True) as connection:
            cursor = connection.execute(statement)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def land_into(extracts: Path, build_file: Path) -> LandingReport:
    """Land everything; the definitions are ours."""
    return land(extracts=extracts, build_file=build_file, definitions=PROJECT / "seeds")


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Landed:
    """All files in their folders, byte for byte as delivered, landed once."""
    folder = tmp_path_factory.mktemp("connector_files")
    files = {
        f"hubspot.{path.name.removesuffix('_data.csv')}": path
        for path in sorted((SHARED / "fivetran_hubspot").glob("*.csv"))
        if not path.name.startswith(NOT_AGREED)
    }
    files |= {contract: SHARED / "fivetran_ads" / f"{name}_data.csv" for name, contract in ADS.items()}
    for contract, path in files.items():
        target = folder / "extracts" / contract.replace(".", "/")
        target.mkdir(parents=True)
        shutil.copyfile(path, target / path.name)
    report = land_into(folder / "extracts", folder / "build.duckdb")
    return Landed(files, folder / "extracts", folder / "build.duckdb", report)


@pytest.fixture(scope="module")
def built(landed: Landed, tmp_path_factory: pytest.TempPathFactory) -> Landed:
    """The same, with staging and the unions built on a copy of it."""
    build = staging_built(landed.build_file, landed.report, tmp_path_factory.mktemp("connector_build"), UNIONS)
    return Landed(landed.files, landed.extracts, build.file, landed.report)


def delivered_rows(path: Path) -> list[dict[str, str]]:
    """A file's rows, read without any of our own code."""
    with path.open(newline="", encoding="utf-8-sig") as stream:
        return list(csv.DictReader(stream))


def forms_of_cell(cell: str) -> Iterator[str]:
    """How a delivered cell may stand in raw once it has its type."""
    text = cell.strip()
    yield cell
    yield text.lower()
    with contextlib.suppress(InvalidOperation):
        yield str(Decimal(text).normalize())
    padded = text.removesuffix(" UTC").replace(" ", "T", 1)
    if len(padded) > 12 and padded[12] == ":":
        padded = f"{padded[:11]}0{padded[11:]}"
    try:
        moment = datetime.fromisoformat(padded)
    except ValueError:
        return
    yield moment.isoformat()
    yield moment.date().isoformat()


def forms_of_value(value: Any) -> Iterator[str]:
    """A value of raw in the forms that cells are compared in."""
    if isinstance(value, bool):
        yield str(value).lower()
    elif isinstance(value, date):
        yield value.isoformat()
    elif isinstance(value, int | Decimal):
        yield str(Decimal(value).normalize())
    elif value is not None:
        yield str(value)


def test_files_land_with_the_headers_they_have(landed: Landed) -> None:
    reports = {extract.contract_id: extract for extract in landed.report.extracts}
    assert len(landed.files) == 59
    refused = {
        contract: [load.status for load in reports[contract].loads]
        for contract in landed.files
        if [load.status for load in reports[contract].loads] not in (["accepted"], ["partial"])
    }
    assert refused == {}


def test_every_row_is_accounted_for(landed: Landed) -> None:
    reports = {extract.contract_id: extract for extract in landed.report.extracts}
    for contract, path in landed.files.items():
        count = len(delivered_rows(path))
        (load,) = reports[contract].loads
        assert load.rows_delivered == count, contract
        assert load.rows_delivered == (
            load.rows_accepted + load.rows_quarantined + load.rows_unparseable + load.rows_superseded
        ), contract
        system, table = contract.split(".")
        accepted = landed.query(f'select _row_number from raw."{system}__{table}"')
        held = landed.query(f"select row_number from audit.quarantine where system = '{system}' and object = '{table}'")
        # No file of these repeats a row, so each stands in exactly one of the two places.
        assert sorted(number for (number,) in accepted + held) == list(range(1, count + 1)), contract
        assert len(accepted) == load.rows_accepted, contract


def test_no_delivered_cell_is_lost(landed: Landed) -> None:
    lost = []
    for contract, path in landed.files.items():
        system, table = contract.split(".")
        rows = {row["_row_number"]: row for row in landed.records(f'select * from raw."{system}__{table}"')}
        held = dict(
            landed.query(
                f"select row_number, raw_row from audit.quarantine where system = '{system}' and object = '{table}'"
            )
        )
        for number, delivered in enumerate(delivered_rows(path), 1):
            if number in rows:
                extra = json.loads(rows[number].pop("_extra") or "{}")
                kept = {form for value in [*rows[number].values(), *extra.values()] for form in forms_of_value(value)}
                kept |= {form.lower() for form in kept}
                lost += [
                    (contract, number, header, cell)
                    for header, cell in delivered.items()
                    if cell and not kept & set(forms_of_cell(cell))
                ]
            else:
                lost += [
                    (contract, number, header, cell)
                    for header, cell in delivered.items()
                    if cell and json.dumps(cell)[1:-1] not in held[number] and cell not in held[number]
                ]
    assert lost == []


def test_only_meetings_of_1970_are_held_back(landed: Landed) -> None:
    wrong = {
        number
        for number, row in enumerate(delivered_rows(landed.files["hubspot.engagement_meeting"]), 1)
        if row["start_time"].startswith("1970")
    }
    assert len(wrong) == 7
    held = landed.query("select system, object, row_number, rule, owner, raw_row from audit.quarantine")
    assert {(system, table) for system, table, *_ in held} == {("hubspot", "engagement_meeting")}
    assert {row[2] for row in held} == wrong
    assert {row[3] for row in held} <= {"in_range:start_time", "in_range:end_time"}
    assert {row[4] for row in held} == {"marketing_operations"}


def test_landing_the_files_again_changes_nothing(landed: Landed, tmp_path: Path) -> None:
    copy = tmp_path / "build.duckdb"
    shutil.copyfile(landed.build_file, copy)
    again = land_into(landed.extracts, copy)
    assert not again.changed
    assert again.as_of == landed.report.as_of


def test_staging_has_the_newest_version_of_every_record(built: Landed) -> None:
    staged = {
        "hubspot.contact": "stg_hubspot__contacts",
        "hubspot.company": "stg_hubspot__companies",
        "hubspot.owner": "stg_hubspot__owners",
        "hubspot.deal": "stg_hubspot__deals",
        "hubspot.deal_contact": "stg_hubspot__deal_contacts",
        "hubspot.email_event": "stg_hubspot__email_events",
        "hubspot.contact_form_submission": "stg_hubspot__form_submissions",
        "google_ads.campaign": "stg_google_ads__campaigns",
        "linkedin_ads.campaign": "stg_linkedin_ads__campaigns",
        "meta_ads.account": "stg_meta_ads__accounts",
        "meta_ads.ad": "stg_meta_ads__ads",
    }
    keys = {
        "hubspot.deal": ["deal_id"],
        "hubspot.owner": ["owner_id"],
        "hubspot.deal_contact": ["deal_id", "contact_id"],
        "hubspot.contact_form_submission": ["conversion_id"],
    }
    for contract, model in staged.items():
        columns = keys.get(contract, ["id"])
        distinct = {tuple(row[name] for name in columns) for row in delivered_rows(built.files[contract])}
        ((count,),) = built.query(f"select count(*) from staging.{model}")
        assert count == len(distinct), contract
    newest = max(delivered_rows(built.files["linkedin_ads.account"]), key=lambda row: row["last_modified_time"])
    assert built.query("select record_id, account_name from staging.stg_linkedin_ads__accounts") == [
        (newest["id"], newest["name"])
    ]


def test_spend_is_what_the_platforms_reported_in_their_currency(built: Landed) -> None:
    def total(contract: str, column: str) -> Decimal:
        return sum((Decimal(row[column]) for row in delivered_rows(built.files[contract])), Decimal(0))

    spend = {
        (platform, currency): (cost, rows)
        for platform, currency, cost, rows in built.query(
            "select platform, currency, sum(cost), count(campaign_name) "
            "from intermediate.int_ad_spend_records_unioned group by all"
        )
    }
    assert spend == {
        ("google_ads", "USD"): (total("google_ads.campaign_stats", "cost_micros") / 1_000_000, 16),
        ("linkedin_ads", "USD"): (total("linkedin_ads.ad_analytics_by_campaign", "cost_in_local_currency"), 20),
        # The connector's Meta accounts name no currency, and none is made up.
        ("meta_ads", None): (total("meta_ads.basic_ad", "spend"), 10),
    }


def test_merged_contacts_stand_as_their_survivor(built: Landed) -> None:
    expected = {
        row["vid_to_merge"]: row["canonical_vid"] for row in delivered_rows(built.files["hubspot.contact_merge_audit"])
    }
    for row in delivered_rows(built.files["hubspot.contact"]):
        expected |= {merged: row["id"] for merged in row["property_hs_merged_object_ids"].split(";") if merged}
    found = dict(built.query("select record_id, into_record_id from intermediate.int_person_merges_unioned"))
    assert len(expected) == 7
    assert found == expected
    assert dict(
        built.query(
            "select record_id, merged_into_record_id from intermediate.int_person_records_unioned "
            "where merged_into_record_id is not null"
        )
    ) == {merged: into for merged, into in expected.items() if into == "78971951"}


def test_merged_deals_stand_as_their_survivor(built: Landed) -> None:
    expected = {row["merged_deal_id"]: row["deal_id"] for row in delivered_rows(built.files["hubspot.merged_deal"])}
    assert len(expected) == 14
    assert dict(built.query("select record_id, into_record_id from staging.stg_hubspot__merged_deals")) == expected


def test_activities_are_all_there(built: Landed) -> None:
    kinds = {
        kind: len(delivered_rows(built.files[f"hubspot.engagement_{kind}"]))
        for kind in ("call", "communication", "email", "note", "task")
    }
    found = {
        (table, value): count
        for table, value, count in built.query(
            "select object, source_value, count(*) from intermediate.int_activity_records_unioned group by all"
        )
    }
    engagements = {value: count for (table, value), count in found.items() if table == "engagement"}
    # The one call is in both engagement and engagement_call; seven meetings are held back.
    assert engagements == {kind.upper(): count for kind, count in kinds.items()} | {"MEETING": 93}
    assert {value for table, value in found if table == "contact_form_submission"} == {
        row["name"] for row in delivered_rows(built.files["hubspot.form"])
    }
    types = [row["type"] for row in delivered_rows(built.files["hubspot.email_event"])]
    assert {value: count for (table, value), count in found.items() if table == "email_event"} == {
        kind: types.count(kind) for kind in set(types)
    }


def test_deals_take_their_states_from_the_stage_history(built: Landed) -> None:
    entered = {(row["deal_id"], row["value"]) for row in delivered_rows(built.files["hubspot.deal_stage"])}
    assert set(built.query("select record_id, stage from staging.stg_hubspot__deal_states")) == entered


def test_deals_are_opportunities_where_no_other_crm_delivers_any(built: Landed) -> None:
    deals = {(row["deal_id"],) for row in delivered_rows(built.files["hubspot.deal"])}
    assert len(deals) == 44
    assert set(built.query("select record_id from intermediate.int_opportunity_records_unioned")) == deals
