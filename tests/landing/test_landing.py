"""What good deliveries become, whatever their format and order."""

from __future__ import annotations

import gzip
import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration.landing import LandingError
from tests.landing.conftest import Company, csv_text, customer, deal


def test_rows_are_typed_and_accounted_for(company: Company) -> None:
    company.deliver("customers/a.csv", [customer(1), customer(2)])
    company.deliver("deals/a.csv", [deal(1, amount="10.5", created_at="2026-03-01T10:00:00+02:00")])
    report = company.land()
    assert company.current("shop__deals", "deal_id, amount, close_date, created_at, is_won, _modified_at") == [
        ("D1", Decimal("10.50"), date(2026, 6, 30), datetime(2026, 3, 1, 8), False, datetime(2026, 3, 9, 8))
    ]
    assert report.as_of == datetime(2026, 3, 9, 8)
    assert report.broken_rules == ()
    assert [(load.status, load.rows_delivered) for load in report.new_loads] == [("accepted", 2), ("accepted", 1)]
    assert company.query("select _row_number, _file_name, _is_deleted from raw.shop__customers order by 1") == [
        (1, "a.csv", False),
        (2, "a.csv", False),
    ]


def test_redelivery_of_the_same_content_adds_nothing(company: Company) -> None:
    path = company.deliver("customers/a.csv", [customer(1), customer(2)])
    company.land()
    content = "select * exclude (_last_file_name, _last_delivery) from raw.shop__customers order by _key"
    before = company.query(content)
    path.with_name("b.csv").write_bytes(path.read_bytes())
    report = company.land()
    assert not report.changed
    assert company.query(content) == before
    assert company.value("select count(*) from audit.loads") == 1


def test_known_rows_in_a_new_file_are_superseded(company: Company) -> None:
    company.deliver("customers/a.csv", [customer(1), customer(2)])
    company.deliver("customers/b.csv", [customer(1), customer(2), customer(3), customer(3)])
    company.land()
    assert company.query("select rows_accepted, rows_superseded from audit.loads order by file_name") == [
        (2, 0),
        (1, 3),
    ]


def test_a_corrected_row_supersedes_by_key_and_modification_time(company: Company) -> None:
    company.deliver("customers/a.csv", [customer(1)])
    company.land()
    company.deliver("customers/b.csv", [customer(1, name="Renamed", modified_at="2026-03-09T09:00:00Z")])
    company.deliver("customers/c.csv", [customer(1, name="Older", modified_at="2026-03-08T09:00:00Z")])
    company.land()
    assert company.query("select name, _is_current, _valid_to from raw.shop__customers order by _modified_at") == [
        ("Older", False, datetime(2026, 3, 9, 8)),
        ("Company 1", False, datetime(2026, 3, 9, 9)),
        ("Renamed", True, None),
    ]


def test_without_modification_time_the_later_file_name_holds(company: Company) -> None:
    rate = {"currency": "EUR", "valid_from": "2026-01-01", "rate": "1.1"}
    company.deliver("rates/2026-01.csv", [rate])
    company.deliver("rates/2026-03.csv", [rate])
    company.land(as_of=datetime(2026, 3, 9))
    company.deliver("rates/2026-02.csv", [{**rate, "rate": "1.2"}])
    company.land(as_of=datetime(2026, 3, 9))
    assert company.current("shop__rates", "_key, rate, _file_name, _last_file_name") == [
        ("EUR|2026-01-01", Decimal("1.10000000"), "2026-01.csv", "2026-03.csv")
    ]
    assert company.value("select count(*) from raw.shop__rates") == 2


TRICKY = [
    customer(1, name='Line\nbreak, "quoted"'),
    customer(2, name="Plain", email=""),
    customer(3, name="Ünïcode ✓", employees=""),
]


