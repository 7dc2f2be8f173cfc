"""The page in a real browser: the same figures when filtered, no network, for eyes, keyboards and screen readers."""

import csv
import io
import random

import pytest

from dashboard.figures import State
from dashboard.page import filter_options, pieces_html, read_content, render, table_html
from dashboard.spec import FILTERS
from tests.dashboard.page_figures import Tree, differences
from tests.dashboard.test_page import SPEC, panel_of


class Visit:
    """One opened page with everything that it asked for and said."""

    def __init__(self, browser, path, hash_="", **context):
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context})
        self.page = self.context.new_page()
        self.asked, self.said = [], []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.address = path.as_uri()
        self.page.goto(self.address + hash_)

    def choose(self, **values):
        for name, value in values.items():
            self.page.select_option(f"#filters select[name={name}]", value)


@pytest.fixture
def visit(browser, page_file):
    opened = []

    def go(hash_="", path=page_file, **context):
        opened.append(Visit(browser, path, hash_, **context))
        return opened[-1]

    yield go
    for each in opened:
        asked = [url for url in each.asked if not url.startswith((each.address, "data:", "blob:"))]
        assert asked == [], "the page asked for something beyond itself"
        assert each.said == [], "the console has something to say"
        each.context.close()


def text_of(html):
    return " ".join(Tree(str(html)).root.text.split())


def states(content, count):
    """The first state, and others by a fixed die: one, two or three filters in any quarter."""
    dice = random.Random(7)
    options = filter_options(content)
    yield content.first_state
    for _ in range(count):
        names = dice.sample([name for name in FILTERS if options[name]], dice.randrange(1, 4))
        quarter = dice.randrange(len(content.calendar.quarters) - 4, len(content.calendar.quarters))
        yield State(quarter, {name: dice.choice(options[name]) for name in names})


def hash_of(content, state):
    parts = [f"period={content.calendar.quarters[state.quarter].id}"]
    return "#" + "&".join([*parts, *(f"{name}={value}" for name, value in state.filters.items())])


def test_a_filtered_page_shows_what_python_and_the_warehouse_say(visit, content, published):
    page = visit().page
    for state in states(content, 8):
        page.evaluate("hash => { location.hash = hash; }", hash_of(content, state))
        page.wait_for_timeout(60)
        text = page.content()
        wrong, looked_at = differences(text, published, content.calendar.quarters[state.quarter].id, state.filters)
        assert wrong == []
        assert looked_at > 20
        sections = {element.attributes["id"]: element for element in Tree(text).root.all("section")}
        for panel in content.panels:
            if panel.id not in content.data:
                continue
            figures = content.show(panel, state)
            expected = panel.empty if figures.is_empty else pieces_html(figures.say(panel.sentence))
            assert " ".join(next(sections[panel.id].all("h2")).text.split()) == text_of(expected)
            for table in sections[panel.id].all("details", "table"):
                shown = figures.shown[table.attributes["data-view"]]
                assert " ".join(next(table.all("tbody")).text.split()) == text_of(table_html(shown, content, state))


def test_the_page_is_complete_without_scripts(browser, page_file, content):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_file.as_uri())
    tree = Tree(page.content()).root
    charts = sum(len(panel.charts) for panel in content.panels if panel.id in content.data)
    assert len(list(tree.all("svg"))) >= charts
    assert page.locator("h2.sentence").first.is_visible()
    assert not page.locator("#filters").is_visible()
    context.close()


def words_of(visited):
    """What the page says, charts apart, which are drawn anew."""
    return visited.page.evaluate("[...document.querySelectorAll('h2, .inside, tbody, .note')].map((e) => e.innerText)")


def test_a_link_shares_the_view(visit):
    first = visit()
    first.choose(region="EMEA", motion="inbound")
    quarter = first.page.locator("#filters select[name=period] option").nth(1).get_attribute("value")
    first.choose(period=quarter)
    said = words_of(first)
    address = first.page.evaluate("location.hash")
    assert {"region=EMEA", "motion=inbound", f"period={quarter}"} == set(address.removeprefix("#").split("&"))
    second = visit(address)
    assert words_of(second) == said
    assert second.page.input_value("#filters select[name=region]") == "EMEA"
    second.page.click("#filters button[type=reset]")
    second.page.wait_for_timeout(50)
    assert second.page.evaluate("location.hash") == ""
    assert words_of(second) == words_of(visit()) != said


