"""Readers while builds are published: viewers of the server, and plain DuckDB clients of today and of yesterday."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path

import duckdb
import httpx
import pytest

from orchestration.agreed_definitions import Definitions
from orchestration.build_context import begin_build
from orchestration.publishing import publish
from orchestration.publishing.tables import AUDIT_TABLES, PublishedTable
from orchestration.publishing.visibility import RepVisibility
from orchestration.settings import PROJECT_ROOT, Settings
from tests.dashboard.serving import serving, users_of

PUBLISHES, READERS = 20, 8
TABLES = (
    PublishedTable("core", "fct_ad_spend", "One row per day and campaign.", keys=(("ad_spend_id",),)),
    PublishedTable("metrics", "company_by_month", "One row per month."),
)
READER = Path(__file__).with_name("publishing_reader.py")
# What the set-up of the tests installs beside the environment, and where.
OLDER = PROJECT_ROOT / "tests" / "clients.lock"
OLDER_CLIENTS = PROJECT_ROOT / ".venv" / "clients"


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """A warehouse whose build file is small, so that publishing follows publishing."""
    folder = tmp_path_factory.mktemp("publishing")
    settings = Settings(extracts=folder, warehouse=folder / "warehouse", project=PROJECT_ROOT)
    settings.private.mkdir(parents=True)
    with duckdb.connect(str(settings.build_file)) as build:
        build.execute("create schema core; create schema metrics; create schema audit")
        build.execute(
            "create table core.fct_ad_spend as select 'a' || n as ad_spend_id, 'c' as campaign_id, 's' as system,"
            " 'p' as platform, 'Campaign' as campaign_name, 'search' as channel, 'USD' as original_currency,"
            " 0::decimal(18, 2) as cost, 0::decimal(18, 6) as original_cost, 1::bigint as impressions,"
            " 1::bigint as clicks, date '2026-01-01' + n::integer as spend_date from range(700) as t(n)"
        )
        build.execute(
            "create table metrics.company_by_month as select date '2026-01-01' as metric_time__month,"
            " 0::bigint as leads"
        )
        for table in AUDIT_TABLES[:3]:
            types = {"rows_": "bigint", "is_": "boolean", "load_number": "bigint"}
            columns = ", ".join(
                f"{name} {next((t for start, t in types.items() if name.startswith(start)), 'varchar')}"
                for name in table.columns
            )
            build.execute(f"create table audit.{table.name} ({columns})")
    publish_next(settings)
    return settings


def publish_next(settings):
    """Publish a build all of whose figures are its own number, and then its page."""
    context = begin_build(settings, Definitions({}, ()), as_of=datetime(2026, 1, 15))
    number = int(context.build_id.rsplit("-", 1)[1])
    with duckdb.connect(str(settings.build_file)) as build:
        build.execute("update core.fct_ad_spend set cost = ?", [number])
        build.execute("update metrics.company_by_month set leads = ?", [number])
    publish(settings, context, TABLES, visibility=RepVisibility("team"))
    draft = settings.warehouse / ".page"
    draft.write_text(f'<html lang="en" data-build="{context.build_id}"><body>{context.build_id}</body></html>')
    draft.replace(settings.warehouse / "dashboard.html")
    return number


@pytest.mark.slow
def test_eight_viewers_of_the_server_during_twenty_publishes(settings, tmp_path):
    """No error, and every answer is of the one build that it names: rows, totals, export, page."""
    users, tokens = users_of(tmp_path, "Sales")
    stop, errors, seen, reads = threading.Event(), [], set(), []

    def views(server, place):
        client, tags = server.machine("ana"), {}
        paths = ["/rows/ad_spend.json?size=500", "/rows/ad_spend.csv", "/", "/rows/ad_spend?size=500"]
        turn = place
        while not stop.is_set():
            path = paths[turn % len(paths)]
            turn += 1
            try:
                answer = client.get(path, headers={"If-None-Match": tags.get(path, "")})
                if answer.status_code not in {200, 304}:
                    raise AssertionError(f"{answer.status_code}: {answer.text[:200]}")
                build_id = answer.headers["x-concord-build"]
                number = int(build_id.rsplit("-", 1)[1])
                if answer.status_code == 200:
                    check(path, answer, build_id, number)
                tags[path] = answer.headers["etag"]
                seen.add(number)
                reads.append(answer.status_code)
                # Without a pause the viewers would leave the publisher no processor.
                time.sleep(0.1)
            except Exception as error:
                errors.append(f"{path}: {type(error).__name__}: {error}")

    def check(path, answer, build_id, number):
        if path.endswith("json?size=500"):
            content = answer.json()
            costs = {row["cost"] for row in content["rows"]}
            assert (content["build_id"], costs) == (build_id, {f"{number}.00"}), (build_id, costs)
            assert content["totals"]["cost"] == f"{number * 700}.00"
        elif path.endswith(".csv"):
            lines = answer.content.decode("utf-8-sig").splitlines()
            place = lines[0].split(",").index("cost")
            assert {line.split(",")[place] for line in lines[1:]} == {f"{number}.00"}
            assert len(lines) == 701
            assert build_id in answer.headers["content-disposition"]
        elif path == "/":
            assert answer.text.count(build_id) == 2
        else:
            assert f'data-build="{build_id}"' in answer.text
            assert f"cost {number * 700:,}.00" in answer.text
            assert answer.text.count(f'<td class="number">{number}.00</td>') == 500

    with serving(tmp_path, settings.warehouse, users, tokens) as server:
        viewers = [threading.Thread(target=views, args=(server, place)) for place in range(READERS)]
        for viewer in viewers:
            viewer.start()
        numbers = [publish_next(settings) for _ in range(PUBLISHES)]
        stop.set()
        for viewer in viewers:
            viewer.join()
        last = httpx.get(f"{server.url}/rows/ad_spend.json", headers={"Authorization": f"Bearer {tokens['ana']}"})
        assert last.json()["totals"]["cost"] == f"{numbers[-1] * 700}.00", "the newest build is served at once"
    assert errors == []
    assert len(seen & set(numbers)) > PUBLISHES / 2, "the viewers saw too few of the builds to say anything"
    assert reads.count(200) > READERS * 5


@pytest.fixture(scope="module")
def clients(settings, tmp_path_factory):
    """Twenty publishes under eight clients of today and, where the set-up could install it, two of DuckDB 1.5.

    Each is a process of its own, as BI tools are. Returns the builds, and what the clients of today and the older ones
    say.
    """
    stop = tmp_path_factory.mktemp("clients") / "stop"
    environments = [dict(os.environ)] * READERS
    if (OLDER_CLIENTS / "duckdb").is_dir():
        environments += [{**os.environ, "PYTHONPATH": str(OLDER_CLIENTS)}] * 2
    readers = [
        subprocess.Popen(
            [sys.executable, str(READER), str(settings.published), str(stop)],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for environment in environments
    ]
    try:
        numbers = [publish_next(settings) for _ in range(PUBLISHES)]
    finally:
        stop.touch()
    said = [json.loads(reader.communicate(timeout=60)[0]) for reader in readers]
    return set(numbers), said[:READERS], said[READERS:]


@pytest.mark.slow
def test_eight_duckdb_clients_during_twenty_publishes(clients):
    numbers, readers, _ = clients
    assert [reader["errors"] for reader in readers] == [[]] * READERS
    assert all(reader["reads"] > 5 for reader in readers)
    assert len(numbers & {build for reader in readers for build in reader["builds"]}) > PUBLISHES / 2


@pytest.mark.slow
def test_a_duckdb_1_5_client_during_twenty_publishes(clients):
    """The format that is published is one that clients of 1.5 open, while it changes too."""
    numbers, _, readers = clients
    if not readers:
        pytest.skip(
            "no older client was tried: `make test` installs tests/clients.lock, which did not work or was not run"
        )
    (version,) = re.findall(r"^duckdb==(1\.5\.\d+) ", OLDER.read_text(), re.M)
    assert [reader["version"] for reader in readers] == [version, version]
    assert [reader["errors"] for reader in readers] == [[], []]
    assert len(numbers & {build for reader in readers for build in reader["builds"]}) > PUBLISHES / 3
