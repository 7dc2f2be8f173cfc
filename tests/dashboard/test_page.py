"""The page: every figure is one of the published tables, and it needs nothing but itself."""

import base64
import hashlib
import json
import re
import shutil
import textwrap
from urllib.parse import parse_qsl, urlsplit

import duckdb
import pytest

from dashboard.access_scopes import EVERYTHING
from dashboard.calendar import read_calendar
from dashboard.digests import write_digests
from dashboard.drill_downs import DRILL_DOWNS
from dashboard.drill_downs_query import read_request, totals_query
from dashboard.expressions import ExpressionError, compile_expression, evaluate
from dashboard.figures import MAX_ROWS, FigureError, State, read_view, show
from dashboard.formats import write
from dashboard.page import (
    PageError,
    filter_options,
    fitting,
    link_to_record,
    read_content,
    render,
    rows_address,
    script_json,
    table_html,
    write_page,
)
from dashboard.spec import SpecError, read_panel, read_panels
from tests.dashboard.page_figures import Tree, differences, loose_digits

SPEC = """
id: spend
title: Advertising
place: 3
waits_for: Waits for the platforms.
views:
  spend:
    query: |
      select metric_time__month as month, ad_spend_row__platform as platform, ad_spend as cost
      from metrics.ad_spend_by_month_and_platform
    period: month
    group_by: [platform]
    columns:
      platform: {label: Platform}
      cost: {label: Spend, format: money}
sentence: "{page.period}: {spend.now.cost|money}."
"""


def panel_of(tmp_path, text=SPEC):
    path = tmp_path / "panel.yml"
    path.write_text(textwrap.dedent(text))
    return read_panel(path)


def test_every_figure_is_one_of_the_published_tables(page_text, content, published):
    wrong, looked_at = differences(page_text, published, content.calendar.quarters[-1].id, {})
    assert wrong == []
    assert looked_at > 200


def test_a_wrong_figure_would_be_noticed(page_text, content, published):
    changed = re.sub(r'<data value="(\d+)"', lambda found: f'<data value="{int(found[1]) + 1}"', page_text, count=1)
    wrong, _ = differences(changed, published, content.calendar.quarters[-1].id, {})
    assert len(wrong) == 1


def test_no_digit_stands_outside_figures_and_labels(page_text):
    assert loose_digits(page_text) == []
    assert loose_digits(page_text.replace("</h2>", " 17 more</h2>", 1)) != []


def test_what_the_header_says_is_what_the_audit_tables_hold(page_text, published):
    with duckdb.connect(str(published.resolve()), read_only=True) as connection:
        ((build_id, as_of, version, provisional, is_demo),) = connection.execute(
            "select build_id, as_of, definition_version, is_provisional, is_demo from audit.builds"
            " order by build_number desc limit 1"
        ).fetchall()
    facts = next(Tree(page_text).root.all("dl", "facts")).text
    assert build_id in facts
    assert f"{as_of.day} {as_of:%b %Y}, {as_of:%H:%M} UTC" in facts
    assert f"version {version}" in facts
    assert ("PROVISIONAL" in page_text.split("</header>")[0]) == provisional
    assert ('<span class="mark demo">DEMO</span>' in page_text) == is_demo


def test_all_panels_of_the_page_stand_in_their_order(page_text):
    shown = [element.attributes["id"] for element in Tree(page_text).root.all("section")]
    expected = [panel.id for panel in read_panels() if panel.id in shown]
    assert shown == expected
    assert expected[:11] == [
        *("verdict", "tiles", "gap", "changes", "funnel", "promises", "pipeline", "channels"),
        *("disagreements", "won_together", "agreed"),
    ]


def test_a_panel_without_its_tables_says_what_it_waits_for(published, tmp_path):
    panel = panel_of(tmp_path, SPEC.replace("metrics.ad_spend_by_month_and_platform", "metrics.not_there_yet"))
    text = render(read_content(published, [panel]))
    section = next(Tree(text).root.all("section"))
    assert "Waits for the platforms." in section.text
    assert "metrics.not_there_yet" in section.text
    assert not list(section.all("table"))


