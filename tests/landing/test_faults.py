"""What happens to faulty deliveries: the message that a person can act on, and nothing lost."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.landing import BrokenRule, ExtractsError, LandingReport
from tests.landing.conftest import LANDED_AT, Company, csv_text, customer, deal

HEALTHY = [deal(n, created_at=f"2026-02-{1 + n % 28:02d}T08:00:00Z") for n in range(1, 141)]


def broken(report: LandingReport, rule: str) -> BrokenRule:
    """The one broken rule of that id."""
    found = [entry for entry in report.broken_rules if entry.rule == rule]
    assert len(found) == 1, [entry.message for entry in report.broken_rules]
    return found[0]


@pytest.fixture
def running(company: Company) -> Company:
    """A company with a customer, and deals of four weeks."""
    company.deliver("customers/2026-03-01.csv", [customer(1)])
    company.deliver("deals/2026-03-01.csv", HEALTHY)
    report = company.land()
    assert report.broken_rules == ()
    return company


def faulty(**changes: Any) -> list[dict[str, Any]]:
    """Twenty deals, the third of which is changed."""
    return [deal(200 + n, **(changes if n == 3 else {})) for n in range(1, 21)]


@pytest.mark.parametrize(
    ("rule", "changes", "says"),
    [
        ("type:amount", {"amount": "a lot"}, "1 of 20 rows of new.csv have a amount that is no number"),
        ("type:close_date", {"close_date": "31/12/2026"}, "close_date that is no date"),
        ("type:is_won", {"is_won": "perhaps"}, "is_won that is no boolean"),
        ("not_null:deal_id", {"deal_id": ""}, "have no deal_id"),
        ("accepted_values:stage", {"stage": "negotiation"}, "have a stage that nobody agreed on"),
        ("in_range:amount", {"amount": "-1"}, "amount outside 0 to 100000000"),
        ("in_range:created_at", {"created_at": "1970-01-01T00:00:00Z"}, "created_at outside 2000-01-01"),
        ("in_range:close_date", {"close_date": "1970-01-01"}, "close_date outside 2000-01-01"),
        ("not_after_delivery:created_at", {"created_at": "2027-01-01T00:00:00Z"}, "created_at more than a day after"),
        ("condition:won_is_closed", {"is_won": "true"}, 'the condition "a won deal is closed"'),
        ("reference:customer_id", {"customer_id": "C999"}, "customer_id that shop.customers.customer_id does not have"),
        ("max_length:deal_id", {"deal_id": "x" * 1_000_001}, "deal_id longer than 1000000 characters"),
        ("max_length:customer_id", {"customer_id": "C" * 10_000_000}, "customer_id longer than 1000000 characters"),
        ("max_cell", {"note": "y" * 10_000_000}, "a cell longer than 1000000 characters"),
    ],
)  # fmt: skip
def test_a_broken_row_is_held_back_and_the_rest_accepted(
    running: Company, rule: str, changes: dict[str, Any], says: str
) -> None:
    rows = faulty(**changes)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    running.deliver("deals/new.csv", csv_text(rows, columns))
    report = running.land()
    found = broken(report, rule)
    assert says in found.message
    assert "first: row 3" in found.message
    assert "shop.deals 2.0.0" in found.message
    assert "Owner: sales_operations" in found.message
    assert (found.severity, found.rows_held, found.figure, found.blocks_publish) == ("error", 1, 1.0, False)
    assert running.value("select count(*) from raw.shop__deals where _file_name = 'new.csv'") == 19
    kept = running.query("select row_number, rule, reason, owner, raw_row from audit.quarantine")
    assert len(kept) == 1
    assert kept[0][:2] == (3, rule)
    assert kept[0][3] == "sales_operations"
    assert json.loads(kept[0][4]) == {name: value for name, value in rows[2].items() if value != ""}
    assert running.query("select rule, rows_held from audit.quarantine_counts where rule = $1", rule) == [(rule, 1)]
    assert running.value("select count(*) from audit.contract_results where is_broken and rule = $1", rule) == 1


def test_duplicate_keys_that_differ_are_both_held_back(running: Company) -> None:
    running.deliver("deals/new.csv", [*faulty(), deal(201, amount="7")])
    report = running.land()
    assert (
        "share their key (deal_id) and modification time with a different row" in broken(report, "unique:key").message
    )
    assert running.query("select row_number from audit.quarantine order by 1") == [(1,), (21,)]
    assert running.value("select count(*) from raw.shop__deals where deal_id = 'D201'") == 0


def test_orphans_are_accepted_when_their_parent_arrives(running: Company) -> None:
    running.deliver("deals/new.csv", faulty(customer_id="C2"))
    running.land()
    assert running.value("select count(*) from raw.shop__deals where deal_id = 'D203'") == 0
    running.deliver("customers/2026-03-02.csv", [customer(2)])
    report = running.land()
    assert report.rows_accepted == 2
    assert running.query("select _load_number, _row_number from raw.shop__deals where deal_id = 'D203'") == [(3, 3)]
    assert running.query("select rows_accepted, rows_quarantined, status from audit.loads where load_number = 3") == [
        (20, 0, "accepted")
    ]


def test_orphans_that_only_warn_are_accepted(company: Company) -> None:
    rows = [customer(1), customer(2, referred_by="C1"), customer(3, referred_by="C9")]
    company.deliver("customers/a.csv", csv_text(rows, [*rows[0], "referred_by"]))
    found = broken(company.land(), "reference:referred_by")
    assert (found.severity, found.figure, found.rows_held) == ("warning", 1.0, 0)
    assert company.value("select count(*) from raw.shop__customers") == 3


def test_values_of_an_agreed_list_are_judged_again_when_the_list_changes(company: Company) -> None:
    company.deliver("customers/a.csv", [*map(customer, range(1, 10)), customer(10, segment="giant")])
    message = broken(company.land(), "accepted_values:segment").message
    assert "add it to the definitions table sizes" in message
    (company.definitions / "sizes.csv").write_text("size\nsmall\nlarge\ngiant\n")
    report = company.land()
    assert [extract.rows_released for extract in report.extracts if extract.loads] == [1]
    assert report.broken_rules == ()
    assert company.value("select count(*) from audit.quarantine") == 0
    assert not company.land().changed


def test_a_changed_contract_is_applied_to_what_is_held_back(running: Company) -> None:
    running.deliver("deals/new.csv", faulty(stage="negotiation"))
    running.land()
    running.change_contract("deals", "[open, won, lost]", "[open, won, lost, negotiation]", version="2.1.0")
    running.land()
    assert running.query("select stage, _row_number from raw.shop__deals where deal_id = 'D203'") == [
        ("negotiation", 3)
    ]
    assert running.value("select is_broken from audit.contract_results where rule = 'accepted_values:stage' "
                         "and file_name = 'new.csv'") is False  # fmt: skip


def test_another_wording_of_a_contract_judges_nothing_again(running: Company) -> None:
    running.deliver("deals/new.csv", faulty(stage="negotiation"))
    running.land()
    running.change_contract("deals", "description: Stage.", "description: Where the deal stands.")
    assert not running.land().changed


# Whole files ----------------------------------------------------------------------------------------------------


def check_stopped(company: Company, report: LandingReport, rule: str, rows: int, name: str = "new.csv") -> BrokenRule:
    found = broken(report, rule)
    assert (found.severity, found.file_name, found.blocks_publish) == ("error", name, True)
    assert "Owner: sales_operations" in found.message
    assert "the whole file is held back" in found.message
    assert company.value("select count(*) from raw.shop__deals where _file_name = $1", name) == 0
    assert company.value("select count(*) from raw.shop__deals") == len(HEALTHY)
    assert company.query(
        "select status, rows_delivered, rows_quarantined from audit.loads where file_name = $1", name
    ) == [("stopped", rows, rows)]
    stale = {extract.name: extract.stale_reason for extract in report.stale_extracts}
    assert stale["shop.deals"] == f"its newest delivery {name} was stopped"
    assert company.query("select stale_reason from audit.extract_states where object = 'deals'") == [
        (stale["shop.deals"],)
    ]
    again = company.land()
    assert [entry.message for entry in again.broken_rules if entry.file_name == name] == [found.message]
    assert again.blocks_publish
    return found


def without(column: str) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != column} for row in faulty()]


@pytest.mark.parametrize("column", ["deal_id", "amount", "stage"])
def test_a_dropped_column_stops_the_file(running: Company, column: str) -> None:
    running.deliver("deals/new.csv", without(column))
    found = check_stopped(running, running.land(), "columns", 20)
    assert f"{column} missing in new.csv" in found.message


def test_a_renamed_column_stops_the_file_until_the_contract_knows_its_name(running: Company) -> None:
    running.deliver("deals/new.csv", csv_text(faulty()).replace("stage", "pipeline_step", 1))
    found = check_stopped(running, running.land(), "columns", 20)
    assert "stage missing in new.csv, which has pipeline_step that the contract does not know" in found.message
    place = "        description: Stage.\n"
    aliases = "        customProperties:\n          - {property: aliases, value: [pipeline_step]}\n"
    running.change_contract("deals", place, place + aliases, version="2.1.0")
    report = running.land()
    assert report.broken_rules == ()
    assert running.value("select count(*) from raw.shop__deals where stage = 'open' and _file_name = 'new.csv'") == 20


def test_a_retyped_column_stops_the_file(running: Company) -> None:
    running.deliver("deals/new.csv", [deal(200 + n, amount=f"EUR {n}") for n in range(1, 21)])
    found = check_stopped(running, running.land(), "tolerance", 20)
    assert "100.0% of the rows of new.csv are broken, by type:amount (20)" in found.message


def test_amounts_times_100_stop_the_file(running: Company) -> None:
    running.deliver("deals/new.csv", [deal(200 + n, amount=f"{(1000 + n) * 100}") for n in range(1, 21)])
    found = check_stopped(running, running.land(), "usual_median:amount", 20)
    assert "101,050 in new.csv is not the usual median of amount (107.1 to 10,710 by the files before)" in found.message


def test_timestamps_that_lost_their_offset_stop_the_file(running: Company) -> None:
    running.deliver("deals/new.csv", [deal(200 + n, created_at="2026-03-02 08:00:00") for n in range(1, 21)])
    found = check_stopped(running, running.land(), "consistent_offsets:created_at", 20)
    assert "0.0% of new.csv is the share of values of created_at that say their offset" in found.message


def test_mixed_offsets_stop_the_first_file_too(company: Company) -> None:
    rows = [customer(n) for n in range(1, 11)]
    company.deliver("customers/a.csv", [*rows, customer(11, created_at="2026-03-01 08:00:00")])
    found = broken(company.land(as_of=LANDED_AT), "consistent_offsets:created_at")
    assert found.figure == pytest.approx(10 / 11)
    assert company.value("select count(*) from raw.shop__customers") == 0


def test_half_the_usual_volume_stops_the_file(running: Company) -> None:
    start = datetime(2026, 3, 1)
    days = [start + timedelta(days=day) for day in range(14)]
    few = [
        deal(1000 + 10 * i + n, created_at=f"{day:%Y-%m-%d}T08:00:00Z", modified_at=f"{day:%Y-%m-%d}T09:00:00Z")
        for i, day in enumerate(days)
        for n in range(2)
    ]
    running.deliver("deals/new.csv", few)
    report = running.land(landed_at=datetime(2026, 3, 20))
    found = check_stopped_volume(running, report, "new.csv", 28)
    assert "26 in new.csv is not the usual volume (39 to 195 by the files before)" in found.message


def check_stopped_volume(company: Company, report: LandingReport, name: str, rows: int) -> BrokenRule:
    found = broken(report, "usual_volume")
    assert company.value("select count(*) from raw.shop__deals where _file_name = $1", name) == 0
    assert company.value("select rows_quarantined from audit.loads where file_name = $1", name) == rows
    return found


def test_the_usual_volume_passes(running: Company) -> None:
    days = [datetime(2026, 3, 1) + timedelta(days=day) for day in range(14)]
    usual = [
        deal(1000 + 10 * i + n, created_at=f"{day:%Y-%m-%d}T08:00:00Z", modified_at=f"{day:%Y-%m-%d}T09:00:00Z")
        for i, day in enumerate(days)
        for n in range(5)
    ]
    running.deliver("deals/new.csv", usual)
    report = running.land(landed_at=datetime(2026, 3, 20))
    assert [entry.message for entry in report.broken_rules if entry.object == "deals"] == []
    figures = running.query(
        "select figure, minimum, maximum from audit.contract_results "
        "where rule = 'usual_volume' and file_name = 'new.csv'"
    )
    assert figures == [(65.0, 39.0, 195.0)]


def rates(count: int) -> list[dict[str, str]]:
    return [{"currency": f"X{n:02d}", "valid_from": "2026-01-01", "rate": "1.25"} for n in range(count)]


def test_a_full_extract_with_half_its_rows_is_stopped_and_accepted_by_override(running: Company) -> None:
    running.deliver("rates/1.csv", rates(40))
    running.land()
    running.deliver("rates/2.csv", [{**row, "rate": "1.5"} for row in rates(20)])
    found = broken(running.land(), "usual_volume")
    assert "20 in 2.csv is not the usual volume (24 to 120 by the files before)" in found.message
    assert running.value("select count(*) from raw.shop__rates where rate = 1.5") == 0
    sha256 = running.value("select file_sha256 from audit.loads where file_name = '2.csv'")
    (running.definitions / "contract_overrides.csv").write_text(
        "system,object,rule,file_sha256,row_key,reason,approved_by,approved_on\n"
        f"shop,rates,usual_volume,{sha256},,Half the currencies were retired,Head of finance,2026-03-09\n"
    )
    report = running.land()
    assert report.broken_rules == ()
    assert running.value("select count(*) from raw.shop__rates where rate = 1.5") == 20
    assert running.query(
        "select is_broken, is_overridden from audit.contract_results "
        "where rule = 'usual_volume' and file_name = '2.csv'"
    ) == [(False, True)]


def test_one_row_is_accepted_by_override(running: Company) -> None:
    running.deliver("deals/new.csv", [*faulty(stage="odd"), deal(300, stage="odder")])
    running.land()
    sha256 = running.value("select file_sha256 from audit.loads where file_name = 'new.csv'")
    (running.definitions / "contract_overrides.csv").write_text(
        "system,object,rule,file_sha256,row_key,reason,approved_by,approved_on\n"
        f"shop,deals,accepted_values:stage,{sha256},D203,Agreed by mail,Head of sales,2026-03-09\n"
    )
    running.land()
    assert running.query("select stage from raw.shop__deals where deal_id in ('D203', 'D300')") == [("odd",)]
    assert running.query("select record_key from audit.quarantine") == [("D300",)]


def test_a_corrected_delivery_ends_the_staleness(running: Company) -> None:
    running.deliver("deals/new.csv", without("amount"))
    assert running.land().blocks_publish
    running.deliver("deals/new2.csv", faulty())
    report = running.land()
    assert report.broken_rules == ()
    assert report.stale_extracts == ()
    assert running.value("select rows_quarantined from audit.loads where file_name = 'new.csv'") == 20


# Files that cannot be read -------------------------------------------------------------------------------------


def parquet(folder: Path, rows: list[dict[str, Any]]) -> bytes:
    source, target = folder / "rows.csv", folder / "rows.parquet"
    source.write_text(csv_text(rows))
    with duckdb.connect() as connection:
        connection.execute(f"copy (from read_csv('{source}', all_varchar = true)) to '{target}' (format parquet)")
    return target.read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("cut.parquet", lambda folder: parquet(folder, faulty())[:-200], "is no complete Parquet file"),
        ("cut.csv.gz", lambda _: gzip.compress(csv_text(faulty()).encode())[:-50], "gzip stream is broken or cut off"),
        ("wide.csv", lambda _: csv_text(faulty()).encode("utf-16"), "it is UTF-16; save the export as UTF-8"),
        ("latin.csv", lambda _: csv_text(faulty()).replace("stage", "stäge", 1).encode("latin-1"),
         "its header is not UTF-8 (byte 0xe4)"),
        ("quote.csv", lambda _: csv_text(faulty()).replace("D205,", '"D205,', 1).encode(),
         "a quote opens that is never closed"),
        ("text.parquet", lambda _: b"hello", "is no complete Parquet file"),
    ],
)  # fmt: skip
def test_an_unreadable_file_is_refused_and_kept(
    running: Company, tmp_path: Path, name: str, content: Callable[[Path], bytes], says: str
) -> None:
    delivered = content(tmp_path)
    running.deliver(f"deals/{name}", delivered)
    report = running.land()
    found = broken(report, "readable")
    assert f"{name} was refused" in found.message
    assert says in found.message
    assert found.blocks_publish
    assert running.value("select count(*) from raw.shop__deals") == len(HEALTHY)
    sha256 = running.value("select file_sha256 from audit.loads where status = 'refused'")
    assert (running.held / sha256).read_bytes() == delivered
    assert [extract.stale_reason for extract in report.stale_extracts] == [f"its newest delivery {name} was refused"]
    assert [entry.message for entry in running.land().broken_rules] == [found.message]


@pytest.mark.parametrize(
    ("content", "lines", "reason"),
    [
        (csv_text(faulty())[:-60], [(20, "D220,C1,open,1220.50")], "has 5 fields, the header 9"),
        (csv_text(faulty()).replace("D204,C1,", "D204,C1,X,", 1), [(4, "D204,C1,X,open")], "has 10 fields"),
        (csv_text(faulty()).replace("D204,C1", 'D204,"C"1', 1), [(4, 'D204,"C"1')], "a quote in the middle of a field"),
        (csv_text(faulty(customer_id="Cä")).encode("latin-1"), [(3, "D203,C\\xe4")], "is not UTF-8 (byte 0xe4)"),
    ],
    ids=["cut off", "one field too many", "stray quote", "latin-1"],
)  # fmt: skip
def test_records_that_are_no_rows_are_held_back_as_delivered(
    running: Company, content: str | bytes, lines: list[tuple[int, str]], reason: str
) -> None:
    path = running.deliver("deals/new.csv", content)
    report = running.land()
    found = broken(report, "readable")
    assert reason in found.message
    assert f"1 of 20 records of new.csv are no rows (first: record {lines[0][0]}" in found.message
    held = running.query("select row_number, raw_row from audit.quarantine where is_unparseable")
    assert [number for number, _ in held] == [number for number, _ in lines]
    assert held[0][1].startswith(lines[0][1])
    numbers = running.query("select _row_number, deal_id from raw.shop__deals where _file_name = 'new.csv' order by 1")
    assert numbers == [(n, f"D{200 + n}") for n in range(1, 21) if n != lines[0][0]]
    sha256 = running.value("select file_sha256 from audit.loads where file_name = 'new.csv'")
    assert (running.held / sha256).read_bytes() == path.read_bytes()


def test_many_broken_records_stop_the_file(running: Company) -> None:
    text = csv_text(faulty()).splitlines()
    running.deliver("deals/new.csv", "\n".join([text[0], *(line.rsplit(",", 1)[0] for line in text[1:])]))
    found = broken(running.land(), "tolerance")
    assert "100.0% of the rows of new.csv are broken, by records that are no rows (20)" in found.message


def test_lines_that_are_no_json_objects_are_held_back(running: Company) -> None:
    lines = [json.dumps(row) for row in faulty()]
    lines[4] = lines[4][:-10]
    lines[5] = "[1, 2]"
    running.deliver("deals/new.jsonl", "\n".join(lines))
    assert (
        "2 of 20 records of new.jsonl are no rows (first: record 5 is no JSON object)"
        in broken(running.land(), "readable").message
    )
    assert running.query("select row_number, raw_row from audit.quarantine order by 1") == [
        (5, lines[4]),
        (6, "[1, 2]"),
    ]


@pytest.mark.parametrize(
    "content", ["", "\n\n", csv_text(faulty()).splitlines()[0] + "\n"], ids=["0", "blank", "header"]
)
def test_an_empty_file_is_reported(running: Company, content: str) -> None:
    running.deliver("customers/new.csv", content)
    running.deliver("rates/new.csv", content.replace("deal_id", "currency"))
    report = running.land()
    names = {entry.contract_id for entry in report.broken_rules if entry.rule == "not_empty"}
    # A header alone is how a delta says that nothing changed.
    assert names == ({"shop.rates"} if content.startswith("deal_id") else {"shop.customers", "shop.rates"})
    assert running.value("select count(*) from raw.shop__customers") == 1


def test_sql_in_values_and_headers_is_text(running: Company) -> None:
    attack = "'; drop table raw.shop__deals; --"
    rows = faulty(stage=attack)
    for row in rows:
        row["x\"'); drop table audit.loads; --{batch}"] = attack
    running.deliver("deals/new.csv", rows)
    assert broken(running.land(), "accepted_values:stage").rows_held == 1
    assert json.loads(running.value("select raw_row from audit.quarantine"))["stage"] == attack
    assert running.value("select count(*) from raw.shop__deals where contains(_extra, 'drop table')") == 19
    running.change_contract("deals", "[open, won, lost]", f'[open, won, lost, "{attack}"]', version="2.1.0")
    running.land()
    assert running.value("select _extra from raw.shop__deals where deal_id = 'D203'") == running.value(
        "select _extra from raw.shop__deals where deal_id = 'D204'"
    )


def test_rows_without_any_modification_time_are_stale_and_the_message_says_why(company: Company) -> None:
    company.deliver("customers/a.csv", csv_text([customer(1)], [c for c in customer(1) if c != "modified_at"]))
    report = company.land(as_of=datetime(2026, 3, 12))
    (found,) = [rule for rule in report.broken_rules if rule.rule == "freshness"]
    assert (
        "no accepted row has a modified_at, so nobody can tell how old the data are; agreed are 48 h" in found.message
    )
    assert "Export modified_at too" in found.message
    assert "None" not in found.message
    assert [extract.stale_reason for extract in report.stale_extracts] == [
        "no accepted row has a modified_at, so nobody can tell how old the data are"
    ]


def test_a_stale_delivery_is_marked_and_kept(running: Company) -> None:
    running.deliver("deals/new.csv", [deal(999, modified_at="2026-03-12T00:00:00Z")])
    report = running.land(landed_at=datetime(2026, 3, 13))
    found = broken(report, "freshness")
    assert (found.contract_id, found.severity, found.blocks_publish) == ("shop.customers", "warning", False)
    assert "64 h before 2026-03-12 00:00:00; agreed are 48 h" in found.message
    assert [extract.name for extract in report.stale_extracts] == ["shop.customers"]


# The folder of extracts ----------------------------------------------------------------------------------------


def test_a_required_extract_that_never_came_blocks_publishing(company: Company) -> None:
    company.deliver("rates/1.csv", rates(3))
    found = broken(company.land(as_of=LANDED_AT), "required")
    assert found.message == (
        "shop.customers 1.2.0, rule required: Shop customers is required and was never delivered. "
        "Deliver it into shop/customers/. Owner: sales_operations."
    )
    assert found.blocks_publish


def test_a_required_extract_that_was_refused_blocks_publishing(company: Company) -> None:
    company.deliver("customers/1.parquet", b"nothing")
    report = company.land(as_of=LANDED_AT)
    assert "no delivery of it was ever accepted" in broken(report, "required").message


def test_an_empty_extracts_folder_is_an_error(company: Company) -> None:
    with pytest.raises(ExtractsError, match="no file in it.*the demo is never used instead"):
        company.land()
    assert not company.build_file.exists()


def test_a_missing_extracts_folder_is_an_error(company: Company) -> None:
    company.extracts.rmdir()
    with pytest.raises(ExtractsError, match="is no folder"):
        company.land()


@pytest.mark.parametrize(
    ("place", "says"),
    [
        (
            "hopshot/contact/a.csv",
            "no contract describes a system 'hopshot'. Known systems: shop. Extracts of",
        ),
        (
            "shop/costumers/a.csv",
            "no contract describes 'shop.costumers'. Is it 'customers'? Known objects of shop: customers, deals",
        ),
        ("shop/a.csv", "lies outside <system>/<object>/"),
        ("a.csv", "lies outside <system>/<object>/"),
        ("shop/deals/march/a.csv", "is a folder; files lie directly in"),
    ],
)
def test_a_folder_that_nobody_agreed_on_is_an_error(running: Company, place: str, says: str) -> None:
    path = running.extracts / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(csv_text(faulty()))
    with pytest.raises(ExtractsError) as error:
        running.land()
    assert says in str(error.value)
    assert running.value("select count(*) from raw.shop__deals") == len(HEALTHY)


@pytest.mark.parametrize("place", ["deals/link.csv", "rates"])
def test_a_link_leaving_the_folder_is_an_error(running: Company, tmp_path: Path, place: str) -> None:
    outside = tmp_path / "secrets"
    outside.mkdir()
    (outside / "a.csv").write_text(csv_text(faulty()))
    target = outside / "a.csv" if place.endswith(".csv") else outside
    (running.extracts / "shop" / place).symlink_to(target)
    with pytest.raises(ExtractsError, match="outside the extracts folder.*Nothing was loaded"):
        running.land()
    assert running.value("select count(*) from audit.loads") == 2


def test_a_file_of_another_kind_is_reported(running: Company) -> None:
    running.deliver("deals/deals.xlsx", b"PK")
    assert "deals.xlsx is none of .csv, .csv.gz, .parquet, .jsonl" in broken(running.land(), "readable").message


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("shop,orders,usual_volume,abc,,r,a,2026-01-01", "line 2: there is no contract shop.orders"),
        ("shop,deals,usual_weather,abc,,r,a,2026-01-01", "shop.deals has no rule 'usual_weather'"),
        ("shop,deals,type:amount,abc,,r,a,2026-01-01", "rule 'type:amount' cannot be overridden"),
        ("shop,deals,usual_volume,,,r,a,2026-01-01", "file_sha256 is empty"),
        ("shop,deals,usual_volume,abc,,,a,2026-01-01", "reason is empty"),
        ("shop,deals,usual_volume,abc,D1,r,a,2026-01-01", "is about the whole file; leave row_key empty"),
    ],
)
def test_an_override_that_cannot_hold_is_an_error(running: Company, line: str, says: str) -> None:
    from orchestration.landing import LandingError

    (running.definitions / "contract_overrides.csv").write_text(
        f"system,object,rule,file_sha256,row_key,reason,approved_by,approved_on\n{line}\n"
    )
    with pytest.raises(LandingError) as error:
        running.land()
    assert says in str(error.value)
