"""Every credit model over every journey, in whole cents that add up to the value of the conversion exactly.

Each model gives every touch of a journey a share. The cents are the largest-remainder rounding of value times share:
floored on the absolute value, the cents left over go to the largest remainders, ties to the earlier touch.

Shares that are ratios of small whole numbers are computed in whole numbers. Those of `markov` (long fractions) and
decay (powers of two) are computed in floating point first; a journey in which that could decide wrongly, because a
remainder comes within the error of a whole cent or of the remainder it competes with, is computed again exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from math import gcd
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

POSITIONS = ("first", "last", "lead", "opportunity", "close")
# More digits than any decision needs; what agrees in 40 decimals of a cent is a tie.
EXACT = Context(prec=80)
TIE = Decimal(1).scaleb(-40)
# Below these denominators two different remainders are two different floating-point numbers: where all of a journey
# are the same, and where they differ.
SAME_LIMIT, MIXED_LIMIT = 2**52, 2**26
TOUCHES_AT_ONCE = 1_000_000
#: Types of conversion: each has its own row of removal effects.
KINDS = ("sqo", "won")
#: The one model whose credit follows from more than the conversion.
MARKOV = "markov"


class Journeys(NamedTuple):
    """Journeys of conversions, as arrays by touch (ordered by journey, then place) and by journey.

    Attributes:
        starts: index of the first touch of each journey, and the number of touches at the end (int64, journeys + 1).
        cents: value of each conversion in cents, signed (int64).
        kind: row of `effects` for each journey (int64).
        channel: number of the channel of each touch (int64).
        before: microseconds from each touch to the conversion (int64).
        held: position → whether each touch holds it (bool).
        direct: whether the channel of each touch is direct (bool).
    """

    starts: np.ndarray
    cents: np.ndarray
    kind: np.ndarray
    channel: np.ndarray
    before: np.ndarray
    held: Mapping[str, np.ndarray]
    direct: np.ndarray


class Model(NamedTuple):
    """A credit model as agreed: weights by position and of the others, and a half-life in days, each None for none."""

    name: str
    weights: Mapping[str, Decimal | None]
    others: Decimal | None
    half_life_days: Decimal | None


class Credit(NamedTuple):
    """What a model gives each touch: the share of the value, and the cents, signed."""

    share: np.ndarray
    cents: np.ndarray


class Grouping(NamedTuple):
    """What all models need of the journeys: the journey of each touch, its place in it from 0, touches a journey."""

    journey: np.ndarray
    place: np.ndarray
    size: np.ndarray


def grouping(journeys: Journeys) -> Grouping:
    """Where each touch stands."""
    size = np.diff(journeys.starts)
    journey = np.repeat(np.arange(len(size)), size)
    place = np.arange(len(journey)) - journeys.starts[journey]
    return Grouping(journey, place, size)


def added(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The sum of each journey's values; every journey has a touch."""
    return np.add.reduceat(values, starts[:-1])


