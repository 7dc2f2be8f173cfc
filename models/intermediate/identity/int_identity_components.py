"""Which records are one person: the connected components of the evidence, less what the guards and overrides forbid.

Records are numbered by age (`record_number`, 1 is the earliest), so the smallest number of a component is its
earliest record, and every result here depends on the evidence alone, never on the order in which it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

OVERRIDE = 1  # evidence_rank of a join that was decided by hand


class Group(NamedTuple):
    """Records that one piece of evidence holds together; the lower the rank, the stronger the evidence."""

    rank: int
    members: tuple[int, ...]
    key: str


class Components(NamedTuple):
    """One entry for each record that any evidence touches, ascending by record number."""

    record_number: np.ndarray  # int64
    component_number: np.ndarray  # int64: the smallest record number of the component
    evidence_component_number: np.ndarray  # int64: the same before guard and overrides
    is_oversized: np.ndarray  # bool: its component was too large and is not merged
    is_split: np.ndarray  # bool: its component was split to keep records apart


def component_roots(records: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The smallest record number of the connected component of each of `records` (ascending, int64).

    `left` and `right` are the two ends of the edges; both must be among `records`.
    """
    size = len(records)
    if size == 0:
        return np.empty(0, dtype=np.int64)
    rows, columns = np.searchsorted(records, left), np.searchsorted(records, right)
    graph = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(size, size))
    count, labels = connected_components(graph, directed=False)
    roots = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(roots, labels, records)
    return roots[labels]


def joined_with_care(
    members: Iterable[int], groups: Iterable[Group], apart: Iterable[tuple[int, int]]
) -> dict[int, int]:
    """Join `members` by the evidence in `groups`, strongest first, but never two that must stay apart.

    Evidence that would bring together two records of `apart`, directly or over others, is dropped; as the stronger is
    applied before the weaker, and of equals that of the earlier records, what is dropped is the weakest.
    Returns the smallest record number of each member's component.
    """
    root = {member: member for member in members}
    forbidden: dict[int, set[int]] = {member: set() for member in root}
    for one, other in apart:
        if one in root and other in root:
            forbidden[one].add(other)
            forbidden[other].add(one)

    def find(member: int) -> int:
        while root[member] != member:
            root[member] = root[root[member]]
            member = root[member]
        return member

    def join(one: int, other: int) -> bool:
        first, second = sorted((find(one), find(other)))
        if first == second:
            return True
        if any(find(enemy) == second for enemy in forbidden[first]):
            return False
        root[second] = first
        forbidden[first] |= forbidden[second]
        return True

    for group in sorted(groups):
        clusters: list[int] = []
        for member in group.members:
            if not any(join(cluster, member) for cluster in clusters):
                clusters.append(member)
    return {member: find(member) for member in root}


def evidence_groups(rank: np.ndarray, key: Sequence[str], left: np.ndarray, right: np.ndarray) -> list[Group]:
    """The edges of one evidence key are one group of records, whatever record they were hung on."""
    members: dict[tuple[int, str], set[int]] = {}
    for one_rank, one_key, one, other in zip(rank.tolist(), key, left.tolist(), right.tolist(), strict=True):
        members.setdefault((one_rank, one_key), set()).update((one, other))
    return [Group(rank, tuple(sorted(found)), key) for (rank, key), found in members.items()]


def resolve(
    left: np.ndarray,
    right: np.ndarray,
    rank: np.ndarray,
    key: Sequence[str],
    apart: Sequence[tuple[int, int]],
    not_counted: np.ndarray,
    max_records: int,
) -> Components:
    """Components of the evidence edges `left` - `right`, with the guard and the overrides applied.

    `rank` and `key` name each edge's evidence; `apart` are pairs that may not be one person; `not_counted` are
    record numbers that do not count towards `max_records` (ids that only a merge names). A component of more
    than `max_records` records falls apart but for the joins decided by hand.
    """
    records = np.unique(np.concatenate((left, right))).astype(np.int64)
    evidence_roots = component_roots(records, left, right)
    roots = evidence_roots.copy()
    root_of_edge = evidence_roots[np.searchsorted(records, left)]
    known = set(records.tolist())
    inside = [(one, other) for one, other in apart if one in known and other in known]

    def join_again(chosen: np.ndarray, edges: np.ndarray) -> None:
        """Give the records under `chosen` (mask) the components that `edges` (mask) and `apart` leave them."""
        numbers = records[chosen]
        groups = evidence_groups(rank[edges], [key[i] for i in np.flatnonzero(edges)], left[edges], right[edges])
        found = joined_with_care(numbers.tolist(), groups, inside)
        roots[chosen] = [found[number] for number in numbers.tolist()]

    if inside:
        ends = np.searchsorted(records, np.array(inside, dtype=np.int64))
        together = evidence_roots[ends[:, 0]] == evidence_roots[ends[:, 1]]
        torn = np.unique(evidence_roots[ends[together, 0]])
    else:
        torn = np.empty(0, dtype=np.int64)
    is_split = np.isin(evidence_roots, torn)
    if is_split.any():
        join_again(is_split, np.isin(root_of_edge, torn))

    counted = ~np.isin(records, not_counted)
    found_roots, index = np.unique(roots, return_inverse=True)
    sizes = np.bincount(index, weights=counted, minlength=len(found_roots)).astype(np.int64)
    is_oversized = sizes[index] > max_records
    if is_oversized.any():
        both_ends = is_oversized[np.searchsorted(records, left)] & is_oversized[np.searchsorted(records, right)]
        join_again(is_oversized, both_ends & (rank == OVERRIDE))
    return Components(records, roots, evidence_roots, is_oversized, is_split)


def model(dbt: Any, session: Any) -> pa.Table:
    """dbt's entry point: reads the edges, returns one row per record that has any."""
    dbt.config(materialized="table")
    edges = dbt.ref("int_identity_edges").project("record_number, other_record_number, evidence_rank, evidence_key")
    pairs = dbt.ref("int_identity_keep_apart").project("record_number, other_record_number")
    undelivered = dbt.ref("int_person_identifiers").filter("not is_delivered").project("record_number")
    arrays = edges.fetchnumpy()
    apart = pairs.fetchnumpy()
    components = resolve(
        arrays["record_number"].astype(np.int64),
        arrays["other_record_number"].astype(np.int64),
        arrays["evidence_rank"].astype(np.int64),
        arrays["evidence_key"],
        list(zip(apart["record_number"].tolist(), apart["other_record_number"].tolist(), strict=True)),
        undelivered.fetchnumpy()["record_number"].astype(np.int64),
        int(dbt.config.get("max_component_records")),
    )
    return pa.table(components._asdict())
