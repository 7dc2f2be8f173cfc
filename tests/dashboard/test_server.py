"""The server against those who should not get in, see or run anything: a real uvicorn, spoken to over HTTP."""

import csv
import html
import io
import re
import shutil
from urllib.parse import quote

import duckdb
import httpx
import pytest

from dashboard.access_scopes import Scope
from dashboard.page import write_page
from tests.dashboard.serving import PASSWORDS, serving, users_of

pytestmark = pytest.mark.slow
SECRET_PAGE = "The company page: bookings of everybody are 123,456,789."
# What a name of an account can hold, and what a spreadsheet or a browser would make of it.
TRAPS = [
    "=HYPERLINK(\"http://x.example\",\"y\")", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", " =1+1",
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>',
]  # fmt: skip
PATHS = [
    "/", "/rows", "/rows/opportunities", "/rows/opportunities.csv", "/rows/opportunities.json", "/passport",
    "/passport/bookings", "/account", "/nothing", "/concord.duckdb", "/private/build.duckdb",
]  # fmt: skip


@pytest.fixture(scope="module")
def company(demo, tmp_path_factory):
    """A copy of the demo's published warehouse whose accounts have names that are traps, with a page beside it."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "builds").mkdir()
    source = demo.settings.published.resolve()
    shutil.copy(source, folder / "builds" / source.name)
    with duckdb.connect(str(folder / "builds" / source.name)) as file:
        for number, trap in enumerate(TRAPS):
            file.execute(
                "update core.dim_accounts set account_name = ? where account_id = (select account_id from"
                " core.fct_opportunities group by account_id order by count(*) desc, account_id limit 1 offset ?)",
                [trap, number],
            )
        file.execute("update core.fct_opportunities set owner_team = 'Inside' where hash(opportunity_id) % 3 = 0")
        team = "Inside"
        for (table,) in file.execute(
            "select distinct 'revenue.' || table_name from duckdb_columns() where schema_name = 'revenue' and"
            " column_name = 'team'"
        ).fetchall():
            file.execute(f"update {table} set team = 'Inside' where team is not null and region = 'EMEA'")
        ((build_id,),) = file.execute("select max(build_id) from audit.builds").fetchall()
    (folder / "concord.duckdb").symlink_to(f"builds/{source.name}")
    (folder / "private").mkdir()
    (folder / "private" / "build.duckdb").write_text("the private build")
    script = "document.title = 'Interactive'"
    (folder / "dashboard.html").write_text(
        f'<!doctype html><html lang="en" data-build="{build_id}"><head><title>Revenue</title>'
        f"<style>body {{ color: black }}</style></head><body class='x'><main><h1>Revenue</h1>{SECRET_PAGE}"
        f'<a href="/rows/opportunities?is_won=true">the figure</a></main><script>{script}</script></body></html>'
    )
    return folder, team, build_id


@pytest.fixture(scope="module")
def served(company, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    users, tokens = users_of(folder, company[1])
    with serving(folder, company[0], users, tokens) as server:
        yield server


@pytest.fixture(scope="module")
def file(company):
    with duckdb.connect(str((company[0] / "concord.duckdb").resolve()), read_only=True) as connection:
        yield connection


def one(connection, query):
    ((value,),) = connection.execute(query).fetchall()
    return value


# --- getting in -------------------------------------------------------------------------------------------------------


def test_nobody_gets_in_without_a_name(served):
    """Every address answers alike, whether there is something behind it or not."""
    browser, machine = served.client(), httpx.Client(base_url=served.url)
    for path in PATHS:
        answer = browser.get(path)
        assert answer.status_code == 303, path
        assert answer.headers["location"] == ("/login" if path == "/" else f"/login?next={path}")
        assert answer.text == "Log in first.\n"
        assert machine.get(path).status_code == 401
        assert machine.get(path).headers["www-authenticate"] == "Bearer"
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE"):
            assert machine.request(method, path).status_code in {401, 405}
    lines = [line for line in served.log() if line["event"] == "request"]
    assert {(line["user"], line["status"]) for line in lines} <= {(None, 303), (None, 401), (None, 405)}
    assert all(line["refused"] for line in lines)


@pytest.mark.parametrize(
    ("user", "password"),
    [("tess", "copper orchard 7 signa"), ("tess", ""), ("tess", None), ("", ""), ("nobody", PASSWORDS["tess"]),
     ("emil", PASSWORDS["tess"]), ("emil", "x" * 5000), ("tess' or '1'='1", "x")],
)  # fmt: skip
def test_wrong_and_missing_passwords_are_refused_with_one_sentence(served, user, password):
    client = served.client()
    answer = served.log_in(client, user, password)
    assert answer.status_code == 401
    assert "This name and this password do not belong together." in answer.text
    assert "concord" not in client.cookies
    assert client.get("/rows").status_code == 303
    refusal = [line for line in served.log() if line["event"] == "login refused"][-1]
    assert refusal["attempted"] == (user if user in PASSWORDS else "(unknown)")
    assert refusal["refused"] == "name or password"


def test_a_login_leads_where_one_wanted_to_go_and_a_logout_ends_it_for_good(served):
    client = served.client()
    wanted = client.get("/rows/opportunities?is_won=true").headers["location"]
    form = client.get(wanted)
    token = re.search(r'name="form_token" value="([^"]+)"', form.text)[1]
    action = re.search(r'action="([^"]+)"', form.text)[1]
    answer = client.post(action, data={"form_token": token, "user": "ana", "password": PASSWORDS["ana"]})
    assert (answer.status_code, answer.headers["location"]) == (303, "/rows/opportunities?is_won=true")
    cookie = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("concord="))
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert client.get("/rows/opportunities?is_won=true").status_code == 200
    stolen = client.cookies["concord"]
    account = client.get("/account").text
    assert "You are ana and see the whole company." in account
    token = re.search(r'name="form_token" value="([^"]+)"', account)[1]
    answer = client.post("/logout", data={"form_token": token})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert answer.headers["clear-site-data"] == '"cache"'
    again = httpx.Client(base_url=served.url, cookies={"concord": stolen})
    assert again.get("/rows").status_code == 401


@pytest.mark.parametrize(
    "target", ["//evil.example/x", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nX: y"]
)
def test_a_login_never_leads_to_another_site(served, target):
    client = served.client()
    form = client.get(f"/login?next={quote(target, safe='')}").text
    token = re.search(r'name="form_token" value="([^"]+)"', form)[1]
    fields = {"form_token": token, "user": "ana", "password": PASSWORDS["ana"]}
    answer = client.post(f"/login?next={quote(target, safe='')}", data=fields)
    assert answer.headers["location"] == "/"


def test_forms_of_other_sites_and_other_sessions_are_refused(served):
    client = served.client()
    assert served.log_in(client, "ana", PASSWORDS["ana"], form_token="").status_code == 403
    assert served.log_in(client, "ana", PASSWORDS["ana"], form_token="0" * 64).status_code == 403
    client.headers["Origin"] = "http://evil.example"
    assert served.log_in(client, "ana", PASSWORDS["ana"]).status_code == 403
    del client.headers["Origin"]
    client.headers["Sec-Fetch-Site"] = "cross-site"
    assert served.log_in(client, "ana", PASSWORDS["ana"]).status_code == 403
    ana, emil = served.client("ana"), served.client("emil")
    other = re.search(r'name="form_token" value="([^"]+)"', emil.get("/account").text)[1]
    assert ana.post("/logout", data={"form_token": other}).status_code == 403
    assert ana.post("/logout", data={"other": "1"}).status_code == 403
    assert ana.post("/logout", json={"form_token": other}).status_code == 415
    assert ana.post("/logout", data={"form_token": "x" * 9000}).status_code == 413
    assert ana.get("/account").status_code == 200, "a forged form must not log anybody out"


def test_guessing_is_slowed_down_even_for_the_right_password(company, tmp_path):
    users, tokens = users_of(tmp_path, company[1])
    with serving(tmp_path, company[0], users, tokens) as server:
        client = server.client()
        statuses = [server.log_in(client, "ana", f"guess number {n} of many").status_code for n in range(5)]
        assert statuses == [401] * 5
        answer = server.log_in(client, "ana", PASSWORDS["ana"])
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 6
        assert "Too many failed attempts" in answer.text
        assert server.log_in(server.client(), "emil", PASSWORDS["emil"]).status_code == 303, "others are not stopped"
        assert [line["refused"] for line in server.log() if line["event"] == "login refused"][-1] == "too many failures"
        wrong = [server.raw("/rows", token=f"concord_{n:016x}_{'A' * 43}")[0] for n in range(101)]
        assert wrong == [401] * 100 + [429]


def test_tokens_are_of_one_user_and_end_with_it(served):
    ana, emil = served.machine("ana"), served.machine("emil")
    assert ana.get("/rows/opportunities.json?region=Americas").status_code == 200
    answer = emil.get("/rows/opportunities.json?region=Americas")
    assert answer.status_code == 403, "another user's token opens that user's rows, not mine"
    token_id = served.tokens["ana"].split("_")[1]
    mixed = f"concord_{token_id}_{served.tokens['emil'].split('_', 2)[2]}"
    for wrong in (mixed, served.tokens["ana"][:-1], served.tokens["ana"] + "A", "", "x y", "concord__"):
        answer = httpx.get(f"{served.url}/rows", headers={"Authorization": f"Bearer {wrong}".strip()})
        assert (answer.status_code, answer.text) == (401, "This token is wrong, expired or removed.\n"), wrong
    both = [("Authorization", f"Bearer {served.tokens[name]}") for name in ("ana", "emil")]
    assert httpx.get(f"{served.url}/rows", headers=both).status_code == 401
    text = served.users.add_token("emil", "short-lived")
    given = {"Authorization": f"Bearer {text}"}
    assert httpx.get(f"{served.url}/rows", headers=given).status_code == 200
    served.users.remove_token("emil", text.split("_")[1])
    assert httpx.get(f"{served.url}/rows", headers=given).status_code == 401


def test_who_is_removed_or_gets_another_password_or_scope_feels_it_at_once(served):
    served.users.add("gone", Scope(regions=("EMEA",)), "a password for gone?"[::-1])
    client = served.client()
    assert served.log_in(client, "gone", "a password for gone?"[::-1]).status_code == 303
    assert client.get("/rows/opportunities?region=EMEA").status_code == 200
    served.users.set_scope("gone", Scope(regions=("Americas",)))
    assert client.get("/rows/opportunities?region=EMEA").status_code == 403
    served.users.set_password("gone", "quite another secret 5")
    assert client.get("/rows").status_code == 303
    assert served.log_in(client, "gone", "quite another secret 5").status_code == 303
    served.users.remove("gone")
    assert client.get("/rows").status_code == 303


# --- what is asked for ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    ["/../private/build.duckdb", "/rows/../../private/build.duckdb", "/rows/..%2f..%2fprivate%2fbuild.duckdb",
     "/rows/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/rows//etc/passwd", "/rows/stage_entries%00.csv",
     "/rows/..%5c..%5cprivate", "/private/build.duckdb", "/builds/", "/concord.duckdb", "/dashboard.html",
     "/rows/%27%20or%201%3D1", "/rows/opportunities;select%201", "/passport/..%2f..", "/passport/x'%20union%20select",
     "/rows/opportunities.csv.json", "/" + "a" * 301, "/rows?" + "a=" * 5000, "/login/../rows/opportunities/x"],
)  # fmt: skip
def test_tricks_with_paths_open_nothing_and_are_logged(served, target):
    before = len(served.log())
    status, _, body = served.raw(target, token=served.tokens["ana"])
    assert status in {400, 404, 414}, body
    assert "root:" not in body
    assert "private build" not in body
    assert "duckdb" not in body.lower()
    (line,) = served.log()[before:]
    assert (line["user"], line["status"]) == ("ana", status)
    assert line["refused"]


def test_sql_in_values_is_a_value_that_nothing_has(served, file):
    ana = served.machine("ana")
    everything = one(file, "select count(*) from core.fct_opportunities")
    for trick in [
        "' or 1=1 --",
        "x') union select 1,2 --",
        "'; drop table core.fct_opportunities; --",
        "%",
        "\\'",
        "?",
    ]:
        answer = ana.get("/rows/opportunities.json", params={"stage": trick})
        assert (answer.status_code, answer.json()["count"]) == (200, 0), trick
        answer = ana.get("/rows/opportunities.json", params={"stage.not": trick})
        assert answer.json()["count"] == everything
    before = len(served.log())
    refused = [("1=1 or stage", "x"), ("stage)", "x"), ("sort", "stage desc; select 1"), ("size", "1e9"),
               ("after", "' or 1=1"), ("amount.from", "1 or 1=1"), ("is_won", "true or true"),
               ("created_date", "2026-01-01' or '1'='1"), ("stage", "x" * 201), ("stage.in", "a")]  # fmt: skip
    for name, value in refused:
        answer = ana.get("/rows/opportunities.json", params={name: value})
        assert answer.status_code == 400, name
        assert "duckdb" not in answer.text.lower()
        assert "select" not in answer.text.lower() or name == "sort"
    assert [line["status"] for line in served.log()[before:]] == [400] * 10
    many = [("stage", "x")] * 150
    assert ana.get("/rows/opportunities.json", params=many).status_code == 400
    assert served.raw("/rows/opportunities.json?stage=%ff%fe", token=served.tokens["ana"])[0] == 400


def test_another_region_is_refused_logged_and_not_counted_anywhere(served, file):
    emil, browser = served.machine("emil"), served.client("emil")
    own = one(file, "select count(*) from core.fct_opportunities where region = 'EMEA'")
    money = one(file, "select sum(amount) from core.fct_opportunities where region = 'EMEA'")
    answer = emil.get("/rows/opportunities.json?size=500").json()
    assert (answer["count"], answer["totals"]["amount"]) == (own, str(money))
    assert {row["region"] for row in answer["rows"]} == {"EMEA"}
    assert f"{own} rows" in browser.get("/rows/opportunities").text
    table = list(csv.DictReader(io.StringIO(emil.get("/rows/opportunities.csv").content.decode("utf-8-sig"))))
    assert (len(table), {row["region"] for row in table}) == (own, {"EMEA"})
    foreign = one(file, "select min(opportunity_id) from core.fct_opportunities where region = 'Americas'")
    assert emil.get("/rows/opportunities.json", params={"opportunity_id": foreign}).json()["count"] == 0
    before = len(served.log())
    for path in ["/rows/opportunities?region=Americas", "/rows/opportunities?region=EMEA&region=Americas",
                 "/rows/opportunities.csv?region=Americas", "/rows/ad_spend", "/rows/ad_spend.csv", "/rows/loads.json",
                 "/rows/funnel_conversion"]:  # fmt: skip
        assert emil.get(path).status_code == 403, path
        assert browser.get(path).status_code == 403, path
    lines = served.log()[before:]
    assert {(line["user"], line["status"], line["refused"]) for line in lines} == {
        ("emil", 403, "RequestRefusedError 403")
    }
    listed = browser.get("/rows").text
    assert '"/rows/opportunities"' in listed
    assert '"/rows/ad_spend"' not in listed
    assert "Advertising spend: these rows are not recorded by region" in listed


def test_another_team_is_refused_and_not_counted(served, file, company):
    tess, team = served.machine("tess"), company[1]
    own = one(file, f"select count(*) from core.fct_opportunities where owner_team = '{team}'")
    answer = tess.get("/rows/opportunities.json?size=500").json()
    assert answer["count"] == own
    assert {row["team"] for row in answer["rows"]} == {team}
    other = one(file, f"select min(owner_team) from core.fct_opportunities where owner_team <> '{team}'")
    assert tess.get("/rows/opportunities.json", params={"team": other}).status_code == 403
    assert tess.get("/rows/people").status_code == 403


def test_the_page_of_the_company_is_only_for_those_who_see_all_of_it(served, company):
    page = served.client("ana").get("/")
    assert SECRET_PAGE in page.text
    assert page.headers["x-concord-build"] == company[2]
    assert "Account and log out" in page.text
    for user, words in (("emil", "region EMEA"), ("tess", "team Inside")):
        answer = served.client(user).get("/")
        assert answer.status_code == 200
        assert "123,456,789" not in answer.text
        assert f"<strong>Only {words}.</strong>" in answer.text
        assert answer.headers["x-concord-build"] == company[2]
        assert "script-src 'sha256-" in answer.headers["content-security-policy"]
        assert "so they are for viewers of all" in answer.text, "what is left out is said"
        figures = served.client(user).get("/figures").text
        assert f"Your part: {words}" in figures
        assert "Rates, targets, outlook and comparisons" in figures
    assert "The metrics by month" in served.client("ana").get("/figures").text


def test_what_a_limited_viewer_gets_does_not_depend_on_the_rest_of_the_company(company, tmp_path):
    """Rows of other regions are multiplied in a second file: every answer to Emil stays the same, byte for byte."""
    other = tmp_path / "other"
    shutil.copytree(company[0], other, symlinks=True)
    with duckdb.connect(str((other / "concord.duckdb").resolve())) as file:
        described = "select distinct schema_name || '.' || table_name from duckdb_columns() where not internal"
        with_region = {name for (name,) in file.execute(f"{described} and column_name = 'region'").fetchall()}
        assert {"core.fct_opportunities", "funnel.fct_stage_entries", "revenue.rpt_quarter_progress"} <= with_region
        for table in sorted(with_region - {"core.dim_accounts"}):
            file.execute(f"delete from {table} where region is distinct from 'EMEA'")
        # The name of an account stands in the rows that are Emil's, wherever the account itself is.
        file.execute(
            "delete from core.dim_accounts where region is distinct from 'EMEA' and account_id not in"
            " (select account_id from core.fct_opportunities union all"
            " select account_id from funnel.fct_stage_entries where account_id is not null)"
        )
        for (table,) in file.execute(f"{described} and schema_name <> 'audit'").fetchall():
            if table not in with_region and (".rpt_" in table or "metrics." in table):
                file.execute(f"delete from {table} where {table!r} not in ('metrics.catalog', 'metrics.metric_days')")
        file.execute("delete from core.fct_ad_spend")
    paths = ["/", "/figures", "/rows/opportunities", "/rows/opportunities?sort=amount&size=5", "/rows/pipeline.csv",
             "/rows/stage_entries?stage=mql", "/rows/opportunities.json", "/rows/accounts", "/passport/sqos",
             "/rows"]  # fmt: skip
    answers = []
    for folder in (company[0], other):
        (place := tmp_path / f"server-{len(answers)}").mkdir()
        users, tokens = users_of(place, company[1])
        with serving(place, folder, users, tokens) as server:
            client = server.machine("emil")
            client.headers["Accept"] = "text/html"
            answers.append([client.get(path).text for path in paths])
            seen_by_ana = server.machine("ana").get("/rows/opportunities.json").json()["totals"]["amount"]
            answers[-1].append(seen_by_ana)
    *first, all_first = answers[0]
    *second, all_second = answers[1]
    assert all_first != all_second, "the second file must differ where Ana looks"
    for path, one_text, other_text in zip(paths, first, second, strict=True):
        assert one_text == other_text, path


def test_every_link_of_the_page_opens_rows_for_the_viewer_who_has_the_link(served, company):
    """The company's page and a region's: no figure leads to a refusal."""
    folder, _, _ = company
    kept = (folder / "dashboard.html").read_text()
    write_page(folder / "concord.duckdb", folder / "dashboard.html")
    try:
        pages = {user: served.client(user).get("/").text for user in ("ana", "emil", "tess")}
    finally:
        (folder / "dashboard.html").write_text(kept)
    for user, page in pages.items():
        links = {html.unescape(link) for link in re.findall(r'href="(/rows/[^"]*)"', page)}
        assert len(links) >= 5, user
        client = served.machine(user)
        assert [link for link in sorted(links) if client.get(link).status_code != 200] == [], user


# --- what comes back --------------------------------------------------------------------------------------------------


def test_exports_are_exact_complete_and_harmless_in_a_spreadsheet(served, file):
    answer = served.machine("ana").get("/rows/opportunities.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(
        r'attachment; filename="concord-opportunities-[0-9T-]+\.csv"', answer.headers["content-disposition"]
    )
    text = answer.content.decode("utf-8-sig")
    table = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(table) == one(file, "select count(*) from core.fct_opportunities")
    assert sum(float(row["amount"]) for row in table if row["amount"]) == pytest.approx(
        float(one(file, "select sum(amount) from core.fct_opportunities"))
    )
    names = {row["account_name"] for row in table}
    for trap in TRAPS[:8]:
        assert "'" + trap in names
        assert trap not in names
    assert not [name for name in names if name.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))]
    by_id = dict(file.execute("select opportunity_id, amount from core.fct_opportunities").fetchall())
    assert all(row["amount"] == str(by_id[row["opportunity_id"]]) for row in table if row["amount"])


def test_what_stands_in_the_rows_is_text_and_never_markup(served):
    page = served.client("ana").get("/rows/opportunities?size=500").text
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    refused = served.client("ana").get("/rows/opportunities", params={"<script>alert(1)</script>": "1"})
    assert refused.status_code == 400
    assert "<script" not in refused.text


def test_every_answer_says_what_a_browser_may_do_with_it(served):
    ana = served.client("ana")
    for path in ["/", "/rows", "/rows/opportunities", "/rows/opportunities.csv", "/passport/mqls", "/account", "/no",
                 "/rows/x"]:  # fmt: skip
        headers = ana.get(path).headers
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'", path
        assert policy["frame-ancestors"] == "'none'"
        assert "unsafe-inline" not in policy.get("script-src", "")
        assert "unsafe-eval" not in str(policy)
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"].startswith("private")
        assert "cookie" in headers["vary"].lower()
        assert "server" not in headers
    page = ana.get("/")
    assert "script-src 'sha256-" in page.headers["content-security-policy"]
    assert page.headers["content-encoding"] == "gzip"


def test_a_browser_asks_again_only_whether_there_is_another_build(served):
    ana, emil = served.client("ana"), served.client("emil")
    for path in ("/", "/rows/opportunities", "/rows/opportunities.csv"):
        tag = ana.get(path).headers["etag"]
        answer = ana.get(path, headers={"If-None-Match": f'"other", W/{tag}'})
        assert (answer.status_code, answer.content) == (304, b"")
        kept = answer.headers.get("content-security-policy", "")
        assert "'none'; base-uri 'none'; form-action 'none'" not in kept, "it would replace the policy of the kept page"
        assert emil.get(path, headers={"If-None-Match": tag}).status_code == 200, "another viewer, another answer"
    assert ana.get("/rows/opportunities?size=5", headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "", "10.0.0.1", "a b"]
)
def test_the_server_answers_under_its_own_names_only(served, host):
    """A page that turns its own name to this machine's address must not reach the dashboard."""
    status, _, body = served.raw("/login", host=host or " ")
    assert status in {400, 421}
    assert "form" not in body
    assert served.raw("/login", host="localhost:1")[0] == 200


