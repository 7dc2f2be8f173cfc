"""Which delivered values may stand in a table that people pass around and open in a spreadsheet."""

from __future__ import annotations

import re
from collections.abc import Collection

from orchestration.publishing.audit import EMAIL_PATTERN, PHONE_PATTERN

LONGEST = 200
"""Longest value, in characters, that can be a word of a system."""

_EMAIL = re.compile(EMAIL_PATTERN)
_PHONE = re.compile(PHONE_PATTERN)
# Free fields hold numbers as people write them.
_LOOSE_PHONE = re.compile(r"(?<![\w])[+(]?\d(?:[ ()./-]{0,2}\d){8,14}(?![\w])")
_FORMULA = re.compile(r"\s*(=|@|[+-].*[(|!=]|\|)", re.DOTALL)


def harm(value: str, people: Collection[str], *, is_id: bool = False) -> str | None:
    """Why a value is not written, in words that complete "withheld: …"; None where it may be.

    Args:
        value: The value as delivered.
        people: Names of people as `first last`, in lower case.
        is_id: Whether long numbers are to be expected, as in ids and names of campaigns.
    """
    if value.strip() == "*":
        return "read as any value"
    if len(value) > LONGEST:
        return f"longer than {LONGEST} characters"
    if any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in value):
        return "with control characters"
    if looks_like_formula(value):
        return "read as a formula by spreadsheets"
    if _EMAIL.search(value):
        return "with an e-mail address"
    if _PHONE.search(value) or (not is_id and _LOOSE_PHONE.search(value)):
        return "with a phone number"
    if names_somebody(value, people):
        return "with the name of a person"
    return None


def looks_like_formula(value: str) -> bool:
    """Whether a spreadsheet would compute the text instead of showing it, and could do harm by that."""
    return _FORMULA.match(value) is not None


def names_somebody(value: str, people: Collection[str]) -> bool:
    """Whether two or three words in a row are the name of somebody, in either order."""
    words = re.findall(r"[^\W\d_]+(?:['’.-][^\W\d_]+)*", value.casefold())
    for size in (2, 3):
        for start in range(len(words) - size + 1):
            part = words[start : start + size]
            if " ".join(part) in people or " ".join([part[-1], *part[:-1]]) in people:
                return True
    return False
