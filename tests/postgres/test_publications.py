"""What readers, other people's views and administrators see while builds follow each other."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from orchestration.dsn import read_dsn
from orchestration.publishing.postgres import PostgresError, publish, schemas, server
from orchestration.settings import PROJECT_ROOT
from tests.postgres.conftest import DEALS_SQL


def relations(database):
    return set(
        database.rows(
            "select nspname, relname, pg_class.oid, relfilenode, relacl::text from pg_class"
            " inner join pg_namespace on pg_namespace.oid = relnamespace"
            " where nspname in ('core', 'funnel', 'marts', 'metrics', 'audit', 'concord_builds')"
        )
    )


def loaded_tables(database):
    return {
        name
        for (name,) in database.rows(
            "select relname::text from pg_class where relnamespace = 'concord_builds'::regnamespace"
            " and relkind = 'r' and relname ~ '__p[0-9]+$'"
        )
    }


def test_the_same_build_again_changes_nothing(database, files):
    path = files.write()
    assert not database.publish(path).is_unchanged
    before = relations(database)
    again = database.publish(path)
    assert (again.is_unchanged, again.rows) == (
        True,
        {"core.fct_deals": 40, "metrics.company_by_month": 1, "audit.builds": 1},
    )
    assert relations(database) == before
    # A view that somebody dropped comes back with the same build.
    database.run("drop view marts.fct_deals")
    assert not database.publish(path).is_unchanged
    assert database.rows("select count(*) from marts.fct_deals") == [(40,)]


def test_the_newest_two_publications_stay_and_no_more(database, files):
    for number in range(1, 5):
        assert database.publish(files.write(number)).notes == ()
    assert {name.rsplit("__p")[-1] for name in loaded_tables(database)} == {"3", "4"}
    # Whoever builds on the tables below keeps them, and is told of.
    database.run("create view public.wrong as select deal_id from concord_builds.core__fct_deals__p3")
    database.publish(files.write(5))
    (note,) = database.publish(files.write(6)).notes
    assert "view public.wrong depends on table concord_builds.core__fct_deals__p3" in note
    assert "build it on the views" in note
    assert "core__fct_deals__p3" in loaded_tables(database)
    # Readers are not waited for: what they hold goes later.
    database.run("drop view public.wrong")
    with database.connect() as reader, reader.transaction():
        reader.execute("select 1 from concord_builds.core__fct_deals__p5")
        (note,) = database.publish(files.write(7)).notes
        assert "core__fct_deals__p5; it goes with a later publication" in note
    database.publish(files.write(8))
    assert {name.rsplit("__p")[-1] for name in loaded_tables(database)} == {"7", "8"}


def test_readers_read_the_views_and_nothing_else(database, files):
    database.publish(files.write())
    database.run("create role tool login in role bi_reader", "create table public.secret as select 1 as a")
    for schema in ("core", "metrics", "audit", "marts"):
        views = database.rows(
            f"select relname from pg_class where relnamespace = '{schema}'::regnamespace and relkind = 'v'"
        )
        for (view,) in views:
            assert len(database.rows(f'select * from {schema}."{view}"', user="tool")) > 0
    assert database.rows("select rolcanlogin from pg_roles where rolname = 'bi_reader'") == [(False,)]
    refused = [
        "select * from concord_builds.core__fct_deals__p1",
        "select * from concord_builds.publications",
        "select * from public.secret",
        "select * from pg_authid",
        "insert into core.fct_deals (deal_id) values ('x')",
        "update marts.fct_deals set amount = 0",
        "delete from core.fct_deals",
        "truncate concord_builds.core__fct_deals__p1",
        "create view marts.mine as select 1 as a",
        "create table core.mine (a integer)",
        "create table public.mine (a integer)",
        "create schema mine",
        "drop view core.fct_deals",
        "create or replace view core.fct_deals as select 1 as deal_id",
        "comment on view core.fct_deals is 'mine'",
        "alter role bi_reader createrole",
        "copy core.fct_deals to program 'cat'",
    ]
    with database.connect("tool") as connection:
        for statement in refused:
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable)):
                connection.execute(statement)
        # PostgreSQL only warns of a grant that may not be given.
        connection.execute("grant select on core.fct_deals to public")
    database.run("create role stranger login", "grant usage on schema core to stranger")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.rows("select 1 from core.fct_deals", user="stranger")


def test_views_and_grants_of_others_survive_other_columns(database, files):
    with_fee = DEALS_SQL.replace(" as note", " as note, 1.5::decimal(18, 2) as fee")
    database.publish(files.write(1, deals=with_fee))
    database.run(
        "create role analyst login",
        "create role intern login",
        "create schema sales authorization analyst",
        "grant usage on schema marts, core to analyst, intern",
        "grant select on marts.fct_deals, core.fct_deals to analyst",
        "grant select (deal_id, amount) on marts.fct_deals to intern",
    )
    database.run(
        "create view sales.big as select deal_id, amount from marts.fct_deals where amount > 40",
        "create view sales.bigger as select * from sales.big where amount > 45",
        "create materialized view sales.days as select created_date, count(*) as deals from core.fct_deals group by 1",
        user="analyst",
    )

    def seen():
        assert database.rows("select amount from marts.fct_deals limit 1", user="intern")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            database.rows("select note from marts.fct_deals", user="intern")
        return database.rows("select count(*), sum(amount) from sales.bigger", user="analyst")

    assert seen() == [(3, 142.5)]
    # A column more in the middle, all others in another order, and one that nobody's view uses gone.
    changed = (
        "select {build} as build, (d * 1.25)::decimal(18, 2) as amount, d % 2 as is_even, 'd' || d as deal_id,"
        " 'a' || (d % 7) as account_id, date '2026-01-01' + d::integer as created_date from range({rows}) as t(d)"
    )
    database.publish(files.write(2, rows=50, deals=changed))
    assert seen() == [(13, 698.75)]
    columns = database.rows(
        "select attname::text, col_description(attrelid, attnum), format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = 'marts.fct_deals'::regclass and attnum > 0 order by attnum"
    )
    assert [name for name, *_ in columns] == [
        "deal_id", "account_id", "created_date", "amount", "note", "fee", "build", "is_even",
    ]  # fmt: skip
    assert columns[4][1].startswith("No longer published: always null")
    assert [data_type for *_, data_type in columns[3:6]] == ["numeric(18,2)", "text", "numeric(18,2)"]
    assert database.rows("select count(note) + count(fee), max(build), sum(is_even) from marts.fct_deals") == [
        (0, 2, 25)
    ]
    # Nobody is left on core's view: it is made anew without the column, with the grants that it had.
    database.run("drop materialized view sales.days", user="analyst")
    database.publish(files.write(3, deals=changed))
    with database.connect("analyst") as connection:
        names = [column.name for column in connection.execute("select * from core.fct_deals").description]
    assert names == ["build", "amount", "is_even", "deal_id", "account_id", "created_date"]
    assert seen() == [(3, 142.5)]
    # The column comes back, and the view that kept it shows it again.
    database.publish(files.write(4))
    assert database.rows("select count(note) from marts.fct_deals") == [(26,)]
    assert seen() == [(3, 142.5)]


def test_what_would_break_a_view_of_others_is_refused_by_name(database, files):
    database.publish(files.write(1, funnel__fct_old="select 1 as a"))
    database.run(
        "create role analyst login in role bi_reader",
        "create schema sales authorization analyst",
    )
    database.run(
        "create view sales.notes as select deal_id, note from marts.fct_deals",
        "create view sales.sums as select sum(amount) as amount from core.fct_deals",
        "create view sales.old as select * from funnel.fct_old",
        user="analyst",
    )
    changed = DEALS_SQL.replace("::decimal(18, 2) as amount", "::double as amount").replace(" as note", " as remark")
    lines = []
    with pytest.raises(PostgresError) as raised:
        database.publish(files.write(2, deals=changed), progress=lines.append)
    told = str(raised.value)
    for line in (
        "core.fct_deals, column amount, becomes double precision instead of numeric(18,2):"
        " used by view sales.sums (owner analyst)",
        "marts.fct_deals, column note, is no longer published: used by view sales.notes (owner analyst)",
        "funnel.fct_old is no longer published: used by view sales.old (owner analyst)",
        "the build that was published there before stands",
    ):
        assert line in told
    assert database.build() == 1
    assert database.rows("select count(*), max(build) from core.fct_deals") == [(40, 1)]
    assert database.rows("select amount from sales.sums", user="analyst") == [(975,)]
    assert all(name.endswith("__p1") for name in loaded_tables(database)), "nothing was loaded for nothing"
    database.run("drop view sales.notes, sales.sums, sales.old", user="analyst")
    database.publish(files.write(2, deals=changed))
    assert database.build("analyst") == 2
    assert database.rows("select to_regclass('funnel.fct_old'), to_regclass('marts.fct_old')") == [(None, None)]
    assert database.rows(
        "select pg_typeof(amount)::text, remark from marts.fct_deals where deal_id = 'd1'", "analyst"
    ) == [("double precision", "Dépôt 1")]


def test_what_is_not_ours_is_left_alone(database, files):
    database.run(
        "create schema core",
        "create table core.own (a integer)",
        "create table core.fct_deals (deal_id text)",
        "create schema sales",
        "create table sales.x as select 1 as a",
    )
    with pytest.raises(PostgresError, match=r"core.fct_deals is a table of postgres: rename or move it"):
        database.publish(files.write())
    database.run("drop table core.fct_deals")
    database.publish(files.write())
    assert database.rows("select count(*) from core.own") == [(0,)]
    for other, message in (
        (files.write(2, origin="demo at scale 1"), r"holds a build from extracts, this one is from demo at scale 1"),
        (files.write(0), r"published later than"),
    ):
        with pytest.raises(PostgresError, match=message):
            database.publish(other)
    assert database.build() == 1


def test_whoever_lacks_rights_is_told_what_an_administrator_must_run(database, files):
    database.run("create role concord login", "create schema core")
    path = files.write()
    with pytest.raises(PostgresError, match="may not make what the publication needs") as raised:
        database.publish(path, user="concord")
    statements = [line.strip(" ;") for line in str(raised.value).splitlines()[1:]]
    assert "create role bi_reader nologin" in statements
    assert 'create schema marts authorization "concord"' in statements
    assert 'grant create, usage on schema core to "concord"' in statements
    assert database.rows("select nspname from pg_namespace where nspname in ('marts', 'concord_builds')") == []
    database.run(*statements, "create role tool login in role bi_reader")
    database.publish(path, user="concord")
    database.publish(files.write(2), user="concord")
    assert database.rows("select count(*), max(build) from core.fct_deals", user="tool") == [(40, 2)]
    owners = database.rows(
        "select distinct viewowner from pg_views where schemaname in ('core', 'marts', 'metrics', 'audit')"
    )
    assert owners == [("concord",)]
    # Another publisher cannot replace what is not its own.
    database.run(
        "create role other login", "grant create, usage on schema core, marts, metrics, audit, concord_builds to other"
    )
    with pytest.raises(PostgresError, match=r"permission denied|belongs to concord"):
        database.publish(files.write(3), user="other")
    # A role that somebody made anew gets back what it may; what was taken from it singly stays away.
    database.run("drop owned by bi_reader", "drop role bi_reader", "create role bi_reader nologin")
    database.run("grant bi_reader to tool", "grant usage on schema core to bi_reader")
    database.publish(files.write(3), user="concord")
    assert database.build("tool") == 3
    database.run("revoke select on core.fct_deals from bi_reader")
    database.publish(files.write(4), user="concord")
    assert database.build("tool") == 4
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.rows("select 1 from core.fct_deals", user="tool")
    # A role of readers that may do more than read is none.
    database.run("alter role bi_reader createrole")
    with pytest.raises(PostgresError, match=r"bi_reader at .* may do more than read"):
        database.publish(files.write(5), user="concord")
    assert database.build() == 4


def test_errors_of_the_connection_say_what_is_wrong_and_never_the_password(
    database, files, postgres_server, monkeypatch
):
    path = files.write()
    hba = postgres_server.pgdata / "pg_hba.conf"
    rules = hba.read_text()
    database.run("create role careful login superuser password 'right-one'")
    told = []
    try:
        hba.write_text(f"local all careful scram-sha-256\n{rules}")
        database.run("select pg_reload_conf()")
        for uri, message in (
            (database.uri_of("careful", "wrong-one"), "password authentication failed"),
            (database.uri_of("careful").replace(":@", "@"), "no password supplied"),
            ("postgresql://careful:wrong-one@127.0.0.1:1/x", r"careful@127.0.0.1:1/x: .*Connection refused"),
            ("host=nowhere.invalid user=careful password='wrong-one'", "could not translate host name"),
            (database.uri.replace("/concord_test", "/nothing"), 'database "nothing" does not exist'),
        ):
            with pytest.raises(PostgresError, match=message) as raised:
                publish.publish_to_postgres(read_dsn(uri), path, (), indexes={}, progress=told.append)
            told += [str(raised.value), repr(raised.value)]
        right = database.uri_of("careful", "right-one")
        publish.publish_to_postgres(read_dsn(right), path, (), indexes={}, progress=told.append)
        # What the driver could repeat of a wrong statement holds no password either.
        with server.Server(read_dsn(right), "test") as connection, pytest.raises(PostgresError) as raised:
            connection.execute("select 'right-one'::integer")
        told.append(str(raised.value))
    finally:
        hba.write_text(rules)
        database.run("select pg_reload_conf()")
    assert "****" in told[-1]
    assert "wrong-one" not in str(told)
    assert "right-one" not in str(told)
    monkeypatch.setattr(server, "OLDEST_VERSION", 99)
    with pytest.raises(PostgresError, match=r"has version 1\d.*; 99 or newer is needed"):
        database.publish(path)
    monkeypatch.undo()
    database.run("create database concord_latin encoding 'LATIN1' template template0 locale 'C'")
    try:
        with pytest.raises(PostgresError, match="has the encoding LATIN1; UTF8 is needed"):
            publish.publish_to_postgres(
                read_dsn(database.uri.replace("concord_test", "concord_latin")), path, (), indexes={}
            )
    finally:
        database.run("drop database concord_latin")


def test_a_second_publisher_waits_and_then_says_who_holds_the_lock(database, files, monkeypatch):
    first, second = files.write(1), files.write(2)
    monkeypatch.setattr(publish, "_LOCK_SECONDS", 0.2)
    with server.Server(database.dsn, "concord elsewhere") as holder:
        publish._lock(holder)
        with pytest.raises(
            PostgresError, match=r"another publication .* is under way \(process \d+ concord elsewhere\)"
        ):
            database.publish(first)
        monkeypatch.setattr(publish, "_LOCK_SECONDS", 30.0)
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(database.publish, first)
            time.sleep(0.3)
            assert not waiting.done()
            holder.close()
            waiting.result(20)
    database.publish(second)
    assert database.build() == 2


def test_a_reader_who_holds_a_view_is_named_and_others_wait_no_longer_than_a_moment(database, files):
    database.publish(files.write(1))
    slowest, stop = [0.0], threading.Event()

    def read():
        with database.connect() as connection:
            while not stop.is_set():
                began = time.monotonic()
                connection.execute("select count(*) from core.fct_deals, marts._publish").fetchone()
                slowest[0] = max(slowest[0], time.monotonic() - began)

    with ThreadPoolExecutor() as pool, database.connect(application_name="forgotten") as forgotten:
        reading = pool.submit(read)
        with forgotten.transaction():
            forgotten.execute("select 1 from marts.fct_deals")
            with pytest.raises(
                PostgresError, match=r"readers held its views for 2 s \(process \d+ of postgres \(forgotten\)"
            ):
                database.publish(files.write(2), patience=2)
            assert database.build() == 1
            assert all(name.endswith("__p1") for name in loaded_tables(database))
            # The transaction that began with one build reads that build to its end, and the rest while we try.
            waiting = pool.submit(database.publish, files.write(3))
            time.sleep(1)
            assert forgotten.execute("select max(build) from core.fct_deals").fetchone() == (1,)
        waiting.result(30)
        stop.set()
        reading.result(10)
    assert database.build() == 3
    assert 0 < slowest[0] < 2.5, "a second at most on an idle machine: the server's deadlock_timeout"


@pytest.mark.parametrize("moment", ["rows travel", "turning", "switching"])
def test_a_killed_publication_leaves_the_old_build_and_is_swept(database, files, moment):
    database.publish(files.write(1))
    path = files.write(2, rows=1_500_000 if moment == "rows travel" else 40)
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from orchestration.dsn import read_dsn\n"
        "from orchestration.publishing.postgres import publish_to_postgres\n"
        "def progress(line):\n"
        f"    if {moment!r} in line:\n"
        "        print(line, flush=True)\n"
        "        time.sleep(60)\n"
        "publish_to_postgres(read_dsn(sys.argv[1]), Path(sys.argv[2]), (), indexes={}, progress=progress)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, database.uri, os.fspath(path)], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        if moment == "rows travel":
            until = time.monotonic() + 60
            while not database.rows("select 1 from pg_stat_progress_copy where tuples_processed > 0"):
                assert process.poll() is None
                assert time.monotonic() < until
        else:
            assert moment in process.stdout.readline()
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert database.rows("select max(build), count(*) from core.fct_deals") == [(1, 40)]
    assert database.build() == 1
    ((definition,),) = database.rows("select pg_get_viewdef('core.fct_deals'::regclass)")
    assert ("core__fct_deals__p2" in definition) == (moment == "switching")
    database.publish(files.write(3))
    assert database.rows("select max(build), count(*) from core.fct_deals") == [(3, 40)]
    publications = {int(name.rsplit("__p")[-1]) for name in loaded_tables(database)}
    assert len(publications) == 2
    assert len(loaded_tables(database)) == 8
    ((definition,),) = database.rows("select pg_get_viewdef('core.fct_deals'::regclass)")
    assert "current" not in definition, "a view shows one table again when all is done"
    statuses = database.rows(f"select status from {schemas.BUILDS}.publications order by publication")
    assert statuses == [("superseded",), ("published",)]
