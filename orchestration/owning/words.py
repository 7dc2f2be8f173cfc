"""What common words of sales and marketing systems mean, read from `words.yml`."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import yaml


def plain(value: str) -> str:
    """A value as words are compared: lower case, everything but letters and digits a blank."""
    return " ".join(re.split(r"[\W_]+", value.casefold())).strip()


def meaning(subject: str, value: str) -> str | None:
    """What a value of a subject (`person_status`, …) commonly means; None where no list knows it."""
    words = plain(value)
    for means, patterns in _words().get(subject, {}).items():
        if any(fnmatchcase(words, pattern) for pattern in patterns):
            return means
    return None


@cache
def _words() -> dict[str, dict[str, list[str]]]:
    return yaml.safe_load(Path(__file__).with_name("words.yml").read_text(encoding="utf-8"))
