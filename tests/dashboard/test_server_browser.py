"""A person in a real browser: log in, open the page, follow a figure to its rows, page on, export, log out."""

import csv
import re
import shutil

import pytest

from dashboard.page import write_page
from tests.dashboard.serving import PASSWORDS, serving, users_of

pytestmark = pytest.mark.slow
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PAGES = {
    "rows": "/rows/opportunities?is_won=true&region=EMEA",
    "no_rows": "/rows/opportunities?stage=nothing+is+called+so",
    "list": "/rows",
    "passport": "/passport/bookings",
    "passports": "/passport",
    "account": "/account",
    "refused": "/rows/opportunities?colour=red",
}


@pytest.fixture(scope="module")
def served(demo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    (folder / "warehouse" / "builds").mkdir(parents=True)
    source = demo.settings.published.resolve()
    shutil.copy(source, folder / "warehouse" / "builds")
    link = folder / "warehouse" / "concord.duckdb"
    link.symlink_to(f"builds/{source.name}")
    write_page(link, folder / "warehouse" / "dashboard.html")
    users, tokens = users_of(folder, "Sales")
    with serving(folder, folder / "warehouse", users, tokens) as server:
        yield server


@pytest.fixture(scope="module")
def chromium():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: what a person sees was not tried")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium, served):
    """A tab of its own, and what went wrong in it: refused scripts, failed requests, requests to anywhere else."""
    context = chromium.new_context(base_url=served.url, accept_downloads=True)
    page = context.new_page()
    wrong = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith((served.url, "data:", "blob:")) else wrong.append(
        request.url))  # fmt: skip
    yield page
    context.close()
    # Chromium reports the answers 4xx that the tests ask for on purpose; anything else is a fault.
    assert [text for text in wrong if "the server responded with a status of 4" not in text] == []


def log_in(tab, user):
    tab.goto("/")
    assert tab.url.endswith("/login")
    tab.get_by_label("User").fill(user)
    tab.get_by_label("Password").fill(PASSWORDS[user])
    tab.get_by_role("button", name="Log in").click()
    tab.wait_for_url("**/")


def test_a_person_follows_a_figure_to_its_rows_pages_on_exports_and_leaves(tab):
    log_in(tab, "ana")
    figure = tab.locator('a.rows.served[href*="/rows/stage_entries"]').first
    figure.wait_for()
    line = figure.locator("xpath=ancestor::tr")
    shown = int(line.locator("data").first.get_attribute("value"))
    figure.click()
    tab.wait_for_url("**/rows/**")
    assert tab.locator(".sentence").inner_text().startswith(f"{shown:,} row")
    assert tab.locator("tbody tr").count() == min(shown, 50)
    while tab.locator(".chips a").count():
        tab.locator(".chips a").first.click()
        tab.wait_for_load_state()
    everything = int(re.match(r"([\d,]+) rows", tab.locator(".sentence").inner_text())[1].replace(",", ""))
    assert everything > 100
    first = tab.locator("tbody tr").first.inner_text()
    tab.get_by_role("link", name="Next page").click()
    tab.wait_for_url("**after=**")
    assert tab.locator("tbody tr").count() == 50
    assert tab.locator("tbody tr").first.inner_text() != first
    tab.get_by_role("link", name="First page").click()
    tab.wait_for_load_state()
    assert tab.locator("tbody tr").first.inner_text() == first
    tab.get_by_text("Narrow these rows").click()
    tab.locator('input[name="stage"]').fill("mql")
    tab.get_by_role("button", name="Show").click()
    tab.wait_for_url("**stage=mql**")
    narrowed = int(re.match(r"([\d,]+) rows", tab.locator(".sentence").inner_text())[1].replace(",", ""))
    assert 0 < narrowed < everything
    with tab.expect_download() as download:
        tab.get_by_role("link", name="Save as CSV").click()
    with open(download.value.path(), encoding="utf-8-sig", newline="") as file:  # noqa: PTH123
        saved = list(csv.DictReader(file))
    assert (len(saved), {row["stage"] for row in saved}) == (narrowed, {"mql"})
    tab.get_by_role("link", name="Account and log out").click()
    tab.get_by_role("button", name="Log out").click()
    tab.wait_for_url("**/login")
    tab.goto("/rows")
    assert "/login" in tab.url
    tab.go_back()
    tab.go_back()
    assert not tab.locator("tbody tr").count(), "what was seen is not to be had from the browser's memory"


def test_a_viewer_of_one_region_sees_its_figures_and_opens_them(tab):
    log_in(tab, "emil")
    assert "Only region EMEA." in tab.locator("nav").first.inner_text()
    tab.get_by_role("link", name="Figures by month").click()
    assert tab.locator("h1").inner_text() == "Your part: region EMEA"
    link = tab.locator('td.number a[href*="stage=mql"]').nth(1)
    shown = int(link.inner_text().replace(",", ""))
    link.click()
    tab.wait_for_url("**/rows/**")
    assert tab.locator(".sentence").inner_text().startswith(f"{shown:,} row")
    assert "Only region EMEA" in tab.locator("main").inner_text()
    tab.goto("/rows/ad_spend")
    assert "viewers of the whole company" in tab.locator('[role="alert"]').inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_can_be_used_by_everybody(tab, scheme):
    """Axe finds nothing on any page, in light and dark, and no page is wider than a phone."""
    from axe_playwright_python.sync_playwright import Axe

    tab.emulate_media(color_scheme=scheme)

    def judge(name):
        found = Axe().run(tab)
        assert found.violations_count == 0, f"{name}:\n{found.generate_report()}"
        tab.set_viewport_size({"width": 360, "height": 740})
        wide = tab.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360, f"{name} is {wide} wide on a phone"
        tab.set_viewport_size({"width": 1280, "height": 800})

    tab.goto("/login")
    judge("login")
    tab.get_by_label("User").fill("ana")
    tab.get_by_label("Password").fill("not this one")
    tab.get_by_role("button", name="Log in").click()
    judge("login refused")
    log_in(tab, "ana")
    judge("page")
    for name, address in PAGES.items():
        tab.goto(address)
        judge(name)
    tab.goto("/rows/opportunities")
    tab.get_by_text("Narrow these rows").click()
    judge("narrowing")
    tab.context.clear_cookies()
    log_in(tab, "emil")
    judge("page of a region")
    tab.goto("/figures")
    judge("figures of a region")
