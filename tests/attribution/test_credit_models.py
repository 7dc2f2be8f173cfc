"""Every credit model against worked examples, against its definition written a second time, and in its properties."""

from __future__ import annotations

import csv
from decimal import Decimal
from fractions import Fraction
from itertools import chain as chain_of
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.attribution import reference
from tests.attribution.models import POSITIONS, PROJECT, Journey, agreed_models, arrays, chain, credit_of, credits

DAY = 86_400_000_000
MODELS = {model.name: model for model in agreed_models()}
ALL = [
    "first", "last", "last_non_direct", "linear", "position_based", "u_shaped", "w_shaped", "full_path", "time_decay",
    "markov", "shapley",
]  # fmt: skip
EQUAL = {(0, channel): Fraction(1, 2) for channel in "abcde"} | {(0, "direct"): Fraction(1, 2)}


def weights_of(name: str) -> dict:
    with (PROJECT / "seeds" / "attribution_models.csv").open(newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["model"] == name)
    return {column: Decimal(row[column]) for column in (*POSITIONS, "others", "half_life_days") if row[column]}


def test_all_models_are_shipped() -> None:
    assert sorted(MODELS) == sorted(ALL)


def test_one_touch_takes_everything_in_every_model() -> None:
    alone = Journey(12345, [("a", 5)], lead=0, opportunity=0, close=0)
    unheld = Journey(-12345, [("direct", 5)])
    for model in MODELS.values():
        assert credit_of(model, [alone, unheld], EQUAL) == [[12345], [-12345]], model.name


# Two weeks, one week and no time before; the lead is the second touch, the opportunity the third of four.
FOUR = Journey(
    10_000, [("a", 21 * DAY), ("b", 14 * DAY), ("a", 7 * DAY), ("direct", 0)], lead=1, opportunity=2, close=3
)
TWO = Journey(1001, [("a", 7 * DAY), ("direct", 0)], lead=0, opportunity=1)


@pytest.mark.parametrize(
    ("model", "four", "two"),
    [
        ("first", [10_000, 0, 0, 0], [1001, 0]),
        ("last", [0, 0, 0, 10_000], [0, 1001]),
        ("last_non_direct", [0, 0, 10_000, 0], [1001, 0]),
        ("linear", [2500, 2500, 2500, 2500], [501, 500]),
        ("position_based", [4000, 1000, 1000, 4000], [501, 500]),
        # Of two touches the first holds first and lead; the other shares nothing but the 20.
        ("u_shaped", [4000, 4000, 1000, 1000], [801, 200]),
        # No middle is left: first and lead (60) stand against the opportunity (30).
        ("w_shaped", [3000, 3000, 3000, 1000], [667, 334]),
        # An empty middle of four; of two, nobody won: 45 against 22.5.
        ("full_path", [2500, 2500, 2500, 2500], [667, 334]),
        ("time_decay", [667, 1333, 2667, 5333], [334, 667]),
        # Removal effects 1/2 each; of a's third each touch has a half.
        ("markov", [1667, 3333, 1667, 3333], [501, 500]),
        ("shapley", [1667, 3333, 1667, 3333], [501, 500]),
    ],
)
def test_worked_examples(model: str, four: list[int], two: list[int]) -> None:
    assert credit_of(MODELS[model], [FOUR, TWO], EQUAL) == [four, two]


def test_a_touch_that_holds_several_positions_takes_them_all() -> None:
    journey = Journey(10_000, [("a", 4), ("b", 3), ("c", 2), ("d", 1)], lead=0, opportunity=0, close=3)
    found = {name: credit_of(MODELS[name], [journey], {})[0] for name in ("u_shaped", "w_shaped", "full_path")}
    assert found == {
        "u_shaped": [8000, 667, 667, 666],
        "w_shaped": [9000, 334, 333, 333],
        # 67.5 first, 22.5 close, 10 for the two between.
        "full_path": [6750, 500, 500, 2250],
    }


def test_ties_go_to_the_earlier_touch_and_negative_values_are_floored_on_their_size() -> None:
    journeys = [Journey(value, [("a", 9), ("b", 9), ("c", 9)]) for value in (100, -100, 2, -1, 0)]
    assert credit_of(MODELS["linear"], journeys, {}) == [
        [34, 33, 33],
        [-34, -33, -33],
        [1, 1, 0],
        [-1, 0, 0],
        [0, 0, 0],
    ]
    assert credit_of(MODELS["time_decay"], journeys, {}) == credit_of(MODELS["linear"], journeys, {})


def test_positions_that_nobody_holds_are_shared_in_proportion() -> None:
    journey = Journey(10_000, [("a", 3), ("b", 2), ("c", 1)])
    assert credit_of(MODELS["u_shaped"], [journey], {}) == [[6667, 1667, 1666]]
    assert credit_of(MODELS["w_shaped"], [journey], {}) == [[7500, 1250, 1250]]
    only_lead = credits.Model("mine", {"lead": Decimal(1)}, None, None)
    assert credit_of(only_lead, [journey], {}) == [[3334, 3333, 3333]], "nothing is left to share by: all alike"


CHANNELS = ["direct", "a", "b", "c", "d", "e"]