def test_a_panel_without_rows_says_why(content, tmp_path, published):
    text = SPEC.replace("from metrics.", "from metrics.", 1).replace(
        "_platform\n    period", "_platform where false\n    period"
    )
    panel = panel_of(tmp_path, text + "empty: No platform delivered costs.\n")
    shown = render(read_content(published, [panel]))
    assert "No platform delivered costs." in next(Tree(shown).root.all("h2")).text


def test_the_page_reaches_nothing_and_runs_only_its_own_scripts(page_text):
    tree = Tree(page_text).root
    for element in tree.all():
        for name in ("src", "srcset", "action", "poster", "xlink:href"):
            assert name not in element.attributes, element
        if "href" in element.attributes and element.tag != "a":
            assert element.attributes["href"] == "data:,"
        assert not any(name.startswith("on") for name in element.attributes), element
    assert "@import" not in page_text
    assert "url(" not in page_text
    policy = next(e.attributes["content"] for e in tree.all("meta") if e.attributes.get("http-equiv"))
    assert policy.startswith("default-src 'none'")
    for script in tree.all("script"):
        if "type" not in script.attributes:
            digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
            assert f"'sha256-{digest}'" in policy
    assert len(page_text.encode()) < 2_000_000


def test_the_page_speaks_of_no_person_and_of_no_place_of_the_machine(page_text, demo):
    assert not re.search(r"[\w.+-]+@[\w-]+\.\w+", page_text)
    assert str(demo.settings.warehouse) not in page_text


def test_hostile_names_stay_text(published, tmp_path):
    bad = "</script><script>alert(1)</script>"
    text = SPEC.replace("ad_spend_row__platform as platform", f"'{bad}' || ad_spend_row__platform as platform")
    page = render(read_content(published, [panel_of(tmp_path, text)]))
    assert bad not in page
    tree = Tree(page).root
    assert bad in next(tree.all("tbody")).text
    assert len(list(tree.all("script"))) == 3
    assert json.loads(script_json({"a": bad})) == {"a": bad}


def test_links_into_systems_are_web_addresses_and_ids_cannot_change_them():
    links = {"salesforce:opportunity": "https://crm.example/{record_id}/view", "bad:x": "javascript:alert({record_id})"}
    assert link_to_record(links, "salesforce", "opportunity", "a/../b?c=1#d") == (
        "https://crm.example/a%2F..%2Fb%3Fc%3D1%23d/view"
    )
    assert link_to_record(links, "bad", "x", "1") is None
    assert link_to_record(links, "salesforce", "lead", "1") is None


def test_too_many_rows_cost_the_last_filter_and_not_the_page(published, tmp_path):
    wide = SPEC.replace(
        "select metric_time__month as month,",
        "select unnest(range(13000))::varchar as team, 'x' as region, metric_time__month as month,",
    ).replace("period: month", "period: month\n    filters: [region, team]")
    panel = panel_of(tmp_path, wide)
    with duckdb.connect(str(published.resolve()), read_only=True) as connection:
        ((as_of,),) = connection.execute("select max(as_of) from audit.builds").fetchall()
        calendar = read_calendar(connection, as_of)
        data = read_view(connection, panel, panel.views[0], calendar)
        assert (data.filters, data.left_out) == (("region",), ("team",))
        assert data.rows <= MAX_ROWS
        keyed = panel_of(
            tmp_path,
            wide.replace("group_by: [platform]", "group_by: [platform, team]").replace(
                "      platform: {label: Platform}\n", "      platform: {label: Platform}\n      team: {label: Team}\n"
            ),
        )
        with pytest.raises(FigureError, match="at most"):
            read_view(connection, keyed, keyed.views[0], calendar)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("place: 3", "place: 3\nplaice: 4"), "unknown keys plaice"),
        (("format: money}", "format: dollars}"), "views.spend.columns.cost.format is 'dollars'"),
        (("metrics.ad_spend_by_month_and_platform", "core.fct_ad_spend"), "reads core.fct_ad_spend"),
        (("spend.now.cost", "spend.then.cost"), "'spend.then.cost' is not known"),
        (("spend.now.cost", "__import__('os').system"), "is not a name"),
        (("select metric", "drop table metric"), "views.spend.query"),
        (("waits_for: Waits for the platforms.", ""), "waits_for is missing"),
        (("group_by: [platform]", "group_by: [platfrom]"), "names 'platfrom'"),
    ],
)
def test_a_mistake_in_the_spec_is_an_error_that_names_it(tmp_path, change, says):
    with pytest.raises(SpecError, match=re.escape(says)) as error:
        panel_of(tmp_path, SPEC.replace(*change))
    assert "panel.yml" in str(error.value)


