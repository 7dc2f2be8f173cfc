"""The published file as the server opens it: read-only, locked, limited in time and memory; its page and its cells."""

import threading
import time
from datetime import date, datetime
from decimal import Decimal

import duckdb
import pytest

from dashboard.server_page_file import PageFile, page_policy, prepare_page
from dashboard.server_render import cell, export_cell
from dashboard.server_warehouse import Limits, Warehouse, WarehouseError


def published(folder, number):
    folder.mkdir(exist_ok=True)
    path = folder / f"concord-{number}.duckdb"
    with duckdb.connect(str(path)) as file:
        file.execute(
            "create schema audit; create table audit.builds as select 'b' || ?::varchar as build_id, ? as build_number,"
            " timestamp '2026-01-01' as published_at, timestamp '2026-01-01' as as_of, false as is_demo,"
            " true as is_provisional, '1' as definition_version, 'a.x, b.y' as stale_extracts",
            [number, number],
        )
    link = folder / "concord.duckdb"
    draft = folder / "link"
    draft.symlink_to(path.name)
    draft.replace(link)
    return link


@pytest.mark.parametrize(
    "sql",
    [
        "create table t (a int)",
        "delete from audit.builds",
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/hostname')",
        "copy audit.builds to '/tmp/out.csv'",
        "attach '/tmp/other.duckdb' as other",
        "install httpfs",
        "load httpfs",
        "set memory_limit = '100GB'",
        "set enable_external_access = true",
        "set lock_configuration = false",
        "export database '/tmp/out'",
    ],
)
def test_the_connection_can_read_this_file_and_nothing_else(tmp_path, sql):
    """Not that anybody could send SQL; but if somebody could, this is what would stand in the way."""
    warehouse = Warehouse(published(tmp_path / "wh", 1))
    with (
        warehouse.newest() as reader,
        pytest.raises(duckdb.Error, match=r"(?i)read-only|disabled|locked|configuration"),
    ):
        reader.rows(sql)
    with warehouse.newest() as reader:
        assert reader.rows("select count(*) as builds from audit.builds") == [{"builds": 1}]
        assert reader.facts.stale_extracts == ("a.x", "b.y")
    warehouse.close()


def test_a_query_that_takes_too_long_is_stopped_and_the_next_one_works(tmp_path):
    warehouse = Warehouse(published(tmp_path / "wh", 1), Limits(seconds=0.5))
    began = time.monotonic()
    with warehouse.newest() as reader, pytest.raises(WarehouseError, match="took longer than 0.5 seconds"):
        reader.rows("select count(*) from range(1000000000000) as a(x) where hash(x) % 7 = 3")
    assert time.monotonic() - began < 5
    with warehouse.newest() as reader:
        assert reader.rows("select 1 as one") == [{"one": 1}]
    warehouse.close()


def test_a_query_that_needs_too_much_memory_is_refused(tmp_path):
    warehouse = Warehouse(published(tmp_path / "wh", 1), Limits(memory="32MB", seconds=20))
    with warehouse.newest() as reader, pytest.raises(WarehouseError, match="more memory than a request may take"):
        reader.rows("select x, md5(x::varchar) as h from range(20000000) as a(x) order by h limit 1 offset 10000000")
    warehouse.close()


def test_more_requests_than_may_query_at_once_wait_and_then_are_told(tmp_path):
    warehouse = Warehouse(published(tmp_path / "wh", 1), Limits(queries=1, waiting_seconds=0.2))
    with warehouse.newest(), pytest.raises(WarehouseError, match="too many requests at once"), warehouse.newest():
        pass
    with warehouse.newest():
        pass
    warehouse.close()