@st.composite
def random_journeys(draw) -> list[Journey]:
    journeys = []
    for _ in range(draw(st.integers(1, 6))):
        size = draw(st.integers(1, 9))
        ages = draw(
            st.lists(
                st.one_of(
                    st.integers(0, 180 * DAY),
                    st.sampled_from([0, 1, DAY, 7 * DAY, 14 * DAY, 21 * DAY, 28 * DAY, 180 * DAY]),
                ),
                min_size=size,
                max_size=size,
            )
        )
        place = st.one_of(st.none(), st.integers(0, size - 1))
        journeys.append(
            Journey(
                draw(st.one_of(st.integers(-500, 500), st.integers(-(10**12), 10**12), st.just(10**17))),
                list(
                    zip(
                        draw(st.lists(st.sampled_from(CHANNELS), min_size=size, max_size=size)),
                        sorted(ages, reverse=True),
                        strict=True,
                    )
                ),
                draw(place),
                draw(place),
                draw(place),
                draw(st.integers(0, 1)),
            )
        )
    return journeys


@st.composite
def random_effects(draw) -> dict:
    some = st.fractions(min_value=0, max_value=1, max_denominator=draw(st.sampled_from([3, 10**6])))
    return {(kind, channel): draw(some) for kind in range(2) for channel in CHANNELS}


@settings(max_examples=150, deadline=None)
@given(random_journeys(), random_effects(), st.randoms(use_true_random=False))
def test_every_model_does_what_its_definition_says(journeys, effects, random) -> None:
    renamed = dict(zip(CHANNELS[1:], random.sample(["v", "w", "x", "y", "z"], 5), strict=True)) | {"direct": "direct"}
    shuffled = random.sample(range(len(journeys)), len(journeys))
    for name, model in MODELS.items():
        found = credit_of(model, journeys, effects)
        expected = [
            reference.cents(journey.cents, reference.shares(name, weights_of(name), journey, effects))
            for journey in journeys
        ]
        assert found == expected, name
        for journey, cents in zip(journeys, found, strict=True):
            assert sum(cents) == journey.cents, name
            assert all(cent * journey.cents >= 0 for cent in cents), name
        other = [
            Journey(j.cents, [(renamed[c], t) for c, t in j.touches], j.lead, j.opportunity, j.close, j.kind)
            for j in (journeys[i] for i in shuffled)
        ]
        again = credit_of(model, other, {(kind, renamed[c]): effect for (kind, c), effect in effects.items()})
        assert again == [found[i] for i in shuffled], name


def test_journeys_in_pieces_are_the_same_journeys() -> None:
    journeys = [Journey(100 + i, [("a", 3 * DAY), ("b", i), ("a", 0)][: i % 3 + 1]) for i in range(20)]
    given = arrays(journeys, ["a", "b"])
    whole = credits.credit(MODELS["shapley"], given, credits.grouping(given), []).cents.tolist()
    for most in (1, 4, 1000):
        parts = [credits.part(given, *ends) for ends in credits.pieces(given.starts, most)]
        found = [credits.credit(MODELS["shapley"], p, credits.grouping(p), []).cents.tolist() for p in parts]
        assert list(chain_of.from_iterable(found)) == whole


@st.composite
def random_transitions(draw) -> dict:
    paths = draw(
        st.lists(
            st.tuples(st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=8), st.booleans(), st.integers(1, 500)),
            min_size=1,
            max_size=12,
        )
    )
    counts: dict[tuple[str, str], int] = {}
    for path, is_converted, times in paths:
        states = ["(start)", *path, "(conversion)" if is_converted else "(null)"]
        for pair in pairwise(states):
            counts[pair] = counts.get(pair, 0) + times
    return counts


@settings(max_examples=200, deadline=None)
@given(random_transitions(), st.randoms(use_true_random=False))
def test_markov_is_what_brute_force_finds(transitions, random) -> None:
    solved = chain.solve(transitions)
    probability, effects = reference.removal_effects(transitions)
    assert float(solved.conversion_probability) == pytest.approx(probability, abs=1e-9)
    assert solved.removal_effects.keys() == effects.keys()
    for channel, effect in solved.removal_effects.items():
        assert float(effect) == pytest.approx(effects[channel], abs=1e-9)
    renamed = dict(zip(CHANNELS, random.sample(["u", "v", "w", "x", "y", "z"], 6), strict=True))
    other = {(renamed.get(s, s), renamed.get(t, t)): n for (s, t), n in reversed(transitions.items())}
    assert chain.solve(other).removal_effects == {renamed[c]: e for c, e in solved.removal_effects.items()}


def test_markov_by_hand() -> None:
    """a → b → conversion and a → null, once each: b is reached by half of the journeys, all of which convert."""
    solved = chain.solve({("(start)", "a"): 2, ("a", "b"): 1, ("a", "(null)"): 1, ("b", "(conversion)"): 1})
    assert solved.conversion_probability == Fraction(1, 2)
    assert solved.removal_effects == {"a": 1, "b": 1}
    half = chain.solve({("(start)", "a"): 1, ("(start)", "b"): 1, ("a", "(conversion)"): 1, ("b", "(conversion)"): 1})
    assert half.removal_effects == {"a": Fraction(1, 2), "b": Fraction(1, 2)}