def test_expressions_take_nothing_for_something_nowhere():
    values = {"a": 6, "b": 3, "zero": 0, "none": None, "word": "x"}

    def value(text):
        return evaluate(compile_expression(text), values.get)

    assert value("a / b + 1") == 3
    assert value("a / zero") is None
    assert value("none + 1") is None
    assert value("none < 1") is False
    assert value("first_known(none, a) if not known(none) and a > b else 0") == 6
    assert value("word == 'x'") is True
    assert value("max(a, b) - min(a, b) - abs(-2)") == 1
    for text in ("a.__class__()", "[a]", "a ** b", "lambda: 1", "a < b < 3", "open('x')", "f'{a}'", "a[0]"):
        with pytest.raises(ExpressionError):
            compile_expression(text)


@pytest.mark.parametrize(
    ("value", "style", "text"),
    [
        (8_213_400, "money", "$8.2M"),
        (999_499, "money", "$999k"),
        (999_500, "money", "$1.0M"),
        (99_960, "money", "$100k"),
        (-412, "money", "−$412"),
        (0.4, "money_signed", "$0"),
        (1234.5, "money_full", "$1,235"),
        (2.5, "count", "3"),
        (-0.0004, "percent", "0.0%"),
        (0.0125, "percent", "1.3%"),
        (0.031, "points", "+3.1 pts"),
        ("2026-06-30", "date", "30 Jun 2026"),
        ("2026-06-01", "month", "Jun 2026"),
        (None, "money", "–"),
    ],
)
def test_figures_are_written_as_they_should_be(value, style, text):
    assert write(value, style) == text


def test_a_page_is_replaced_whole_or_not_at_all(published, tmp_path, monkeypatch):
    target = tmp_path / "dashboard.html"
    write_page(published, target)
    first = target.read_text()
    write_page(published, target)
    assert target.read_text() == first, "the same build makes the same page"
    monkeypatch.setattr("dashboard.page.MAX_BYTES", 1000)
    with pytest.raises(PageError, match="at most 1,000"):
        write_page(published, target)
    assert target.read_text() == first
    assert [path.name for path in tmp_path.iterdir()] == ["dashboard.html"]
    with pytest.raises(PageError, match="run the main job first"):
        read_content(tmp_path / "concord.duckdb")


def test_a_page_that_would_be_too_large_gives_up_filters(published, monkeypatch):
    whole = fitting(published)[1]
    monkeypatch.setattr("dashboard.page.MAX_ROWS", 400)
    monkeypatch.setattr("dashboard.page.MAX_BYTES", len(whole.encode()) - 1)
    content, smaller = fitting(published)
    assert len(smaller) < len(whole)
    assert any(data.left_out for views in content.data.values() for data in views.values())
    assert "Too many combinations to filter here by" in smaller


def test_the_main_job_renders_what_it_published(demo):
    page = (demo.settings.warehouse / "dashboard.html").read_text()
    build_id = demo.settings.published.resolve().stem.removeprefix("concord-")
    assert f'<meta name="concord-build" content="{build_id}">' in page
    assert "dashboard.html" in demo.output


