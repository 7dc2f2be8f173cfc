"""The SQL of the ledger against a plain loop over each person's life."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.compiled_models import CompiledFunnel
from tests.funnel.funnel_build import INPUTS, FunnelBuild
from tests.funnel.invented_people import AGREED, AS_OF, agreed_tables, instant, invent, tables_of
from tests.funnel.reference_ledger import Person, cycles_of, entries_of

T = TypeVar("T")


class Seeded:
    """Chance from a seeded generator."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def number(self, low: int, high: int) -> int:
        return self._random.randint(low, high)

    def one_of(self, values: Any) -> Any:
        return self._random.choice(values)


class Drawn:
    """Chance from hypothesis, so that a failing life is shrunk to the least that still fails."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def number(self, low: int, high: int) -> int:
        return self._draw(st.integers(low, high))

    def one_of(self, values: Any) -> Any:
        return self._draw(st.sampled_from(values))


@st.composite
def few_people(draw: st.DrawFn) -> list[Person]:
    """A handful of invented people."""
    return [invent(Drawn(draw), f"p{number}") for number in range(draw(st.integers(1, 4)))]


def built_entries(build: FunnelBuild) -> dict[tuple[str, int, str], tuple[Any, ...]]:
    return {
        (row["person_id"], row["cycle_number"], row["stage"]): (
            row["entered_at"],
            row["is_inferred"],
            row["definition_version"],
            row["grade"],
            row["engagement_score"],
            row["temperature"],
            row["opportunity_id"],
        )
        for row in build.rows("fct_stage_entries")
    }


def expected_entries(people: list[Person]) -> dict[tuple[str, int, str], tuple[Any, ...]]:
    return {
        (person.key, entry.cycle, entry.stage): (
            instant(entry.at),
            entry.is_inferred,
            entry.version,
            entry.grade,
            pytest.approx(entry.engagement, abs=2e-6),
            entry.temperature,
            entry.deal,
        )
        for person in people
        for entry in entries_of(person, AGREED)
    }


def built_cycles(build: FunnelBuild) -> dict[tuple[str, int], tuple[Any, ...]]:
    return {
        (row["person_id"], row["cycle_number"]): (
            row["opened_at"],
            row["opportunity_id"],
            row["exit_type"],
            row["exited_at"],
            row["won_at"],
        )
        for row in build.rows("fct_lead_cycles")
    }


def expected_cycles(people: list[Person]) -> dict[tuple[str, int], tuple[Any, ...]]:
    return {
        (person.key, number): (
            instant(cycle.opened),
            cycle.deal,
            cycle.exit_type,
            None if cycle.exited is None else instant(cycle.exited),
            None if cycle.won is None else instant(cycle.won),
        )
        for person in people
        for number, cycle in enumerate(cycles_of(person, AGREED), start=1)
    }


def test_an_input_that_nobody_describes_is_named_with_the_model_that_reads_it(compiled_funnel: CompiledFunnel) -> None:
    known = {name: columns for name, columns in INPUTS.items() if name != "int_crm_systems_in_use"}
    with pytest.raises(KeyError, match=r"fct_lead_cycles.* reads int_crm_systems_in_use, which is neither built here"):
        FunnelBuild(compiled_funnel, {}, as_of=AS_OF, inputs=known)


def assert_agrees(compiled: CompiledFunnel, people: list[Person], threads: int = 2) -> None:
    build = FunnelBuild(compiled, tables_of(people), as_of=AS_OF, definitions=agreed_tables(), threads=threads)
    try:
        for expected, built in (
            (expected_cycles(people), built_cycles(build)),
            (expected_entries(people), built_entries(build)),
        ):
            different = [k for k in sorted(expected.keys() | built.keys()) if expected.get(k) != built.get(k)]
            assert not different, "\n".join(
                f"{key}: the loop says {expected.get(key)}, the SQL {built.get(key)}" for key in different[:3]
            )
    finally:
        build.close()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_thousands_of_lives_end_in_the_ledger_as_in_the_loop(compiled_funnel: CompiledFunnel, seed: int) -> None:
    draw = Seeded(seed)
    people = [invent(draw, f"p{number:05}") for number in range(4000)]
    assert_agrees(compiled_funnel, people)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(people=few_people())
def test_any_life_ends_in_the_ledger_as_in_the_loop(compiled_funnel: CompiledFunnel, people: list[Person]) -> None:
    assert_agrees(compiled_funnel, people)


def test_the_invented_lives_run_into_every_corner() -> None:
    """Guards the two tests above: a generator that forgot a corner would make them agree about nothing."""
    draw = Seeded(1)
    people = [invent(draw, f"p{number:05}") for number in range(4000)]
    seen: Counter[str] = Counter()
    for person in people:
        cycles = cycles_of(person, AGREED)
        seen["re-entered"] += len(cycles) > 1
        seen["excluded"] += person.is_excluded
        seen["overlapping deals"] += any(
            later.opened < (earlier.exited or earlier.won or 10**9) for earlier, later in itertools.pairwise(cycles)
        )
        for cycle in cycles:
            seen[cycle.exit_type or "no exit"] += 1
            seen["won"] += cycle.won is not None
            seen["deal of a person's cycle"] += cycle.is_persons and cycle.deal is not None
            seen["deal alone"] += not cycle.is_persons
            seen["lost without acceptance"] += cycle.exit_type == "lost" and cycle.deal is None
        for entry in entries_of(person, AGREED):
            seen[f"{entry.stage} {'inferred' if entry.is_inferred else 'own'} {entry.version}"] += 1
            seen[entry.temperature or "neither warm nor hot"] += 1
            seen[entry.grade[1]] += 1
    corners = {
        "re-entered",
        "excluded",
        "overlapping deals",
        "no exit",
        "disqualified",
        "rejected",
        "recycled",
        "lost",
        "won",
        "deal of a person's cycle",
        "deal alone",
        "lost without acceptance",
        "hot",
        "warm",
        "neither warm nor hot",
        "1",
        "2",
        "3",
        "4",
        "won own 1",
        "won own 2",
        *(
            f"{s} {i} {v}"
            for s in ("inquiry", "lead", "mql", "sal", "sql", "sqo")
            for i in ("own", "inferred")
            for v in ("1", "2")
        ),
    }
    assert {corner: seen[corner] for corner in corners if seen[corner] < 20} == {}
