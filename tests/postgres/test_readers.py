"""Eight readers in a tight loop while builds follow each other."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

READERS, PUBLISHES = 8, 20


@pytest.mark.slow
def test_eight_readers_see_whole_builds_while_twenty_are_published(database, files):
    database.publish(files.write(1))
    database.run(
        "create role tool login in role bi_reader",
        "create schema own authorization tool",
        "create role guest login",
    )
    database.run(
        "create view own.both as select min(deals.build) as deals, min(months.build) as months, count(*) as rows"
        " from marts.fct_deals as deals, metrics.company_by_month as months",
        "grant usage on schema own to guest",
        "grant select on own.both to guest",
        user="tool",
    )
    paths = [files.write(number) for number in range(2, PUBLISHES + 2)]
    stop, seen, torn = threading.Event(), set(), []
    reads = [0] * READERS
    one = "(select min(build) from marts.fct_deals)"
    other = "(select min(build) from metrics.company_by_month)"
    number = "(select build_number from audit._publish)"
    rows = "(select count(*) from core.fct_deals)"

    def read(reader):
        kind = reader % 4
        with database.connect("guest" if kind == 3 else "tool") as connection:
            if kind == 2:
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            while not stop.is_set():
                if kind == 0:
                    found = connection.execute(f"select {one}, {other}, {number}, {rows}").fetchone()
                elif kind == 3:
                    both = connection.execute("select * from own.both").fetchone()
                    found = (both[0], both[1], both[1], both[2])
                else:
                    with connection.transaction():
                        found = tuple(
                            connection.execute(f"select {part}").fetchone()[0] for part in (one, other, number, rows)
                        )
                if len({*found[:3]}) != 1 or None in found or found[3] != 40:
                    torn.append((kind, found))
                seen.add(found[0])
                reads[reader] += 1

    with ThreadPoolExecutor(READERS) as pool:
        readers = [pool.submit(read, reader) for reader in range(READERS)]
        try:
            for path in paths:
                database.publish(path)
        finally:
            stop.set()
        for reader in readers:
            reader.result(30)
    assert torn == []
    assert database.build("tool") == PUBLISHES + 1
    assert min(reads) > PUBLISHES
    assert len(seen) > PUBLISHES / 2
