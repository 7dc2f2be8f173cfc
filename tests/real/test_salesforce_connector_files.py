"""Salesforce files as a connector writes them: they land with the headers they have, and every row is accounted for.

The files are Fivetran's own, from dbt_salesforce: `_fivetran_` columns, Windows line ends in some, quoted text over
several lines, a hundred custom fields, and histories as versions of whole records instead of the vendor's changes.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.landing import LandingReport, land
from tests.real.staging import staging_built

PROJECT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("CONCORD_SHARED_DATA") or PROJECT.parent / "shared" / "data")
DELIVERED = SHARED / "fivetran_salesforce"
OBJECTS = {
    "account": "sf_account_data.csv",
    "account_history": "sf_account_history_data.csv",
    "contact": "sf_contact_data.csv",
    "contact_history": "sf_contact_history_data.csv",
    "event": "sf_event_data.csv",
    "lead": "sf_lead_data.csv",
    "opportunity": "sf_opportunity_data.csv",
    "opportunity_history": "sf_opportunity_history_data.csv",
    "opportunity_line_item": "sf_opportunity_line_item_data.csv",
    "product": "sf_product_2_data.csv",
    "task": "sf_task_data.csv",
    "user": "sf_user_data.csv",
    "user_role": "sf_user_role_data.csv",
}
# Orders belong to no promise between the two teams: no contract, so they are not collected.
NOT_AGREED = {"sf_order_data.csv"}
STAGED = {
    "account": "stg_salesforce__accounts",
    "contact": "stg_salesforce__contacts",
    "event": "stg_salesforce__events",
    "lead": "stg_salesforce__leads",
    "opportunity": "stg_salesforce__opportunities",
    "opportunity_history": "stg_salesforce__opportunity_histories",
    "opportunity_line_item": "stg_salesforce__opportunity_line_items",
    "product": "stg_salesforce__products",
    "task": "stg_salesforce__tasks",
    "user": "stg_salesforce__users",
    "user_role": "stg_salesforce__user_roles",
}
HISTORIES = ("stg_salesforce__account_histories", "stg_salesforce__contact_histories")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not DELIVERED.is_dir(),
        reason=f"no connector files in {DELIVERED}; set CONCORD_SHARED_DATA to the folder that holds them",
    ),
]


@dataclass(frozen=True)
class Landed:
    """A folder of extracts, what landing said of it, and the file it wrote."""

    extracts: Path
    build_file: Path
    report: LandingReport

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Rows of a query against the build file."""
        with duckdb.connect(str(self.build_file), read_only=True) as connection:
            return connection.execute(statement).fetchall()


def delivered(name: str) -> list[dict[str, str]]:
    """Rows of the connector's file of an object, read without any of our own code."""
    with (DELIVERED / OBJECTS[name]).open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def land_folder(extracts: Path, build_file: Path) -> Landed:
    """Land a folder of extracts under our own definitions."""
    report = land(extracts=extracts, build_file=build_file, definitions=PROJECT / "seeds")
    return Landed(extracts, build_file, report)


def build_staging(landed: Landed, folder: Path) -> Landed:
    """Build staging and the opportunity unions on a copy of a landed file, with their tests."""
    models = [*STAGED.values(), *HISTORIES, "int_opportunity_changes_unioned", "int_opportunity_records_unioned"]
    build = staging_built(landed.build_file, landed.report, folder, models)
    return Landed(landed.extracts, build.file, landed.report)


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Landed:
    """All files in their folders, byte for byte as delivered, landed once."""
    folder = tmp_path_factory.mktemp("salesforce_files")
    for name, file in OBJECTS.items():
        target = folder / "extracts" / "salesforce" / name
        target.mkdir(parents=True)
        shutil.copyfile(DELIVERED / file, target / file)
    return land_folder(folder / "extracts", folder / "build.duckdb")


@pytest.fixture(scope="module")
def built(landed: Landed, tmp_path_factory: pytest.TempPathFactory) -> Landed:
    """The same with staging built on a copy of it."""
    return build_staging(landed, tmp_path_factory.mktemp("salesforce_build"))


def test_no_file_of_the_connector_is_left_out() -> None:
    assert {path.name for path in DELIVERED.glob("*.csv")} == set(OBJECTS.values()) | NOT_AGREED


def test_every_row_is_accounted_for(landed: Landed) -> None:
    loads = {
        name: figures
        for name, *figures in landed.query(
            "select object, sum(rows_delivered), sum(rows_accepted), sum(rows_quarantined), sum(rows_unparseable), "
            "sum(rows_superseded) from audit.loads where system = 'salesforce' group by object"
        )
    }
    assert loads == {name: [len(delivered(name)), len(delivered(name)), 0, 0, 0] for name in OBJECTS}
    for name in OBJECTS:
        numbers = landed.query(f'select _row_number from raw."salesforce__{name}" order by _row_number')
        assert numbers == [(number,) for number in range(1, len(delivered(name)) + 1)], name