def test_filtered_views_add_up_to_the_whole(content):
    """Of a view that follows a filter, the parts by its values are the whole."""
    quarter = content.first_state.quarter
    for panel in content.panels:
        for name, data in content.data.get(panel.id, {}).items():
            sums = [c.name for c in data.view.columns if c.value is None and c.fold == "sum" and c.name in data.numbers]
            for filter_name in data.filters:
                values = [word for word in data.words[f"_filter_{filter_name}"] if word is not None]
                whole = show(panel, {name: data}, content.calendar, State(quarter), content.words(State(quarter)))
                for column in sums:
                    total = (whole.shown[name].total("now") or {}).get(column) or 0
                    parts = 0
                    for value in values:
                        state = State(quarter, {filter_name: value})
                        part = show(panel, {name: data}, content.calendar, state, content.words(state))
                        parts += (part.shown[name].total("now") or {}).get(column) or 0
                    assert parts == pytest.approx(total, abs=0.005), (panel.id, name, filter_name, column)


# Of these views the rows behind a line are the figure: the column, and what is summed (None: their number).
ROWS_ARE_THE_FIGURE = {
    ("promises", "fates"): ("handoffs", None),
    ("funnel", "stages"): ("entrants", None),
    ("funnel", "motions"): ("entrants", None),
    ("tiles", "progress"): ("bookings", "amount"),
    ("won_together", "teams"): ("won_value", "value"),
    ("channels", "credit"): ("credited", "credit_amount"),
    ("recurring", "months"): ("ending_mrr", "ending_mrr"),
    ("recurring", "bridge"): ("mrr", {"new": 1, "expansion": 1, "reactivated": 1, "contraction": -1, "churned": -1}),
    ("pipeline", "bridge"): ("amount", "amount"),
    ("disagreements", "top"): ("records", None),
}


@pytest.mark.parametrize("quarters_ago", [0, 1])
def test_rows_behind_a_line_are_answered_and_are_its_figure(content, published, quarters_ago):
    state = State(content.first_state.quarter - quarters_ago)
    compared = set()
    with duckdb.connect(str(published.resolve()), read_only=True) as connection:

        def total(address):
            found = urlsplit(address)
            drill_down = DRILL_DOWNS[found.path.removeprefix("/rows/")]
            query = totals_query(read_request(drill_down, parse_qsl(found.query)), EVERYTHING)
            result = connection.execute(query.sql, list(query.values))
            return dict(zip([item[0] for item in result.description], result.fetchone(), strict=True))

        for panel in content.panels:
            for name, shown in content.show(panel, state).shown.items() if panel.id in content.data else ():
                if shown.view.rows_id is None:
                    continue
                for group in shown.groups:
                    counted = total(rows_address(shown.view, group.values, state, content))
                    column, measure = ROWS_ARE_THE_FIGURE.get((panel.id, name), (None, None))
                    movement = group.values.get("movement")
                    if column is None or ("movement" in group.values and movement is None):
                        continue
                    sign = 1
                    if isinstance(measure, dict):
                        sign, measure = measure[movement], f"{movement}_mrr"
                    rows = counted["all_rows"] if measure is None else (counted[measure] or 0) * sign
                    assert float(rows) == pytest.approx(float(group.values[column] or 0), abs=0.005), (
                        panel.id, name, group.values,
                    )  # fmt: skip
                    compared.add((panel.id, name))
    assert compared >= set(ROWS_ARE_THE_FIGURE) - {("channels", "credit"), ("won_together", "teams")}