def _parquet(path: Path) -> bytes:
    source = path.with_name("source.csv")
    source.write_text(csv_text(TRICKY), encoding="utf-8", newline="")
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select * replace (cast(employees as integer) as employees, cast(created_at as timestamptz) as "
            f"created_at, cast(modified_at as timestamp) as modified_at, cast(is_deleted as boolean) as is_deleted) "
            f"from read_csv('{source}', all_varchar = true)) to '{path}' (format parquet)"
        )
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain.csv", lambda _: csv_text(TRICKY).encode()),
        ("bom.csv", lambda _: b"\xef\xbb\xbf" + csv_text(TRICKY).encode()),
        ("crlf.csv", lambda _: csv_text(TRICKY, newline="\r\n").encode()),
        ("blank_lines.csv", lambda _: csv_text(TRICKY, newline="\n\n").encode()),
        ("no_last_newline.csv", lambda _: csv_text(TRICKY).rstrip("\n").encode()),
        ("semicolons.csv", lambda _: csv_text(TRICKY).replace(",", ";").encode()),
        ("packed.csv.gz", lambda _: gzip.compress(csv_text(TRICKY).encode())),
        ("lines.jsonl", lambda _: "\n\n".join(json.dumps(row) for row in TRICKY).encode()),
        ("table.parquet", _parquet),
    ],
)
def test_every_format_gives_the_same_rows(company: Company, tmp_path: Path, name: str, content: object) -> None:
    company.deliver(f"customers/{name}", content(tmp_path / name))  # type: ignore[operator]
    report = company.land()
    assert report.broken_rules == ()
    expected_name = 'Line\nbreak; "quoted"' if name == "semicolons.csv" else 'Line\nbreak, "quoted"'
    assert company.current("shop__customers", "customer_id, name, email, employees, created_at, _row_number") == [
        ("C1", expected_name, "office1@example.com", 11, datetime(2026, 3, 1, 8), 1),
        ("C2", "Plain", None, 12, datetime(2026, 3, 1, 8), 2),
        ("C3", "Ünïcode ✓", "office3@example.com", None, datetime(2026, 3, 1, 8), 3),
    ]


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("CustomerId", "customer_id"),
        ("CUSTOMER_ID", "customer_id"),
        ("property_customer_id", "customer_id"),
        ("Customer ID", "customer_id"),
        ("Company", "name"),
        ("Firmenname__c", "name"),
    ],
)
def test_headers_are_matched_by_name_alias_and_mapping(company: Company, header: str, column: str) -> None:
    (company.definitions / "field_mappings.csv").write_text(
        "system,object,source_field,target_column\nshop,customers,Firmenname__c,name\n"
    )
    company.deliver("customers/a.csv", csv_text([customer(1)]).replace(column, header, 1))
    report = company.land()
    assert report.broken_rules == ()
    assert company.current("shop__customers", "customer_id, name") == [("C1", "Company 1")]


def test_unknown_columns_are_reported_and_kept(company: Company) -> None:
    company.deliver("customers/a.csv", [customer(1, Hobby="chess", Note=""), customer(2, Hobby="", Note="")])
    report = company.land()
    extract = next(extract for extract in report.extracts if extract.name == "shop.customers")
    assert extract.unknown_columns == ("Hobby", "Note")
    assert company.current("shop__customers", "_extra") == [('{"Hobby":"chess"}',), (None,)]


def test_milliseconds_since_1970_are_a_timestamp(company: Company) -> None:
    company.deliver("customers/a.csv", [customer(1, created_at="1772352000000")])
    company.land()
    assert company.current("shop__customers", "created_at") == [(datetime(2026, 3, 1, 8),)]


def test_absent_extracts_are_empty_typed_tables(company: Company) -> None:
    company.deliver("customers/a.csv", [customer(1)])
    report = company.land()
    assert company.value("select count(*) from raw.shop__deals") == 0
    assert company.query(
        "select data_type from duckdb_columns() where table_name = 'shop__deals' and column_name = 'amount'"
    ) == [("DECIMAL(18,2)",)]
    assert not next(extract for extract in report.extracts if extract.name == "shop.deals").is_delivered


def test_an_interrupted_landing_leaves_all_as_before(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    company.deliver("customers/a.csv", [customer(1)])
    company.land()
    company.deliver("customers/b.csv", [*map(customer, range(2, 8)), customer(8, name="")])
    from orchestration.landing.store import Writer

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "_ledger", interrupt)
        with pytest.raises(KeyboardInterrupt):
            company.land()
    company.check_ledger()
    assert company.current("shop__customers", "customer_id") == [("C1",)]
    assert company.value("select count(*) from audit.quarantine") == 0
    company.land()
    assert len(company.current("shop__customers")) == 7
    assert company.value("select count(*) from audit.quarantine") == 1


