"""How a figure is written. The page's script has the same rules, and a test compares the two."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

NOTHING = "–"
MINUS = "−"
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
FORMATS = frozenset(
    {
        *(
            "money",
            "money_signed",
            "money_full",
            "count",
            "count_signed",
            "number",
            "index",
            "percent",
            "share",
            "points",
            "days",
        ),
        *("text", "date", "month", "yes"),
    }
)
NUMERIC = FORMATS - {"text", "date", "month", "yes"}
_COMPACT = ((1e9, "B"), (1e6, "M"), (1e3, "k"))


def fixed(value: float, digits: int) -> str:
    """`value`, never negative, with these decimals, half away from zero, and commas between thousands."""
    rounded = Decimal(value).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    return f"{rounded:,.{digits}f}"


def write(value: Any, style: str, currency: str = "USD") -> str:
    """A value as text, in one of `FORMATS`."""
    if value is None:
        return NOTHING
    if style == "text":
        return str(value)
    if style == "yes":
        return "yes" if value else "no"
    if style in {"date", "month"}:
        day = date.fromisoformat(str(value)[:10])
        month = f"{MONTHS[day.month - 1]} {day.year}"
        return month if style == "month" else f"{day.day} {month}"
    return _signed(float(value), style, currency)


def _signed(number: float, style: str, currency: str) -> str:
    text = _unsigned(abs(number), style, currency)
    if not any(character in "123456789" for character in text):
        return text
    if number < 0:
        return MINUS + text
    return "+" + text if style in {"money_signed", "count_signed", "points"} else text


def _unsigned(number: float, style: str, currency: str) -> str:
    symbol = SYMBOLS.get(currency, f"{currency} ")
    match style:
        case "money" | "money_signed":
            return symbol + _compact(number)
        case "money_full":
            return symbol + fixed(number, 0)
        case "count" | "count_signed":
            return fixed(number, 0)
        case "number" | "days":
            return fixed(number, 1)
        case "index":
            return fixed(number, 2)
        case "percent":
            return fixed(number * 100, 1) + "%"
        case "share":
            return fixed(number * 100, 0) + "%"
        case "points":
            return fixed(number * 100, 1) + " pts"
    raise ValueError(f"unknown format {style!r}; known are {', '.join(sorted(FORMATS))}")


def _compact(number: float) -> str:
    for size, letter in _COMPACT:
        if number >= size * 0.9995:
            tenths = fixed(number / size, 1)
            return (tenths if float(tenths.replace(",", "")) < 100 else fixed(number / size, 0)) + letter
    return fixed(number, 0)