def test_what_the_teams_noted_stands_where_it_belongs(published, content, tmp_path):
    assert {"volume", "leads", "pipeline", "content"} <= set(content.log), "the demo company has noted nothing"
    noted = tmp_path / "concord.duckdb"
    shutil.copy(published.resolve(), noted)
    with duckdb.connect(str(noted)) as connection:
        connection.execute("delete from core.dim_joint_log")
        connection.execute(
            "insert into core.dim_joint_log"
            " (log_id, kind, subject, entry, owner_team, is_open, is_overdue, logged_date, due_date, closed_date)"
            " select * from (values"
            " ('a', 'decision', 'Acceptance', 'Reject reasons are <b>agreed</b>.', 'sales', true, true,"
            "  date '2026-05-01', date '2026-06-01', null),"
            " ('b', 'note', 'deal size', 'Discounts ended.', 'sales', false, false, date '2026-05-01', null,"
            "  date '2026-06-01'),"
            " ('c', 'note', 'volume', 'Long forgotten.', 'marketing', false, false, date '2024-05-01', null,"
            "  date '2024-06-01'),"
            " ('d', 'note', 'sqos', 'Counted twice in April.', 'marketing', true, false, date '2026-05-01', null, null)"
            ")"
        )
    tree = Tree(render(read_content(noted)))
    told = {section.attributes["id"]: [item.text for item in section.all("li")]
            for section in tree.root.all("section") if list(section.all("div", "log"))}  # fmt: skip
    assert told == {
        "verdict": ["Sqos Counted twice in April. note, marketing"],
        "tiles": ["Sqos Counted twice in April. note, marketing"],
        "funnel": ["Sqos Counted twice in April. note, marketing"],
        "gap": [
            "Acceptance Reject reasons are <b>agreed</b>. decision, sales, overdue since 1 Jun 2026",
            "Deal size Discounts ended. note, sales, closed",
        ],
    }


def test_a_replayed_proposal_is_said_until_it_is_stale(published, tmp_path):
    agreed = next(panel for panel in read_panels() if panel.id == "agreed")
    replayed = tmp_path / "concord.duckdb"
    shutil.copy(published.resolve(), replayed)

    def shown():
        text = render(read_content(replayed, [agreed]))
        section = next(section for section in Tree(text).root.all("section") if section.attributes["id"] == "agreed")
        return section.text, [row.text for row in section.all("tr")]

    assert "No proposal was replayed yet" in shown()[0], "says why nothing is shown"
    with duckdb.connect(str(replayed)) as connection:
        connection.execute(
            "insert into alignment.dim_definition_replays by name select '2' as definition_version,"
            " 'lead_rules: x' as changed_rules, 7 as people_changed, 5 as classes_changed, true as is_current,"
            " timestamp '2026-06-01' as replayed_at;"
            " insert into alignment.rpt_definition_replay by name select '2' as definition_version, 'mqls' as kpi,"
            " metric_time__month as period_month, false as is_ratio, mqls as in_force, mqls + 1 as replayed,"
            " true as is_current from metrics.company_by_month;"
            " insert into alignment.rpt_definition_replay_people by name select '2' as definition_version,"
            " 'p' || n as person_id, 'class' as change, 'lead' as from_class, 'mql' as to_class,"
            " 'lead_rules: x' as rules, 'alone' as attribution from range(5) as t(n)"
        )
        year = connection.execute(
            "select sum(mqls), sum(mqls) + 12 from (select mqls from metrics.company_by_month"
            " order by metric_time__month desc limit 12)"
        ).fetchall()[0]
    said, rows = shown()
    assert "Version 2 would count 7 people otherwise, 5 of them in another class." in said
    assert any(re.sub(r"\s+", "", row) == f"2MQLs{year[0]}{year[1]}+12" for row in rows), (year, rows)
    assert any("lead" in row and "lead_rules: x" in row and "5" in row for row in rows)
    with duckdb.connect(str(replayed)) as connection:
        connection.execute(
            "update alignment.dim_definition_replays"
            " set is_current = false, stale_reason = 'the build is of newer data'"
        )
    assert "The replay of version 2 is stale: the build is of newer data." in shown()[0]


