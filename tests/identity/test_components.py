"""Connected components with guards and overrides: equal to a plain union-find, whatever the order of the evidence."""

from __future__ import annotations

import importlib.util
import random
from collections import Counter
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.identity.identity_build import PROJECT

RANKS = {"override": 1, "merged": 2, "cross_id": 3, "email": 4, "phone_and_last_name": 5}
Edge = tuple[int, int, int, str]


def _load() -> ModuleType:
    path = PROJECT / "models/intermediate/identity/int_identity_components.py"
    spec = importlib.util.spec_from_file_location("int_identity_components", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


components = _load()


def resolve(
    edges: list[Edge], apart: list[tuple[int, int]] | None = None, undelivered: list[int] | None = None, limit: int = 25
) -> dict[int, tuple[int, bool, bool]]:
    """Record number -> (component number, is oversized, is split)."""
    left, right, rank = (np.array([edge[i] for edge in edges], dtype=np.int64) for i in range(3))
    found = components.resolve(
        left, right, rank, [edge[3] for edge in edges], apart or [], np.array(undelivered or [], dtype=np.int64), limit
    )
    return {
        int(number): (int(root), bool(large), bool(split))
        for number, root, large, split in zip(
            found.record_number, found.component_number, found.is_oversized, found.is_split, strict=True
        )
    }


def union_find(edges: list[Edge]) -> dict[int, int]:
    """The textbook: each record's smallest reachable record."""
    parent: dict[int, int] = {}

    def find(number: int) -> int:
        parent.setdefault(number, number)
        while parent[number] != number:
            number = parent[number]
        return number

    for one, other, _, _ in edges:
        first, second = sorted((find(one), find(other)))
        parent[second] = first
    return {number: find(number) for number in parent}


@st.composite
def evidence(draw: st.DrawFn) -> list[Edge]:
    """Groups that share a value, hung on their earliest record, and explicit pairs; few records, so that they meet."""
    numbers = st.integers(1, 40)
    edges: list[Edge] = []
    for group in range(draw(st.integers(0, 12))):
        members = sorted(draw(st.sets(numbers, min_size=2, max_size=5)))
        rank = draw(st.sampled_from((4, 5)))
        edges += [(member, members[0], rank, f"value {group}") for member in members[1:]]
    pairs = draw(st.lists(st.tuples(numbers, numbers, st.sampled_from((1, 2, 3))), max_size=15))
    edges += [(max(a, b), min(a, b), rank, f"{rank}:{min(a, b)} {max(a, b)}") for a, b, rank in pairs if a != b]
    return edges


APART = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)).filter(lambda pair: pair[0] != pair[1]), max_size=6)


@settings(deadline=None, max_examples=300)
@given(evidence())
def test_components_are_those_of_a_plain_union_find(edges: list[Edge]) -> None:
    assert {number: found[0] for number, found in resolve(edges, limit=1000).items()} == union_find(edges)


@settings(deadline=None, max_examples=200)
@given(evidence(), APART, st.integers(2, 12), st.randoms(use_true_random=False))
def test_the_order_of_the_evidence_makes_no_difference(
    edges: list[Edge], apart: list[tuple[int, int]], limit: int, shuffler: random.Random
) -> None:
    shuffled, apart_shuffled = list(edges), [(b, a) for a, b in apart]
    shuffler.shuffle(shuffled)
    shuffler.shuffle(apart_shuffled)
    assert resolve(edges, apart, limit=limit) == resolve(shuffled, apart_shuffled, limit=limit)


@settings(deadline=None, max_examples=300)
@given(evidence(), APART)
def test_kept_apart_over_every_path_and_no_more_is_split_than_must_be(
    edges: list[Edge], apart: list[tuple[int, int]]
) -> None:
    found = {number: root for number, (root, _, _) in resolve(edges, apart, limit=1000).items()}
    forbidden = {(found[a], found[b]) for a, b in apart if a in found and b in found}
    assert not any(a == b for a, b in forbidden)
    # Whatever evidence was dropped would have brought together two that must stay apart.
    either_way = forbidden | {(b, a) for a, b in forbidden}
    assert all(found[a] == found[b] or (found[a], found[b]) in either_way for a, b, _, _ in edges)
    # Components without anybody to keep apart are as the evidence says.
    plain = union_find(edges)
    torn = {plain[a] for a, b in apart if a in plain and b in plain and plain[a] == plain[b]}
    assert all(found[number] == root for number, root in plain.items() if root not in torn)


def test_the_weakest_evidence_gives_way() -> None:
    # The contact's mail address and phone lead to two people whom an override keeps apart.
    edges = [(2, 1, 4, "mail"), (3, 2, 5, "phone")]
    assert {n: found[0] for n, found in resolve(edges, [(1, 3)]).items()} == {1: 1, 2: 1, 3: 3}
    swapped = [(2, 1, 5, "phone"), (3, 2, 4, "mail")]
    assert {n: found[0] for n, found in resolve(swapped, [(1, 3)]).items()} == {1: 1, 2: 2, 3: 2}


def test_the_others_of_a_shared_address_stay_together_without_its_earliest_record() -> None:
    edges = [(2, 1, 4, "mail"), (3, 1, 4, "mail"), (4, 1, 4, "mail")]
    found = resolve(edges, [(1, 2), (1, 3), (1, 4)])
    assert {number: root for number, (root, _, _) in found.items()} == {1: 1, 2: 2, 3: 2, 4: 2}
    assert all(split for _, _, split in found.values())


def test_keeping_apart_wins_over_joining() -> None:
    assert resolve([(2, 1, 1, "join")], [(1, 2)])[2][0] == 2


def test_a_component_at_the_limit_is_merged_and_one_above_it_is_not() -> None:
    at_limit = [(number, 1, 4, "mail") for number in range(2, 26)]
    assert Counter(found[0] for found in resolve(at_limit).values()) == {1: 25}
    above = [*at_limit, (26, 1, 4, "mail")]
    found = resolve(above)
    assert {number: root for number, (root, _, _) in found.items()} == {number: number for number in range(1, 27)}
    assert all(oversized for _, oversized, _ in found.values())


def test_ids_that_only_a_merge_names_do_not_count_towards_the_limit() -> None:
    edges = [(number, 1, 2, f"merged {number}") for number in range(2, 41)]
    assert Counter(found[0] for found in resolve(edges, undelivered=list(range(20, 41))).values()) == {1: 40}


def test_joins_by_hand_hold_in_a_component_that_is_too_large() -> None:
    edges = [(number, 1, 4, "mail") for number in range(2, 40)] + [(30, 29, 1, "join")]
    found = resolve(edges)
    assert found[30][0] == 29
    assert found[31][0] == 31


def test_a_large_component_that_is_split_small_enough_is_merged() -> None:
    edges = [(number, 1, 4, "a") for number in range(2, 15)] + [(number, 20, 4, "b") for number in range(21, 35)]
    edges.append((20, 1, 5, "phone"))
    assert {oversized for _, oversized, _ in resolve(edges).values()} == {True}
    kept_apart = resolve(edges, [(1, 20)])
    assert Counter(found[0] for found in kept_apart.values()) == {1: 14, 20: 15}


def test_no_evidence_at_all() -> None:
    assert resolve([]) == {}


@pytest.mark.parametrize("size", [200_000])
def test_a_long_chain_is_one_component_in_seconds(size: int) -> None:
    left = np.arange(2, size + 1, dtype=np.int64)
    roots = components.component_roots(np.arange(1, size + 1, dtype=np.int64), left, left - 1)
    assert set(roots.tolist()) == {1}
