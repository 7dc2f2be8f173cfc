"""The first-order Markov chain over channels, solved exactly: what would be lost without each channel.

Counts are whole numbers, so everything that follows from them is a fraction. The chain is solved in integers by
elimination without fractions, never simulated and never rounded: two channels that do the same have exactly the same
effect, whatever they are called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import pyarrow as pa

START, CONVERSION, NULL = "(start)", "(conversion)", "(null)"


class Chain(NamedTuple):
    """A solved chain: the probability that a journey converts, and of each channel the share of it that is lost."""

    conversion_probability: Fraction
    removal_effects: dict[str, Fraction]


def inverted(matrix: Sequence[Sequence[int]]) -> tuple[list[list[int]], int]:
    """The adjugate of a square matrix of whole numbers and its determinant; their quotient is the inverse.

    Raises:
        ZeroDivisionError: the matrix has no inverse.
    """
    size = len(matrix)
    rows = [list(row) + [int(i == j) for j in range(size)] for i, row in enumerate(matrix)]
    divisor = 1
    for pivot in range(size):
        best = next((i for i in range(pivot, size) if rows[i][pivot]), None)
        if best is None:
            raise ZeroDivisionError("a channel without any way out of the chain")
        if best != pivot:
            # With the sign turned, the determinant keeps its own.
            rows[pivot], rows[best] = [-value for value in rows[best]], rows[pivot]
        head = rows[pivot]
        lead = head[pivot]
        for i in range(size):
            if i != pivot:
                row = rows[i]
                factor = row[pivot]
                rows[i] = [(lead * a - factor * b) // divisor for a, b in zip(row, head, strict=True)]
        divisor = lead
    return [row[size:] for row in rows], divisor


def solve(transitions: Mapping[tuple[str, str], int]) -> Chain:
    """Solve the chain of counted transitions, from one state to another.

    Without a channel every transition into it goes to null and nothing is renormalised: lost is the probability of
    coming to the channel at all, times that of converting from there. Channels in the order of their names.
    """
    channels = sorted({state for pair in transitions for state in pair} - {START, CONVERSION, NULL})
    place = {channel: i for i, channel in enumerate(channels)}
    size = len(channels)
    if not size:
        return Chain(Fraction(0), {})
    balance = [[0] * size for _ in range(size)]
    into_conversion, from_start = [0] * size, [0] * size
    for (source, target), count in transitions.items():
        if source == START:
            if target in place:
                from_start[place[target]] += count
            continue
        row = place[source]
        balance[row][row] += count
        if target in place:
            balance[row][place[target]] -= count
        elif target == CONVERSION:
            into_conversion[row] += count
    inverse, determinant = inverted(balance)
    span = range(size)
    converting = [Fraction(sum(inverse[i][j] * into_conversion[j] for j in span), determinant) for i in span]
    starts = sum(from_start)
    probability = sum((Fraction(from_start[i], starts) * converting[i] for i in span), Fraction(0))
    effects = {}
    for channel, i in place.items():
        reached = Fraction(sum(from_start[j] * inverse[j][i] for j in span), starts * inverse[i][i])
        effects[channel] = reached * converting[i] / probability if probability else Fraction(0)
    return Chain(probability, effects)


def model(dbt: Any, session: Any) -> pa.Table:
    """dbt's entry point: reads the counted transitions, returns one row per conversion type and channel."""
    dbt.config(materialized="table")
    found = dbt.ref("int_channel_transitions").project("conversion_type, from_channel, to_channel, transitions")
    counts: dict[str, dict[tuple[str, str], int]] = {}
    for kind, source, target, count in found.fetchall():
        counts.setdefault(kind, {})[source, target] = count
    rows = []
    for kind in sorted(counts):
        chain = solve(counts[kind])
        total = sum(chain.removal_effects.values())
        for channel, effect in chain.removal_effects.items():
            rows.append(
                {
                    "conversion_type": kind,
                    "channel": channel,
                    "exact_removal_effect": str(effect),
                    "conversion_probability": float(chain.conversion_probability),
                    "removal_effect": float(effect),
                    "weight": float(effect / total) if total else 0.0,
                }
            )
    schema = pa.schema(
        [
            ("conversion_type", pa.string()),
            ("channel", pa.string()),
            ("exact_removal_effect", pa.string()),
            ("conversion_probability", pa.float64()),
            ("removal_effect", pa.float64()),
            ("weight", pa.float64()),
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)