def test_a_hostile_address_changes_nothing(visit):
    plain = visit().page.locator("main").inner_text()
    hostile = visit("#region=<img src=x onerror=alert(1)>&period=__proto__&motion=%27%3Balert(1)")
    assert hostile.page.locator("main").inner_text() == plain
    assert hostile.page.locator("main img").count() == 0


def test_what_a_panel_cannot_follow_is_said(visit, content):
    page = visit()
    options = filter_options(content)
    page.choose(channel=options["channel"][0])
    notes = page.page.locator(".scope:visible").all_inner_texts()
    assert notes
    assert all("channel" in note for note in notes)


def test_rows_are_linked_where_the_page_is_served(visit, page_file, browser):
    local = visit()
    assert local.page.locator("a.rows").count() > 0
    assert local.page.locator("a.rows:visible").count() == 0
    context = browser.new_context()
    page = context.new_page()
    page.route("**/*", lambda route: route.fulfill(body=page_file.read_text(), content_type="text/html"))
    page.goto("http://dashboard.test/#region=EMEA")
    link = page.locator("#funnel a.rows:visible").first.get_attribute("href")
    assert link.startswith("/rows/stage_entries?")
    assert "region=EMEA" in link
    assert "is_inferred=false" in link
    assert "entered_date.from=" in link
    context.close()


def test_light_dark_and_the_systems_choice(visit):
    dark = visit(color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    before = dark.page.evaluate(background)
    dark.page.click("#theme")
    after = dark.page.evaluate(background)
    assert before != after
    assert after == visit(color_scheme="light").page.evaluate(background)
    dark.page.reload()
    assert dark.page.evaluate(background) == after, "the choice is remembered"


def test_everything_is_reached_by_keyboard(visit):
    page = visit().page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.focus("#funnel details.table:not([open]) summary")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.parentElement.open") is True
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    page.focus("#filters select[name=region]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    assert page.evaluate("location.hash").startswith("#region=")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_violation_of_accessibility(visit, scheme, width):
    from axe_playwright_python.sync_playwright import Axe

    page = visit(color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True).page
    page.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })")
    found = Axe().run(page).response["violations"]
    assert [(item["id"], [node["target"] for node in item["nodes"]][:5]) for item in found] == []


@pytest.mark.parametrize("width", [320, 390, 768, 1280, 1920])
def test_no_width_makes_the_page_scroll_sideways(visit, width):
    page = visit(viewport={"width": width, "height": 800}).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "with everything folded open"


def test_print_leaves_out_what_only_a_screen_can_use(visit, tmp_path):
    page = visit(color_scheme="dark").page
    page.emulate_media(media="print")
    assert not page.locator("#filters").is_visible()
    assert not page.locator(".controls").is_visible()
    assert not page.locator("button.csv").first.is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    from pypdf import PdfReader

    page.pdf(path=tmp_path / "page.pdf", format="A4")
    said = "".join(sheet.extract_text() for sheet in PdfReader(tmp_path / "page.pdf").pages)
    assert "The one funnel" in said
    assert "Data until" in said


def test_csv_is_the_table_and_no_formula(visit, published, tmp_path):
    bad = "=HYPERLINK(1)"
    text = SPEC.replace("ad_spend_row__platform as platform", f"'{bad}' || ad_spend_row__platform as platform")
    path = tmp_path / "page.html"
    path.write_text(render(read_content(published, [panel_of(tmp_path, text)])))
    page = visit(path=path).page
    with page.expect_download() as waiting:
        page.click("#spend button.csv")
    rows = list(csv.reader(io.StringIO(waiting.value.path().read_text(encoding="utf-8-sig"))))
    assert rows[0] == ["Platform", "Spend"]
    assert all(row[0].startswith("'=HYPERLINK") for row in rows[1:])
    shown = read_content(published, [panel_of(tmp_path, text)])
    groups = shown.show(shown.panels[0], shown.first_state).shown["spend"].groups
    assert [float(row[1]) for row in rows[1:]] == [group.values["cost"] for group in groups]


def test_it_notes_how_long_it_takes(visit, content):
    """What benchmarks/page.py reads; how fast it is belongs there, not into a test on a machine that may be busy."""
    page = visit().page
    # The browser notes its first paint when it gets round to it, on a busy machine well after the page is loaded.
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint')[0]?.startTime > 0")
    assert page.evaluate("concordReadyMs") > 0
    page.evaluate("hash => { location.hash = hash; }", hash_of(content, next(iter(states(content, 1)))))
    page.wait_for_function("concordFilterMs > 0")