def test_rows_that_do_not_add_up_are_not_loaded(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration.landing.store import Writer

    company.deliver("customers/a.csv", [*map(customer, range(1, 7)), customer(7, name="")])
    with monkeypatch.context() as patch:
        patch.setattr(Writer, "_quarantine", lambda _: None)
        with pytest.raises(LandingError, match=r"a\.csv delivered 7 rows, but 6 accepted \+ 0 quarantined"):
            company.land()
    assert company.value("select count(*) from raw.shop__customers") == 0


def test_columns_that_a_contract_gains_appear_in_raw(company: Company) -> None:
    company.deliver("customers/a.csv", [customer(1, city="Graz")])
    company.land()
    added = (
        "      - {name: city, logicalType: string, physicalType: varchar, description: City., "
        "classification: internal}\n"
    )
    place = "      - name: is_deleted\n"
    company.change_contract("customers", place, added + place, version="1.3.0")
    company.deliver("customers/b.csv", [customer(2, city="Linz")])
    company.land()
    assert company.current("shop__customers", "customer_id, city") == [("C1", "Graz"), ("C2", "Linz")]


def test_a_contract_that_changes_under_its_version_stops_landing_until_the_version_is_raised(company: Company) -> None:
    company.deliver("customers/a.csv", [*map(customer, range(1, 7)), customer(7, employees=900)])
    company.land()
    company.change_contract("customers", "{minimum: 0}", "{minimum: 0, maximum: 500}")
    company.deliver("customers/b.csv", [*map(customer, range(11, 17)), customer(17, employees=900)])
    company.deliver("rates/a.csv", [{"currency": "EUR", "valid_from": "2026-01-01", "rate": "1.1"}])
    place = r"properties\.employees\.logicalTypeOptions\.maximum: absent → 500"
    with pytest.raises(
        LandingError, match=rf"shop\.customers 1\.2\.0: .*{place}\).*new version.*Owner: sales_operations"
    ):
        company.land()
    assert company.query("select file_name, rows_accepted from audit.loads") == [("a.csv", 7)]
    company.change_contract("customers", "version: 1.2.0\n", "version: 1.3.0\n")
    company.land()
    accepted = (
        "select file_name, contract_version, rows_accepted from audit.loads where object = 'customers' order by all"
    )
    assert company.query(accepted) == [("a.csv", "1.2.0", 7), ("b.csv", "1.3.0", 6)]
    # What the first version said is remembered: it can come back as it was, and as nothing else.
    company.change_contract("customers", "version: 1.3.0\n", "version: 1.2.0\n")
    with pytest.raises(LandingError, match=r"shop\.customers 1\.2\.0"):
        company.land()
    company.change_contract("customers", "{minimum: 0, maximum: 500}", "{minimum: 0}")
    company.land()


def test_prose_signatures_and_contracts_that_nobody_delivered_under_may_change(company: Company) -> None:
    company.deliver("customers/a.csv", [customer(1)])
    company.land()
    company.change_contract("customers", "description: One row", "description: Exactly one row")
    signed = "  - {property: signedBySales, value: Head of sales}\n"
    company.change_contract("customers", "  - {property: blocksPublish", signed + "  - {property: blocksPublish")
    company.change_contract("deals", "tolerance, value: 0.2", "tolerance, value: 0.3")
    company.deliver("customers/b.csv", [customer(2)])
    assert company.land().rows_accepted == 1


def test_an_as_of_before_all_delivered_data_is_an_error_and_one_at_the_first_row_is_not(company: Company) -> None:
    company.deliver("customers/a.csv", [customer(1), customer(2, created_at="2026-02-01T08:00:00Z")])
    company.deliver("rates/a.csv", [{"currency": "EUR", "valid_from": "2020-01-01", "rate": "1.1"}])
    words = r"CONCORD_AS_OF=2026-02-01 07:59:59.*earliest accepted row is of 2026-02-01 08:00:00, in shop\.customers"
    with pytest.raises(LandingError, match=words):
        company.land(as_of=datetime(2026, 2, 1, 7, 59, 59))
    assert company.value("select sum(rows_accepted) from audit.loads") == 3
    assert company.land(as_of=datetime(2026, 2, 1, 8)).as_of == datetime(2026, 2, 1, 8)


def test_rows_keep_their_numbers_over_many_files_and_chunks(company: Company) -> None:
    company.deliver("customers/a.csv", [customer(1)])
    files = {"a.csv": range(1, 30_001), "b.csv": range(30_001, 30_003), "c.csv": range(30_003, 60_001)}
    for name, numbers in files.items():
        company.deliver(f"deals/{name}", [deal(n, customer_id="C1" if n % 1000 else "C9") for n in numbers])
    company.land()
    wrong = """
        select count(*) from raw.shop__deals
        where _row_number <> cast(substr(deal_id, 2) as int)
            - case _file_name when 'a.csv' then 0 when 'b.csv' then 30000 else 30002 end
    """
    assert company.value("select count(*) from raw.shop__deals") == 59_940
    assert company.value(wrong) == 0
    assert company.query("select row_number from audit.quarantine where file_name = 'a.csv' order by 1") == [
        (1000 * n,) for n in range(1, 31)
    ]


def test_rows_keep_their_numbers_where_files_cannot_be_read_together(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read in another order than delivered is taken back and read again, a file at a time."""
    monkeypatch.setattr("orchestration.landing.staging._is_in_order", lambda *_: False)
    company.deliver("customers/a.csv", [customer(1)])
    for name, numbers in {"a.csv": range(1, 41), "b.csv": range(41, 81)}.items():
        company.deliver(f"deals/{name}", [deal(n, customer_id="C9" if n in (7, 45) else "C1") for n in numbers])
    company.land()
    assert company.query("select file_name, row_number from audit.quarantine order by 1") == [
        ("a.csv", 7),
        ("b.csv", 5),
    ]
    wrong = "_row_number <> cast(substr(deal_id, 2) as int) - case _file_name when 'a.csv' then 0 else 40 end"
    assert company.value(f"select count(*) from raw.shop__deals where {wrong}") == 0