def test_a_passport_says_what_a_figure_is_and_counts_it_with_sql_that_runs(served, file):
    page = served.client("ana").get("/passport/new_business_bookings").text
    sql = re.search(r"<pre[^>]*>(.*?)</pre>", page, re.S)[1]
    counted = dict(file.execute(html.unescape(sql)).fetchall())
    known = dict(
        file.execute(
            "select metric_time__month, new_business_bookings from metrics.company_by_month"
            " where new_business_bookings <> 0"
        ).fetchall()
    )
    assert known
    assert {month: value for month, value in counted.items() if value} == known
    for part in ("Formula", "finance operations", "metrics.company_by_month", "extracts kept every rule", "Data until"):
        assert part in page
    rate = served.client("ana").get("/passport/win_rate").text
    assert '<a href="/passport/new_business_won_deals">' in rate
    assert "<pre" not in rate


# --- the log ----------------------------------------------------------------------------------------------------------


def test_the_log_knows_who_asked_for_what_and_no_secret_and_no_value(served):
    client = served.client("ana")
    client.get("/rows/opportunities?stage=confidential-stage&sort=-amount")
    client.get("/rows/opportunities?jo.smith@corp.example=1")
    served.raw("/jo.smith@corp.example/concord_0123456789abcdef_" + "s" * 43, token=served.tokens["ana"])
    served.log_in(served.client(), "my password typed as a name", "x")
    leaving = served.client("emil")
    token = re.search(r'name="form_token" value="([^"]+)"', leaving.get("/account").text)[1]
    leaving.post("/logout", data={"form_token": token})
    lines = served.log()
    found = next(line for line in lines if line.get("parameters") == ["sort", "stage"])
    assert (found["user"], found["path"], found["status"], found["method"]) == (
        "ana",
        "/rows/opportunities",
        200,
        "GET",
    )
    assert found["address"] == "127.0.0.1"
    assert found["seconds"] >= 0
    text = served.log_file.read_text()
    for secret in [*PASSWORDS.values(), *served.tokens.values(), "confidential-stage", "jo.smith", "my password",
                   client.cookies["concord"], "s" * 43]:  # fmt: skip
        assert secret not in text, secret
    logins = [line["user"] for line in lines if line["event"] == "login"]
    assert {"ana", "emil"} <= set(logins)
    assert {line["event"] for line in lines} >= {"serving", "request", "login", "login refused", "logout"}
    assert not [line for line in lines if line.get("status", 0) >= 500]
