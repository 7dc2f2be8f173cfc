"""What the tests of the page share: the page of the demo, rendered once, and a browser where there is one."""

import os
import shutil

import pytest

from dashboard.page import read_content, render

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def published(demo):
    return demo.settings.published


@pytest.fixture(scope="session")
def content(published):
    return read_content(published)


@pytest.fixture(scope="session")
def page_text(content):
    return render(content)


@pytest.fixture(scope="session")
def page_file(page_text, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "dashboard.html"
    path.write_text(page_text, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium of the machine; nothing is downloaded."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install the package chromium to test the page in a browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        yield browser
        browser.close()
