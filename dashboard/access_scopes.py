"""How much of the company a viewer sees: all of it, or some regions, some teams, or some teams in some regions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# The dimensions by which viewers can be limited; every row query says which of its columns answers to which.
DIMENSIONS = {"region": "regions", "team": "teams"}


@dataclass(frozen=True)
class Scope:
    """What a viewer may see.

    A dimension that is None is not limited. Where both are given a row must be in one of the regions and of one of
    the teams. A row without region (or team) is in no region, so nobody who is limited to some regions sees it.

    Attributes:
        regions: the only regions whose rows may be seen, or None.
        teams: the only teams whose rows may be seen, or None.
    """

    regions: tuple[str, ...] | None = None
    teams: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name in DIMENSIONS.values():
            values = getattr(self, name)
            if values is not None and (not values or any(not value.strip() for value in values)):
                raise ValueError(f"the scope's {name} are empty; leave them out where all may be seen")

    @property
    def is_all(self) -> bool:
        """Whether nothing is withheld."""
        return self.regions is None and self.teams is None

    @property
    def limits(self) -> dict[str, tuple[str, ...]]:
        """The values that may be seen, for each dimension that is limited."""
        return {
            dimension: getattr(self, name) for dimension, name in DIMENSIONS.items() if getattr(self, name) is not None
        }

    def __str__(self) -> str:
        if self.is_all:
            return "the whole company"
        parts = [
            f"{dimension if len(values) == 1 else DIMENSIONS[dimension]} {' and '.join(values)}"
            for dimension, values in self.limits.items()
        ]
        return ", only ".join(parts)

    def as_record(self) -> dict[str, Any]:
        """As it stands in the users file."""
        return {"all": True} if self.is_all else {DIMENSIONS[key]: list(value) for key, value in self.limits.items()}


EVERYTHING = Scope()


def read_scope(record: Mapping[str, Any]) -> Scope:
    """The scope that a record of the users file means; nothing said is an error, never everything.

    Raises:
        ValueError: saying what is wrong with it.
    """
    unknown = sorted(set(record) - {"all", *DIMENSIONS.values()})
    if unknown:
        raise ValueError(f"unknown scope {', '.join(unknown)}; known are all, {', '.join(DIMENSIONS.values())}")
    if record.get("all", False) is True:
        if len(record) > 1:
            raise ValueError("the scope is all and something else besides; choose one")
        return EVERYTHING
    if not record or "all" in record:
        raise ValueError('no scope; give {"all": true}, or regions, or teams')
    limits: dict[str, tuple[str, ...]] = {}
    for name, values in record.items():
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise ValueError(f"the scope's {name} must be a list of names")
        limits[name] = tuple(sorted(set(values)))
    return Scope(**limits)