def test_six_tiles_have_their_targets_and_what_stood_at_this_day_of_the_quarter_before(content, published):
    tiles = next(panel for panel in content.panels if panel.id == "tiles")
    assert [tile.id for tile in tiles.tiles] == ["bookings", "outlook", "healthy", "sqos", "win_rate", "nrr"]
    figures = content.show(tiles, content.first_state)
    said = {tile.id: [figures.value(program) for program in (tile.value, tile.target, tile.before)]
            for tile in tiles.tiles}  # fmt: skip
    with duckdb.connect(str(published.resolve()), read_only=True) as connection:
        ((healthy,),) = connection.execute(
            "select sum(healthy_next_quarter_amount)::double from revenue.rpt_open_pipeline"
        ).fetchall()
        ((following,),) = connection.execute(
            "select target_value::double from revenue.rpt_targets where kpi = 'bookings' and opportunity_type = '(all)'"
            " and quarter_start_date > (select max(quarter_start_date) from revenue.rpt_targets where is_current)"
            " order by quarter_start_date limit 1"
        ).fetchall()
    assert said["healthy"][:2] == [pytest.approx(healthy), following]
    assert all(None not in parts for name, parts in said.items() if name not in {"nrr"}), said
    assert None not in (said["nrr"][0], said["nrr"][2])
    for side, of_tile in (("bookings_sides", "bookings"), ("sqo_sides", "sqos")):
        agreed = figures.look_up(f"{side}.now.agreed")
        assert agreed == pytest.approx(figures.look_up(f"progress.now.{of_tile}")), "agreed is the tile's own figure"
    told = {
        tile.attributes["id"]: " ".join(line.text for line in tile.all("p", "teams"))
        for tile in Tree(render(content)).root.all("div", "tile")
    }
    assert re.fullmatch(r"HubSpot \S+ · agreed \S+ · Salesforce \S+ · invoiced \S+.*", told["tiles-bookings"])
    assert re.fullmatch(r"HubSpot \d+ · agreed \d+ · Salesforce \d+ records between them", told["tiles-sqos"])


def test_no_subscriptions_no_retention(published, tmp_path):
    without = tmp_path / "concord.duckdb"
    shutil.copy(published.resolve(), without)
    with duckdb.connect(str(without)) as connection:
        connection.execute("delete from revenue.rpt_mrr_bridge")
    tree = Tree(render(read_content(without)))
    tiles = next(section for section in tree.root.all("section") if section.attributes["id"] == "tiles")
    assert [tile.attributes["id"] for tile in tiles.all("div", "tile")] == [
        f"tiles-{name}" for name in ("bookings", "outlook", "healthy", "sqos", "win_rate")
    ]


def test_filters_offer_what_there_is(content):
    options = filter_options(content)
    assert options["motion"][0] == "inbound"
    assert {"EMEA", "Americas", "APAC"} <= set(options["region"])
    assert all(values == sorted(values, key=lambda v: v.startswith("(")) for values in options.values())


def test_greyed_and_months_to_date_are_marked(content):
    state = content.first_state
    funnel = next(panel for panel in content.panels if panel.id == "funnel")
    figures = content.show(funnel, state)
    rows = table_html(figures.shown["cohorts"], content, state)
    assert 'class="number greyed"' in rows
    assert rows.count("to date") == (1 if content.calendar.partial_month else 0)


def test_a_company_without_anything_gets_a_page_that_says_so(published, tmp_path):
    """All reports empty: every panel says why, none fails and none stands empty."""
    emptied = tmp_path / "concord.duckdb"
    shutil.copy(published.resolve(), emptied)
    with duckdb.connect(str(emptied)) as connection:
        for schema, table in connection.execute(
            "select schema_name, table_name from duckdb_tables()"
            " where table_name like 'rpt_%' or table_name in ('dim_agreed_rules', 'dim_joint_log', 'dim_stages')"
        ).fetchall():
            connection.execute(f"delete from {schema}.{table}")
    content, page = fitting(emptied)
    for section in Tree(page).root.all("section"):
        assert next(section.all("h2")).text.strip(), section.attributes["id"]
    assert "recurring" not in {panel.id for panel in content.panels}, "no subscriptions, no recurring revenue"
    wrong, _ = differences(page, emptied, content.calendar.quarters[-1].id, {})
    assert wrong == []
    assert len(write_digests(content, tmp_path / "digests")) == 3
