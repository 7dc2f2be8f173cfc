"""What arrives in PostgreSQL: every cell, with keys, indexes, comments and marks, for real clients."""

import os
import re
import warnings
from collections import Counter
from decimal import Decimal

import duckdb
import pandas
import pytest
import sqlalchemy

from orchestration.preparation import prepare
from orchestration.publishing import MADE_BY_PUBLISHING
from orchestration.publishing.postgres import PostgresError, indexes_of
from orchestration.publishing.tables import tables_of_manifest
from orchestration.settings import PROJECT_ROOT, read_settings

EVERY_TYPE = """
    select
        r::bigint as whole, r::integer as smaller, r::smallint as small, r::ubigint as unsigned_whole,
        r::hugeint * 12345678901234567890 as huge, (r - 2) / 3.0::double as ratio, r::float as single,
        case r when 0 then -0.01 when 1 then 9999999999999999.99 when 2 then 0.10 end::decimal(18, 2) as money,
        (r / 7)::decimal(18, 8) as rate, -r::decimal(38, 2) as wide, r % 2 = 0 as flag,
        case r when 0 then '' when 1 then 'naïve – 東京 🚀 "quoted" \\N \\ ''x''' when 2 then e'tab\tline\nend' end
            as words,
        date '1969-12-31' + r::integer as day, date '0099-01-01' as long_ago,
        timestamp '2026-02-28 23:59:59.999999' + r * interval 1 second as moment,
        timestamptz '2026-03-29 01:30:00+02:00' as zoned, time '23:59:59.123456' as clock,
        ['a', null, 'ü'] as list_of_words, [1, null]::bigint[] as list_of_whole, '\\xAA\\x00'::blob as bytes,
        'b'::enum('a', 'b') as choice, uuid '00000000-0000-0000-0000-000000000001' as uid,
        null::varchar as nothing, null::decimal(18, 2) as no_money, 'nan'::double as not_a_number
    from range(4) as t(r)
"""


def rows_of_file(path, table, columns):
    # What PostgreSQL has no type for stands there as text.
    read = {"choice": "choice::varchar", "uid": "uid::varchar", "unsigned_whole": "unsigned_whole::decimal(20, 0)"}
    read |= {"huge": "huge::decimal(38, 0)", "not_a_number": "not_a_number::varchar"}
    listed = ", ".join(f"{read[name]} as {name}" if name in read else f'"{name}"' for name in columns)
    with duckdb.connect(os.fspath(path), read_only=True) as file:
        file.execute("set TimeZone = 'UTC'")
        return Counter(map(hashable, file.execute(f"select {listed} from {table}").fetchall()))


def rows_of_database(connection, table, columns):
    listed = ", ".join(f'lower("{name}"::text)' if name == "not_a_number" else f'"{name}"' for name in columns)
    connection.execute("set timezone = 'UTC'")
    return Counter(map(hashable, connection.execute(f"select {listed} from {table}").fetchall()))


def hashable(row):
    return tuple(
        str(value) if isinstance(value, Decimal) else tuple(value) if isinstance(value, list) else value
        for value in row
    )


def plain(value):
    # Sums and quotients have other types here and there; a truncated date is a moment here and a date there.
    if isinstance(value, (Decimal, float)):
        return round(float(value), 9)
    return f"{value:%Y-%m-%d}" if hasattr(value, "year") else value


def columns_of(path):
    with duckdb.connect(os.fspath(path), read_only=True) as file:
        columns = {}
        for schema, table, column in file.execute(
            "select schema_name, table_name, column_name from duckdb_columns()"
            " where not internal and database_name = current_database() order by 1, 2, column_index"
        ).fetchall():
            columns.setdefault(f"{schema}.{table}", []).append(column)
        return columns


def differing_tables(path, connection):
    return [
        table
        for table, columns in columns_of(path).items()
        if rows_of_file(path, table, columns) != rows_of_database(connection, table, columns)
    ]


