"""Pseudo-random draws as SQL: a pure function of the seed, a label and a row's id, never of threads or row order."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Draws:
    """Renders SQL expressions of pseudo-random values; two labels give independent draws of one id."""

    seed: int

    def _key(self, label: str) -> int:
        digest = hashlib.sha256(f"{self.seed}/{label}".encode()).digest()
        return int.from_bytes(digest[:8], "big")

    def uniform(self, label: str, row: str) -> str:
        """A double in [0, 1) for the integer expression `row`."""
        return f"((hash(xor(hash(({row})::bigint), {self._key(label)}::ubigint)) >> 11) * 1.1102230246251565e-16)"

    def integer(self, label: str, row: str, below: str | int) -> str:
        """An integer in [0, below)."""
        return f"cast(floor({self.uniform(label, row)} * ({below})) as bigint)"

    def chance(self, label: str, row: str, share: float | str) -> str:
        """True for about `share` of the rows."""
        return f"({self.uniform(label, row)} < {share})"

    def pick(self, label: str, row: str, values: Sequence[str]) -> str:
        """One of `values`, each as likely."""
        return f"{text_list(values)}[1 + {self.integer(label, row, len(values))}]"

    def weighted(self, label: str, row: str, weights: Mapping[str, int]) -> str:
        """One of the keys of `weights` (whole numbers that sum to 100) by its weight."""
        if sum(weights.values()) != 100:
            raise ValueError(f"weights of {label} sum to {sum(weights.values())}, not 100")
        drawn = self.uniform(label, row)
        branches, reached = [], 0
        for value, weight in weights.items():
            reached += weight
            branches.append(f"when {drawn} < {reached / 100} then '{value}'")
        return f"(case {' '.join(branches[:-1])} else '{list(weights)[-1]}' end)" if len(weights) > 1 else f"'{value}'"

    def after(self, moment: str, label: str, row: str, least: float, most: float) -> str:
        """`moment` plus `least` to `most` seconds, whole seconds."""
        return f"({moment} + to_seconds(cast(floor({least} + {most - least} * {self.uniform(label, row)}) as bigint)))"


def text_list(values: Sequence[str]) -> str:
    """A SQL list literal of texts."""
    return "[" + ", ".join("'" + value.replace("'", "''") + "'" for value in values) + "]"


MINUTE = 60
HOUR = 3600
DAY = 86400