def test_every_cell_is_kept_under_its_column_or_beside_it(landed: Landed) -> None:
    lost = []
    for name in OBJECTS:
        with duckdb.connect(str(landed.build_file), read_only=True) as connection:
            rows = connection.execute(f'select * from raw."salesforce__{name}" order by _row_number').fetchdf()
        columns = {column.replace("_", ""): column for column in rows.columns}
        for number, row in enumerate(delivered(name)):
            kept = rows.iloc[number]
            extra = {header.lower(): cell for header, cell in json.loads(kept["_extra"] or "{}").items()}
            values = {str(value) for value in kept.tolist()}
            for header, cell in row.items():
                own = columns.get(header.lower().replace("_", ""))
                in_column = own is not None and str(kept[own]) not in ("None", "NaT", "nan", "<NA>")
                if cell and not (in_column or cell in values or str(extra.get(header.lower())) == cell):
                    lost.append((name, number + 1, header, cell))
    # Two columns answer to other names than their own: the start of a version and the roles' and users' deletion mark.
    assert {(name, header) for name, _, header, _ in lost} <= {
        ("account_history", "_fivetran_start"),
        ("contact_history", "_fivetran_start"),
        ("opportunity_history", "_fivetran_start"),
        ("user", "_fivetran_deleted"),
        ("user_role", "_fivetran_deleted"),
    }


def test_what_a_connector_calls_otherwise_is_understood(landed: Landed) -> None:
    assert landed.query('select id, changed_at from raw."salesforce__opportunity_history" order by _row_number') == [
        (row["id"], datetime.fromisoformat(row["_fivetran_start"])) for row in delivered("opportunity_history")
    ]
    assert landed.query("select id, _is_deleted from raw.salesforce__user order by _row_number") == [
        (row["id"], row["_fivetran_deleted"].lower() == "true") for row in delivered("user")
    ]
    # Opportunities carry no modification time here, so they are dated by when the connector read them.
    assert landed.query("select _modified_at from raw.salesforce__opportunity order by _row_number") == [
        (datetime.fromisoformat(row["_fivetran_synced"]),) for row in delivered("opportunity")
    ]


def test_records_that_were_not_delivered_are_reported_with_their_owner(landed: Landed) -> None:
    known = {row["id"] for row in delivered("user")}
    unknown = [row for row in delivered("task") if row["owner_id"] not in known]
    (broken,) = [
        rule
        for rule in landed.report.broken_rules
        if rule.contract_id == "salesforce.task" and rule.rule == "reference:owner_id"
    ]
    assert broken.severity == "warning"
    assert broken.owner == "sales_operations"
    assert broken.figure == len(unknown) > 0
    assert "salesforce.user.id" in broken.message


def test_landing_the_files_again_changes_nothing(landed: Landed, tmp_path: Path) -> None:
    copy = tmp_path / "build.duckdb"
    shutil.copyfile(landed.build_file, copy)
    again = land_folder(landed.extracts, copy)
    assert not again.report.changed
    assert again.report.as_of == landed.report.as_of


def test_staging_has_every_record_once(built: Landed) -> None:
    for name, model in STAGED.items():
        ids = [row["id"] for row in delivered(name)]
        found = built.query(f"select record_id from staging.{model}")
        assert sorted(found) == sorted((record,) for record in ids), name


def test_versions_out_of_force_count_as_deleted(built: Landed) -> None:
    expected = {
        row["id"]: row["_fivetran_deleted"].lower() == "true" or row["_fivetran_active"].lower() == "false"
        for row in delivered("user")
    }
    assert len(set(expected.values())) == 2
    assert dict(built.query("select record_id, is_deleted from staging.stg_salesforce__users")) == expected


def test_people_of_tasks_are_found_by_what_their_ids_say(built: Landed) -> None:
    kinds = {"003": "contact", "00Q": "lead"}
    expected = {(row["id"], kinds[row["who_id"][:3]], row["who_id"]) for row in delivered("task")}
    assert {kind for _, kind, _ in expected} == {"contact", "lead"}
    found = built.query("select record_id, person_object, person_record_id from staging.stg_salesforce__tasks")
    assert set(found) == expected


def test_first_versions_are_no_changes_and_later_ones_are(landed: Landed, tmp_path: Path) -> None:
    """The delivered histories hold one version each; a second delivery adds the next, as a connector would."""
    extracts = tmp_path / "extracts"
    shutil.copytree(landed.extracts, extracts)
    rows = delivered("contact_history")
    successor = rows[1] | {
        "_fivetran_start": "2020-01-01 00:00:00",
        "title": "Chief Data Officer",
        "owner_id": "0051G000005MreQAD",
    }
    with (extracts / "salesforce" / "contact_history" / "next.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(successor))
        writer.writeheader()
        writer.writerow(successor)
    states = delivered("opportunity_history")
    state = states[0] | {"_fivetran_start": "2020-02-01 00:00:00", "amount": "30000000.50", "is_deleted": "false"}
    with (extracts / "salesforce" / "opportunity_history" / "next.csv").open(
        "w", newline="", encoding="utf-8"
    ) as stream:
        writer = csv.DictWriter(stream, fieldnames=list(state))
        writer.writeheader()
        writer.writerow(state)
    built = build_staging(land_folder(extracts, tmp_path / "build.duckdb"), tmp_path)
    assert built.query("select count(*) from staging.stg_salesforce__account_histories") == [(0,)]
    assert built.query(
        "select record_id, field, old_value, new_value, changed_at "
        "from staging.stg_salesforce__contact_histories order by field"
    ) == [
        (rows[1]["id"], "owner_record_id", rows[1]["owner_id"], "0051G000005MreQAD", datetime(2020, 1, 1)),
        (rows[1]["id"], "title", rows[1]["title"], "Chief Data Officer", datetime(2020, 1, 1)),
    ]
    changes = built.query(
        "select cast(amount as varchar), changed_at from intermediate.int_opportunity_changes_unioned "
        f"where record_id = '{states[0]['id']}' order by changed_at"
    )
    assert changes == [
        ("24120000.00", datetime.fromisoformat(states[0]["_fivetran_start"])),
        ("30000000.50", datetime(2020, 2, 1)),
    ]
