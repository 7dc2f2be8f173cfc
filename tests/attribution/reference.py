"""What the credit models mean, written down a second time with loops and fractions, from their definitions alone."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np

DAY = 86_400_000_000


def shares(name: str, weights: dict, journey, effects: dict) -> list:
    """The share of each touch; fractions, or numbers of 60 digits where powers are involved."""
    size = len(journey.touches)
    channels = [channel for channel, _ in journey.touches]
    if name == "markov":
        total = sum({channel: effects[journey.kind, channel] for channel in channels}.values())
        if total == 0:
            return [Fraction(1, size)] * size
        return [effects[journey.kind, channel] / total / channels.count(channel) for channel in channels]
    if name == "shapley":
        return [Fraction(1, len(set(channels)) * channels.count(channel)) for channel in channels]
    if name == "last_non_direct":
        chosen = max((i for i, channel in enumerate(channels) if channel != "direct"), default=size - 1)
        return [Fraction(i == chosen) for i in range(size)]
    if weights.get("half_life_days"):
        with localcontext() as context:
            context.prec = 60
            half_life = Decimal(weights["half_life_days"]) * DAY
            powers = [Decimal(2) ** (-Decimal(before) / half_life) for _, before in journey.touches]
            return [power / sum(powers) for power in powers]
    given = [Fraction(0)] * size
    for position, place in journey.held.items():
        if place is not None:
            given[place] += Fraction(weights.get(position) or 0)
    middle = [i for i in range(size) if given[i] == 0]
    for i in middle:
        given[i] = Fraction(weights.get("others") or 0) / len(middle)
    total = sum(given)
    return [share / total if total else Fraction(1, size) for share in given]


def cents(value: int, parts: list) -> list[int]:
    """Largest remainder on the absolute value, ties to the earlier touch; what agrees in 40 digits is a tie."""
    with localcontext() as context:
        context.prec = 60
        exact = [abs(value) * part if isinstance(part, Fraction) else round(abs(value) * part, 40) for part in parts]
        floors = [int(amount // 1) for amount in exact]
        order = sorted(range(len(exact)), key=lambda i: (floors[i] - exact[i], i))
    for i in order[: abs(value) - sum(floors)]:
        floors[i] += 1
    return [floor if value >= 0 else -floor for floor in floors]


def removal_effects(transitions: dict[tuple[str, str], int]) -> tuple[float, dict[str, float]]:
    """The chain by brute force: with each channel taken out in turn, one linear system in floating point each."""

    def converting(without: str | None) -> float:
        states = sorted({source for source, _ in transitions})
        matrix, right = np.eye(len(states)), np.zeros(len(states))
        totals = {state: sum(n for (source, _), n in transitions.items() if source == state) for state in states}
        for (source, target), count in transitions.items():
            row = states.index(source)
            if source == without or target == without or target == "(null)":
                continue
            if target == "(conversion)":
                right[row] += count / totals[source]
            else:
                matrix[row, states.index(target)] -= count / totals[source]
        return float(np.linalg.solve(matrix, right)[states.index("(start)")])

    whole = converting(None)
    channels = {state for pair in transitions for state in pair} - {"(start)", "(conversion)", "(null)"}
    return whole, {c: (whole - converting(c)) / whole if whole else 0.0 for c in channels}
