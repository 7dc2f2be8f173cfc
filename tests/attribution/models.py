"""The Python models of attribution, and journeys for them from plain lists."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import numpy as np

PROJECT = Path(__file__).resolve().parents[2]
POSITIONS = ("first", "last", "lead", "opportunity", "close")


def load(name: str) -> ModuleType:
    path = PROJECT / "models" / "intermediate" / "attribution" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


credits = load("int_touch_credits")
chain = load("int_channel_removal_effects")


def agreed_models() -> list:
    """The shipped credit models."""
    with (PROJECT / "seeds" / "attribution_models.csv").open(newline="") as file:
        return [
            credits.Model(
                row["model"],
                {name: Decimal(row[name]) if row[name] else None for name in POSITIONS},
                Decimal(row["others"]) if row["others"] else None,
                Decimal(row["half_life_days"]) if row["half_life_days"] else None,
            )
            for row in csv.DictReader(file)
        ]


@dataclass
class Journey:
    """Touches (channel, microseconds before the conversion) from the earliest on; positions as places from 0."""

    cents: int
    touches: Sequence[tuple[str, int]]
    lead: int | None = None
    opportunity: int | None = None
    close: int | None = None
    kind: int = 0
    held: dict = field(init=False)

    def __post_init__(self) -> None:
        last = len(self.touches) - 1
        self.held = {"first": 0, "last": last, "lead": self.lead, "opportunity": self.opportunity, "close": self.close}


def arrays(journeys: Sequence[Journey], channels: Sequence[str]):
    """The journeys as the arrays that the models take."""
    sizes = [len(journey.touches) for journey in journeys]
    touches = [touch for journey in journeys for touch in journey.touches]
    return credits.Journeys(
        np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
        np.array([journey.cents for journey in journeys], dtype=np.int64),
        np.array([journey.kind for journey in journeys], dtype=np.int64),
        np.array([channels.index(channel) for channel, _ in touches], dtype=np.int64),
        np.array([before for _, before in touches], dtype=np.int64),
        {
            name: np.array(
                [journey.held[name] == place for journey in journeys for place in range(len(journey.touches))]
            )
            for name in POSITIONS
        },
        np.array([channel == "direct" for channel, _ in touches]),
    )


def credit_of(model, journeys: Sequence[Journey], effects: dict[tuple[int, str], object]) -> list[list[int]]:
    """Cents by journey and touch."""
    channels = sorted({channel for journey in journeys for channel, _ in journey.touches})
    kinds = max(journey.kind for journey in journeys) + 1
    table = [[effects.get((kind, channel), 0) for channel in channels] for kind in range(kinds)]
    given = arrays(journeys, channels)
    found = credits.credit(model, given, credits.grouping(given), table)
    return [found.cents[span].tolist() for span in credits.spans(given)]
