"""Command: python -m sample --scale S --seed N --out DIR."""

from __future__ import annotations

import argparse
from pathlib import Path

from sample.generator import generate, next_day


def main() -> None:
    """Generate the sample, or deliver its next day."""
    parser = argparse.ArgumentParser(prog="python -m sample", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="1 is about 20,000 contacts and 400,000 touches")
    parser.add_argument("--seed", type=int, default=7, help="another seed gives another company")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write extracts/ and truth/ into")
    parser.add_argument("--next-day", action="store_true", help="deliver one more day into --out instead")
    arguments = parser.parse_args()
    if arguments.next_day:
        until = next_day(arguments.out)
        print(f"{arguments.out}: delivered {until:%Y-%m-%d}, not included")
    else:
        generate(arguments.out, arguments.scale, arguments.seed)
        print(f"{arguments.out}: scale {arguments.scale:g}, seed {arguments.seed}")


if __name__ == "__main__":
    main()