def test_every_type_arrives_cell_for_cell(database, files):
    path = files.write(funnel__fct_types=EVERY_TYPE)
    publication = database.publish(path)
    assert publication.rows["funnel.fct_types"] == 4
    with database.connect() as connection:
        assert differing_tables(path, connection) == []
        types = dict(
            connection.execute(
                "select attname, format_type(atttypid, atttypmod) from pg_attribute"
                " where attrelid = 'funnel.fct_types'::regclass and attnum > 0"
            ).fetchall()
        )
    assert types["money"] == "numeric(18,2)"
    assert types["moment"] == "timestamp without time zone"
    assert types["zoned"] == "timestamp with time zone"
    assert types["list_of_words"] == "text[]"


def test_a_difference_would_be_noticed(database, files):
    path = files.write()
    database.publish(path)
    database.run("update concord_builds.core__fct_deals__p1 set amount = amount + 0.01 where deal_id = 'd7'")
    with database.connect() as connection:
        assert differing_tables(path, connection) == ["core.fct_deals"]


def test_what_postgres_cannot_hold_is_replaced_or_named(database, files):
    path = files.write(funnel__fct_words="select 1 as id, 'a' || chr(0) || 'b' as word")
    database.publish(path)
    assert database.rows("select word from funnel.fct_words") == [("a\ufffdb",)]
    for query, message in (
        ("select {'a': 1} as parts", r"funnel.fct_parts, column parts: PostgreSQL gets no values of type STRUCT"),
        (f"select 1 as {'long_' * 13}", r"at most 63 bytes: rename funnel.fct_parts: long_long"),
    ):
        with pytest.raises(PostgresError, match=message):
            database.publish(files.write(2, funnel__fct_parts=query))
    assert database.build() == 1


def test_the_demo_arrives_with_keys_indexes_and_comments(database, demo, tmp_path):
    prepared = prepare(read_settings({**demo.environment, "CONCORD_WAREHOUSE": str(tmp_path)}))
    tables = [*tables_of_manifest(prepared.manifest), *MADE_BY_PUBLISHING]
    path = demo.settings.published.resolve()
    lines = []
    publication = database.publish(
        path, tables, indexes=indexes_of(prepared.manifest, prepared.metrics.manifest), progress=lines.append
    )
    assert lines[0].startswith("Publishing into PostgreSQL at postgres@")
    present = columns_of(path)
    assert set(publication.rows) == set(present)
    with database.connect() as connection:
        assert differing_tables(path, connection) == []
        # Every mart is in the schema of all marts too, the same rows.
        for table in present:
            schema, name = table.split(".")
            if schema not in ("audit", "metrics"):
                both = f"select count(*) from {table} union all select count(*) from marts.{name}"
                ((one,), (other,)) = connection.execute(both).fetchall()
                assert one == other == publication.rows[table]
        with duckdb.connect(os.fspath(path), read_only=True) as file:
            comments = file.execute(
                "select schema_name || '.' || table_name, null, comment from duckdb_tables() where not internal"
                " union all select schema_name || '.' || table_name, column_name, comment from duckdb_columns()"
                " where not internal and comment is not null"
            ).fetchall()
        there = connection.execute(
            "select nspname || '.' || relname, attname, description from pg_description"
            " inner join pg_class on pg_class.oid = objoid inner join pg_namespace on pg_namespace.oid = relnamespace"
            " left join pg_attribute on attrelid = objoid and attnum = objsubid and objsubid > 0"
            " where relkind = 'v' and classoid = 'pg_class'::regclass"
        ).fetchall()
        assert set(comments) <= set(there)
        keys = {
            (table, tuple(columns))
            for table, columns in connection.execute(
                "select conrelid::regclass::text, array(select attname::text"
                " from unnest(conkey) with ordinality as k(n, i)"
                " inner join pg_attribute on attrelid = conrelid and attnum = n order by i)"
                " from pg_constraint where contype in ('p', 'u')"
            ).fetchall()
        }
        wanted = {
            (f"concord_builds.{table.schema}__{table.name}__p1", key)
            for table in tables
            if table.full_name in present
            for key in table.keys
        }
        assert wanted <= keys
        assert len(wanted) > 20
        indexed = connection.execute("select indexdef from pg_indexes where schemaname = 'concord_builds'").fetchall()
        for table, column in (
            ("core__fct_opportunities", "account_id"),
            ("core__fct_opportunities", "closed_date"),
            ("core__fct_touches", "person_id"),
            ("funnel__fct_stage_entries", "entered_date"),
            ("metrics__company_by_month", "metric_time__month"),
        ):
            assert any(f".{table}__p1 USING btree ({column})" in definition for (definition,) in indexed), column
        plan = connection.execute(
            "explain select channel, count(*) from marts.fct_stage_entries where entered_date = '2026-03-02' group by 1"
        ).fetchall()
        assert "entered_date_idx" in str(plan)
        unanalysed = connection.execute(
            "select relname from pg_class where relnamespace = 'concord_builds'::regnamespace and relkind = 'r'"
            " and relname like '%\\_\\_p1' and reltuples < 0"
        ).fetchall()
        assert unanalysed == []
        row = connection.execute("select * from audit._publish").fetchone()
        columns = [column.name for column in connection.execute("select * from audit._publish").description]
        # What the documentation shows runs on both, with the same answer.
        queries = re.findall(r"```sql\n(.*?)```", (PROJECT_ROOT / "docs" / "bi.md").read_text(), flags=re.S)
        assert len(queries) == 4
        with duckdb.connect(os.fspath(path), read_only=True) as file:
            for query in queries:
                there = [tuple(map(plain, row)) for row in connection.execute(query).fetchall()]
                assert there == [tuple(map(plain, row)) for row in file.execute(query).fetchall()], query
                assert there, query
    told = dict(zip(columns, row, strict=True))
    with duckdb.connect(os.fspath(path), read_only=True) as file:
        ((build_id, as_of),) = file.execute("select build_id, as_of from audit.builds").fetchall()
    assert (told["build_id"], told["as_of"], told["marks"]) == (build_id, as_of, "DEMO")
    assert (told["tables"], told["rows"]) == (len(present), sum(publication.rows.values()))