def test_each_reader_keeps_the_build_that_it_began_with(tmp_path):
    link = published(tmp_path / "wh", 1)
    warehouse = Warehouse(link)
    with warehouse.newest() as old:
        published(tmp_path / "wh", 2)
        (tmp_path / "wh" / "concord-1.duckdb").unlink()
        with warehouse.newest() as new:
            assert new.facts.build_id == "b2"
            assert old.facts.build_id == "b1"
            assert old.rows("select build_id from audit.builds") == [{"build_id": "b1"}]
    assert warehouse._open.facts.build_id == "b2"
    warehouse.close()


def test_a_reader_that_is_slow_ends_before_its_file_is_closed(tmp_path):
    link = published(tmp_path / "wh", 1)
    warehouse = Warehouse(link)
    seen, may_end = [], threading.Event()

    def slow():
        with warehouse.newest() as reader:
            may_end.wait(10)
            seen.extend(reader.rows("select build_id from audit.builds"))

    thread = threading.Thread(target=slow)
    thread.start()
    while warehouse._open is None or not warehouse._open.readers:
        time.sleep(0.01)
    published(tmp_path / "wh", 2)
    with warehouse.newest():
        pass
    warehouse.close()
    may_end.set()
    thread.join()
    assert seen == [{"build_id": "b1"}]


def test_a_missing_file_is_said_so(tmp_path):
    with (
        pytest.raises(WarehouseError, match="nothing is published yet"),
        Warehouse(tmp_path / "concord.duckdb").newest(),
    ):
        pass


def test_a_page_is_read_anew_when_it_changed_and_its_policy_names_its_own_scripts(tmp_path):
    path = tmp_path / "dashboard.html"
    page = PageFile(path, "<nav>bar</nav>")
    assert page.newest() is None
    path.write_text('<html lang="en" data-build="b1"><body class="x">one</body></html>')
    first = page.newest()
    assert (first.build_id, page.newest() is first) == ("b1", True)
    assert b'<body class="x"><nav>bar</nav>one' in first.content
    path.write_text('<html data-build="b2"><body>two</body></html>')
    assert page.newest().build_id == "b2"
    skip = '<a class="skip" href="#main">To the figures</a>'
    assert f"{skip}<nav>".encode() in prepare_page(f"<html><body>\n{skip}<main></main></body></html>", "<nav>").content
    assert page.newest().etag != first.etag
    text = (
        "<html><head><style>b{c:d}</style></head><body><script>let a = '<p>' && 1;</script>"
        '<script type="application/json">{"a": 1}</script></body></html>'
    )
    policy = page_policy(text)
    # The same sums by `openssl dgst -sha256 -binary | base64`.
    assert "script-src 'sha256-JY9ufVfWG/bIgGqYqmhpasc56GBCLRvTk907odAVOc4='" in policy
    assert policy.count("sha256-") == 2
    assert "script-src 'none'" in page_policy("<html><body></body></html>")
    assert prepare_page("<html><body></body></html>", "x").build_id == ""


@pytest.mark.parametrize(
    ("value", "kind", "shown", "exported"),
    [
        (None, "text", "–", ""),
        (True, "flag", "yes", "true"),
        (Decimal("-1234.50"), "money", "-1,234.50", "-1234.50"),
        (1234567, "whole", "1,234,567", "1234567"),
        (0.12345, "share", "12.3%", "0.12345"),
        (0.5, "number", "0.5", "0.5"),
        (Decimal("3.000000"), "number", "3", "3.000000"),
        (date(2026, 5, 1), "date", "2026-05-01", "2026-05-01"),
        (datetime(2026, 5, 1, 12, 30, 15), "moment", "2026-05-01 12:30", "2026-05-01T12:30:15"),
        ("-5", "text", "-5", "'-5"),
        ("  =1", "text", "  =1", "'  =1"),
        ("\n=1", "text", "\n=1", "'\n=1"),
        ("a=1", "text", "a=1", "a=1"),
    ],
)
def test_cells_for_people_and_for_files(value, kind, shown, exported):
    assert cell(value, kind) == shown
    assert export_cell(value) == exported
