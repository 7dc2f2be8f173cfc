"""`python -m benchmarks.page [dashboard.html] [--runs N]`: how fast the page is in a real browser, and how large."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestration.settings import read_settings

FILTERS_TRIED = 40


@dataclass(frozen=True)
class Opened:
    """One opening of the page in a fresh browser context; milliseconds.

    Attributes:
        first_paint: until text was first painted.
        interactive: until the page's script had restored the view and took events.
        filters: each change of a filter, until the page was drawn anew.
    """

    first_paint: float
    interactive: float
    filters: tuple[float, ...]


def measure(path: Path, runs: int, seed: int = 7) -> list[Opened]:
    """Open the page `runs` times, each time in a new context, and change filters by a fixed die.

    Raises:
        RuntimeError: where the machine has no Chromium.
    """
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise RuntimeError("no Chromium on this machine: install the package chromium")
    opened = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        for run in range(runs):
            dice = random.Random(seed + run)
            page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
            page.goto(path.resolve().as_uri())
            page.wait_for_timeout(300)
            paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null")
            ready = page.evaluate("concordReadyMs")
            selects = page.locator("#filters select")
            names = [selects.nth(number).get_attribute("name") for number in range(selects.count())]
            times = []
            for _ in range(FILTERS_TRIED):
                name = dice.choice(names)
                options = page.locator(f"#filters select[name={name}] option").count()
                page.select_option(f"#filters select[name={name}]", index=dice.randrange(options))
                # From the event to the frame that shows it, layout included.
                times.append(
                    page.evaluate(
                        "() => { const start = performance.now(); document.body.offsetHeight;"
                        " return concordFilterMs + performance.now() - start; }"
                    )
                )
            opened.append(Opened(paint, ready, tuple(times)))
            page.context.close()
        browser.close()
    return opened


def main(arguments: Sequence[str]) -> int:
    """Measure and print; 0 where it could be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__)
    parser.add_argument("page", type=Path, nargs="?", help="the page (dashboard.html of CONCORD_WAREHOUSE)")
    parser.add_argument("--runs", type=int, default=5, help="openings, of which medians are told (5)")
    given = parser.parse_args(arguments)
    path = given.page or read_settings(os.environ).warehouse / "dashboard.html"
    if not path.exists():
        print(f"{path} does not exist: run the main job first", file=sys.stderr)
        return 1
    opened = measure(path, given.runs)
    filters = sorted(time for each in opened for time in each.filters)
    print(f"page                    {path.stat().st_size / 1e6:.2f} MB")
    print(f"first contentful paint  {statistics.median(each.first_paint for each in opened):.0f} ms")
    print(f"interactive             {statistics.median(each.interactive for each in opened):.0f} ms")
    print(
        f"filter                  {statistics.median(filters):.0f} ms median,"
        f" {filters[int(len(filters) * 0.95)]:.0f} ms p95, {filters[-1]:.0f} ms slowest of {len(filters)}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