def test_clients_read_what_the_file_holds(database, files):
    path = files.write()
    database.publish(path)
    database.run("create role tool login in role bi_reader")
    told = database.psql("-c", "select count(*), sum(amount), max(note) from marts.fct_deals", user="tool")
    assert (told.returncode, told.stdout.strip()) == (0, "40|975.00|Dépôt 8")
    assert "deal_id|text|" in database.psql("-c", r"\d core.fct_deals").stdout

    uri = database.uri_of("tool").replace("postgresql://", "postgresql+psycopg://")
    engine = sqlalchemy.create_engine(uri)
    try:
        inspector = sqlalchemy.inspect(engine)
        assert set(inspector.get_view_names("marts")) == {"_publish", "fct_deals"}
        assert inspector.get_table_comment("fct_deals", "marts")["text"] == "One row per thing of core.fct_deals."
        view = sqlalchemy.Table("fct_deals", sqlalchemy.MetaData(), schema="marts", autoload_with=engine)
        assert isinstance(view.c.amount.type, sqlalchemy.Numeric)
        assert (view.c.amount.type.precision, view.c.amount.type.scale) == (18, 2)
        assert isinstance(view.c.created_date.type, sqlalchemy.Date)
        assert view.c.deal_id.comment == "The deal's key."
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frame = pandas.read_sql("select * from marts.fct_deals order by deal_id", engine)
        with duckdb.connect(os.fspath(path), read_only=True) as file:
            expected = file.execute("select * from core.fct_deals order by deal_id").df()
        assert frame["deal_id"].tolist() == expected["deal_id"].tolist()
        assert frame["amount"].sum() == expected["amount"].sum()
        assert frame["note"].isna().sum() == expected["note"].isna().sum() == 14
    finally:
        engine.dispose()
