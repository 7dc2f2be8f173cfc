"""`python -m dashboard render`: make the page of the newest published build, without building anything."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from dashboard.figures import FigureError
from dashboard.page import PAGE_NAME, PageError, write_page
from dashboard.spec import SpecError, read_panels
from orchestration.settings import SettingsError, read_settings


def main(arguments: Sequence[str]) -> int:
    """Do what the command line asks for; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m dashboard", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("render", help="make dashboard.html of the newest published build")
    commands.add_parser("panels", help="check the spec and list its panels")
    given = parser.parse_args(arguments)
    try:
        if given.command == "panels":
            for panel in read_panels():
                print(f"{panel.fold or 'page':10} {panel.place:4g}  {panel.id:20} {panel.title}")
            return 0
        settings = read_settings(os.environ)
        target = settings.warehouse / PAGE_NAME
        size = write_page(settings.published, target)
    except (SettingsError, SpecError, PageError, FigureError) as error:
        print(f"FAILED  {error}", file=sys.stderr)
        return 1
    print(f"{target} ({size / 1e6:.2f} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