def whole_weights(model: Model) -> tuple[dict[str, int], int]:
    """The weights of a model as the smallest whole numbers of the same proportion."""
    given = {name: model.weights.get(name) or Decimal(0) for name in POSITIONS}
    others = model.others or Decimal(0)
    scaled = {name: int(weight * 10_000) for name, weight in given.items()}
    rest = int(others * 10_000)
    common = gcd(rest, *scaled.values()) or 1
    return {name: weight // common for name, weight in scaled.items()}, rest // common


def positional(model: Model, journeys: Journeys, groups: Grouping) -> tuple[np.ndarray, np.ndarray]:
    """Numerator by touch and denominator by journey of a model that is told by its weights.

    A touch takes every position that it holds. What nobody holds counts for nothing, so that the other weights share
    it in proportion; the middle is what holds no position of this model. Without any weight left: all alike.
    """
    weights, rest = whole_weights(model)
    taken = np.zeros(len(groups.journey), dtype=np.int64)
    for name, weight in weights.items():
        if weight:
            taken += weight * journeys.held[name]
    middle = (taken == 0).astype(np.int64)
    middles = added(middle, journeys.starts)
    spread = np.maximum(middles, 1) if rest else np.ones_like(middles)
    numerator = taken * spread[groups.journey] + middle * rest
    denominator = added(numerator, journeys.starts)
    nothing = denominator == 0
    if nothing.any():
        numerator = np.where(nothing[groups.journey], 1, numerator)
        denominator = np.where(nothing, groups.size, denominator)
    return numerator, denominator


def last_non_direct(journeys: Journeys, groups: Grouping) -> tuple[np.ndarray, np.ndarray]:
    """Everything to the last touch that is not direct, else to the last."""
    candidate = np.where(journeys.direct, -1, groups.place)
    best = np.maximum.reduceat(candidate, journeys.starts[:-1])
    best = np.where(best < 0, groups.size - 1, best)
    numerator = (groups.place == best[groups.journey]).astype(np.int64)
    return numerator, np.ones(len(groups.size), dtype=np.int64)


def channel_counts(journeys: Journeys, groups: Grouping) -> tuple[np.ndarray, np.ndarray]:
    """For each touch how many of its journey share its channel; for each journey its distinct channels."""
    channels = int(journeys.channel.max()) + 1
    found, index, counts = np.unique(
        groups.journey * channels + journeys.channel, return_inverse=True, return_counts=True
    )
    distinct = np.bincount(found // channels, minlength=len(groups.size))
    return counts[index], distinct


def with_leftovers(
    floors: np.ndarray, remainders: np.ndarray, magnitude: np.ndarray, journeys: Journeys, groups: Grouping
) -> tuple[np.ndarray, np.ndarray]:
    """Floors with the cents left over, one each, to the largest remainders; and how many there were a journey."""
    left = magnitude - added(floors, journeys.starts)
    cents = floors.copy()
    # Most journeys have nothing left or a single touch; only the others are put in order.
    open_touches = np.flatnonzero((left > 0)[groups.journey])
    if len(open_touches):
        journey = groups.journey[open_touches]
        # A stable sort of touches that are in their order already: ties stay with the earlier.
        order = np.lexsort((-remainders[open_touches], journey))
        ranked = open_touches[order]
        of_journey = groups.journey[ranked]
        begins = np.flatnonzero(np.diff(of_journey, prepend=-1))
        rank = np.arange(len(ranked)) - np.repeat(begins, np.diff(np.append(begins, len(ranked))))
        cents[ranked[rank < left[of_journey]]] += 1
    return cents, left


def ratio_credit(numerator: np.ndarray, denominator: np.ndarray, journeys: Journeys, groups: Grouping) -> Credit:
    """Credit where each share is numerator ÷ denominator, both whole, the denominator by touch."""
    magnitude = np.abs(journeys.cents)
    value = magnitude[groups.journey]
    largest = added(numerator.astype(np.float64), journeys.starts).max() * float(magnitude.max(initial=0))
    is_mixed = (denominator != denominator[journeys.starts[:-1]][groups.journey]).any()
    if largest >= 2**62 or denominator.max() >= (MIXED_LIMIT if is_mixed else SAME_LIMIT):
        cents = np.concatenate(
            [
                exact_cents(
                    int(magnitude[j]),
                    [
                        Fraction(int(n), int(d))
                        for n, d in zip(numerator[span].tolist(), denominator[span].tolist(), strict=True)
                    ],
                )
                for j, span in enumerate(spans(journeys))
            ]
        )
    else:
        floors, rest = np.divmod(value * numerator, denominator)
        cents, _ = with_leftovers(floors, rest / denominator, magnitude, journeys, groups)
    return Credit(numerator / denominator, cents * np.sign(journeys.cents)[groups.journey])


def weight_credit(
    weight: np.ndarray,
    relative_error: float,
    alike: np.ndarray,
    exact_shares: Any,
    journeys: Journeys,
    groups: Grouping,
) -> Credit:
    """Credit where shares are weights in floating point over their sum.

    Touches of a journey with the same number in `alike` have exactly the same share. Where `relative_error` could
    change the outcome, `exact_shares` (journey number → shares of its touches) decides.
    """
    magnitude = np.abs(journeys.cents)
    share = weight / added(weight, journeys.starts)[groups.journey]
    exact = magnitude[groups.journey] * share
    floors = np.floor(exact)
    remainders = exact - floors
    cents, left = with_leftovers(floors.astype(np.int64), remainders, magnitude, journeys, groups)
    error = (magnitude + 1) * relative_error
    margin = error[groups.journey]
    doubtful = ((remainders < margin) | (remainders > 1 - margin)) & (exact > 0)
    in_doubt = added(doubtful.astype(np.int64), journeys.starts) > 0
    in_doubt |= (left < 0) | (left >= groups.size)
    in_doubt |= tied_across_kinds(remainders, cents > floors, margin, alike, journeys, groups) & (left > 0)
    in_doubt &= (groups.size > 1) & (magnitude > 0)
    single = (groups.size == 1)[groups.journey]
    cents = np.where(single, magnitude[groups.journey], cents)
    for j in np.flatnonzero(in_doubt).tolist():
        cents[journeys.starts[j] : journeys.starts[j + 1]] = exact_cents(int(magnitude[j]), exact_shares(j))
    return Credit(share, cents * np.sign(journeys.cents)[groups.journey])


def tied_across_kinds(
    remainders: np.ndarray,
    won: np.ndarray,
    margin: np.ndarray,
    alike: np.ndarray,
    journeys: Journeys,
    groups: Grouping,
) -> np.ndarray:
    """Whether the last cent left over could as well have gone to a touch with another share."""
    starts = journeys.starts[:-1]
    lowest_winner = np.minimum.reduceat(np.where(won, remainders, np.inf), starts)[groups.journey]
    highest_loser = np.maximum.reduceat(np.where(won, -np.inf, remainders), starts)[groups.journey]
    at_the_edge = (np.abs(remainders - lowest_winner) <= 2 * margin) | (
        np.abs(remainders - highest_loser) <= 2 * margin
    )
    lowest_kind = np.minimum.reduceat(np.where(at_the_edge, alike, np.iinfo(np.int64).max), starts)
    highest_kind = np.maximum.reduceat(np.where(at_the_edge, alike, -1), starts)
    close = (lowest_winner - highest_loser <= 2 * margin)[starts]
    return close & (highest_kind > lowest_kind)


def exact_cents(magnitude: int, shares: Sequence[Fraction] | Sequence[Decimal]) -> list[int]:
    """Whole cents of one journey by largest remainder, of shares that are exact or have 80 digits."""
    floors, remainders = [], []
    for share in shares:
        if isinstance(share, Fraction):
            floor, rest = divmod(magnitude * share.numerator, share.denominator)
            remainder: Fraction | Decimal = Fraction(rest, share.denominator)
        else:
            amount = EXACT.quantize(EXACT.multiply(share, Decimal(magnitude)), TIE)
            floor = int(amount.to_integral_value(ROUND_FLOOR))
            remainder = EXACT.subtract(amount, Decimal(floor))
        floors.append(floor)
        remainders.append(remainder)
    left = magnitude - sum(floors)
    for i in sorted(range(len(floors)), key=lambda i: (-remainders[i], i))[:left]:
        floors[i] += 1
    return floors


def spans(journeys: Journeys) -> Iterator[slice]:
    """The touches of each journey."""
    for start, end in zip(journeys.starts[:-1].tolist(), journeys.starts[1:].tolist(), strict=True):
        yield slice(start, end)


def decay_credit(half_life_days: Decimal, journeys: Journeys, groups: Grouping) -> Credit:
    """Credit that halves with each half-life before the conversion; an age is counted from the last touch on."""
    half_life = half_life_days * 86_400_000_000
    latest = journeys.before[journeys.starts[1:] - 1]
    age = (journeys.before - latest[groups.journey]).astype(np.float64) / float(half_life)
    weight = np.exp2(-np.minimum(age, 1000.0))

    def exact_shares(j: int) -> list[Decimal]:
        ages = journeys.before[journeys.starts[j] : journeys.starts[j + 1]].tolist()
        powers = [EXACT.power(2, EXACT.divide(Decimal(ages[-1] - age), half_life)) for age in ages]
        total = Decimal(0)
        for power in powers:
            total = EXACT.add(total, power)
        return [EXACT.divide(power, total) for power in powers]

    error = 1e-14 + 1e-15 * float(np.minimum(age, 1000.0).max())
    return weight_credit(weight, error, journeys.before, exact_shares, journeys, groups)


def markov_credit(effects: Sequence[Sequence[Fraction]], journeys: Journeys, groups: Grouping) -> Credit:
    """Credit by removal effect over the journey's own channels, equally within a channel.

    `effects` has a row for each kind of conversion and a column for each channel.
    """
    table = np.array([[float(effect) for effect in row] for row in effects])
    same_channel, _ = channel_counts(journeys, groups)
    weight = table[journeys.kind[groups.journey], journeys.channel] / same_channel
    nothing = added(weight, journeys.starts) == 0
    weight = np.where(nothing[groups.journey], 1.0, weight)

    def exact_shares(j: int) -> list[Fraction]:
        channels = journeys.channel[journeys.starts[j] : journeys.starts[j + 1]].tolist()
        own = effects[int(journeys.kind[j])]
        total = sum((own[channel] for channel in set(channels)), Fraction(0))
        if total == 0:
            return [Fraction(1, len(channels))] * len(channels)
        return [own[channel] / (channels.count(channel) * total) for channel in channels]

    return weight_credit(weight, 1e-14, journeys.channel, exact_shares, journeys, groups)


def shapley_credit(journeys: Journeys, groups: Grouping) -> Credit:
    """Credit in equal parts to the distinct channels of the journey, equally within a channel."""
    same_channel, distinct = channel_counts(journeys, groups)
    denominator = same_channel * distinct[groups.journey]
    return ratio_credit(np.ones_like(denominator), denominator, journeys, groups)


def credit(model: Model, journeys: Journeys, groups: Grouping, effects: Sequence[Sequence[Fraction]]) -> Credit:
    """The credit of one model for every touch."""
    if model.name == MARKOV:
        return markov_credit(effects, journeys, groups)
    if model.name == "shapley":
        return shapley_credit(journeys, groups)
    if model.half_life_days:
        return decay_credit(model.half_life_days, journeys, groups)
    parts = last_non_direct if model.name == "last_non_direct" else None
    numerator, denominator = parts(journeys, groups) if parts else positional(model, journeys, groups)
    return ratio_credit(numerator, denominator[groups.journey], journeys, groups)


def pieces(starts: np.ndarray, most: int) -> Iterator[tuple[int, int]]:
    """Ranges of journeys with about `most` touches each, so that memory does not grow with the company."""
    first = 0
    while first < len(starts) - 1:
        end = int(np.searchsorted(starts, starts[first] + most, side="right")) - 1
        end = max(end, first + 1)
        yield first, end
        first = end


def part(journeys: Journeys, first: int, end: int) -> Journeys:
    """Some consecutive journeys."""
    touches = slice(int(journeys.starts[first]), int(journeys.starts[end]))
    return Journeys(
        journeys.starts[first : end + 1] - journeys.starts[first],
        journeys.cents[first:end],
        journeys.kind[first:end],
        journeys.channel[touches],
        journeys.before[touches],
        {name: held[touches] for name, held in journeys.held.items()},
        journeys.direct[touches],
    )


SCHEMA = pa.schema(
    [
        ("conversion_id", pa.dictionary(pa.int32(), pa.string())),
        ("touch_number", pa.int32()),
        ("model", pa.dictionary(pa.int32(), pa.string())),
        ("credit_share", pa.float64()),
        ("credit_cents", pa.int64()),
    ]
)


def agreed(table: Any) -> list[Model]:
    """The credit models, in the order of their names."""
    models = []
    for row in table.order("model").fetchall():
        told = dict(zip(table.columns, row, strict=True))
        models.append(
            Model(told["model"], {name: told[name] for name in POSITIONS}, told["others"], told["half_life_days"])
        )
    return models


def read(found: pa.Table, channels: pa.Array) -> Journeys:
    """Journeys from the touches of conversions, in the order of conversion and touch."""

    def array(name: str) -> np.ndarray:
        return found.column(name).to_numpy()

    begins = np.flatnonzero(array("touch_number") == 1)
    return Journeys(
        np.append(begins, len(found)).astype(np.int64),
        array("cents")[begins],
        array("kind")[begins].astype(np.int64),
        pc.index_in(found.column("channel"), channels).to_numpy().astype(np.int64),
        array("microseconds_before").astype(np.int64),
        {name: array(f"is_{name}").astype(bool) for name in POSITIONS},
        array("is_direct").astype(bool),
    )


def model(dbt: Any, session: Any) -> pa.RecordBatchReader:
    """dbt's entry point: returns a row per conversion, touch and model with credit, of what may have changed.

    Which that is int_conversion_lookups says: conversions of which anything is not as in the last build, in all
    models; where a removal effect is another one, the other conversions of that type in the model that follows it.
    """
    dbt.config(materialized="table")
    models = agreed(dbt.ref("attribution_models"))
    effects_found = (
        dbt.ref("int_channel_removal_effects").project("conversion_type, channel, exact_removal_effect").fetchall()
    )
    ((build_number,),) = dbt.ref("stg_concord__build_context").project("build_number").fetchall()
    lookups = dbt.ref("int_conversion_lookups").filter(f"changed_in = {int(build_number)}")
    changed = lookups.filter("lookup_kind = 'conversion'").project("lookup_key as conversion_id, true as is_changed")
    kinds_moved = {
        kind for (kind,) in lookups.filter("lookup_kind = 'removal_effects'").project("lookup_key").fetchall()
    }
    touches = dbt.ref("int_journey_touches")
    conversions = dbt.ref("int_conversions").project("conversion_id, conversion_type, value")
    channels = [name for (name,) in touches.project("channel").distinct().order("channel").fetchall()]
    exact = {(kind, channel): Fraction(text) for kind, channel, text in effects_found}
    effects = [[exact.get((kind, channel), Fraction(0)) for channel in channels] for kind in KINDS]
    listed = ", ".join(f"'{kind}'" for kind in KINDS)
    moved = ", ".join(f"'{kind}'" for kind in KINDS if kind in kinds_moved) or "null"
    due = (
        touches.set_alias("touches")
        .join(conversions.set_alias("conversions"), "conversion_id")
        .join(changed.set_alias("changed"), "conversion_id", how="left")
        .project(
            f"""
            conversion_id, channel, cast(touch_number as integer) as touch_number, microseconds_before, is_direct,
            is_first, is_last, is_lead, is_opportunity, is_close,
            list_position([{listed}], conversion_type) - 1 as kind,
            cast(value * 100 as bigint) as cents,
            is_changed is not null as is_changed,
            conversion_type in ({moved}) as is_moved
            """
        )
    )
    parts = [
        (due.filter(condition).order("conversion_id, touch_number").to_arrow_table(), theirs)
        for condition, theirs in (
            ("is_changed", models),
            ("not is_changed and is_moved", [one for one in models if one.name == MARKOV]),
        )
    ]
    names = pa.array([one.name for one in models], pa.string())

    def batches() -> Iterator[pa.RecordBatch]:
        for found, theirs in parts:
            if not len(found):
                continue
            journeys = read(found, pa.array(channels, pa.string()))
            for first, end in pieces(journeys.starts, TOUCHES_AT_ONCE):
                some = part(journeys, first, end)
                groups = grouping(some)
                named = found.slice(int(journeys.starts[first]), len(groups.journey)).combine_chunks()
                conversion_ids = named.column("conversion_id").chunk(0)
                touch_numbers = named.column("touch_number").to_numpy()
                for one in theirs:
                    share, cents = credit(one, some, groups, effects)
                    given = np.flatnonzero(share > 0)
                    number = pa.array(np.full(len(given), models.index(one)), pa.int32())
                    # Ids are named by their place: to copy them for each model would cost as much as the credit.
                    yield pa.RecordBatch.from_arrays(
                        [
                            pa.DictionaryArray.from_arrays(pa.array(given, pa.int32()), conversion_ids),
                            pa.array(touch_numbers[given]),
                            pa.DictionaryArray.from_arrays(number, names),
                            pa.array(share[given]),
                            pa.array(cents[given]),
                        ],
                        schema=SCHEMA,
                    )

    return pa.RecordBatchReader.from_batches(SCHEMA, batches())
