"""How far the deterministic evidence of identity can be trusted, on public record-linkage sets whose truth is known.

Deterministic evidence is meant to be right, not to be complete: what it misses stays two people, and what it joins
wrongly mixes up two buyers. So precision is held to a bound, and recall is pinned, to be seen when it moves.

- fake_1000 (made for Splink): 1,000 records of 251 people, with misspelt names and e-mail addresses, half of which
  are missing or differ.
- febrl3: 5,000 records of 2,000 people, with misspelt fields. It has no telephone; the social security number, made
  an Australian mobile number, stands in for one, to see what "the same number and the same last name" joins.
"""

from __future__ import annotations

import os
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.identity.identity_build import PROJECT, IdentityBuild

pytestmark = pytest.mark.slow

LINKAGE = Path(os.environ.get("CONCORD_SHARED_DATA") or PROJECT.parent / "shared" / "data") / "linkage"
MODELS = "int_person_identifiers int_identity_edges int_identity_keep_apart int_identity_components int_people_records"
FAKE = f"""
    select
        'fake' as system, 'people' as object, unique_id::varchar as record_id, 'lead' as record_type, email,
        surname as last_name, false as is_deleted, timestamp '2025-01-01' as created_at
    from read_csv('{LINKAGE / "fake_1000.csv"}', all_varchar = true)
"""
FEBRL = f"""
    select
        'febrl' as system, 'people' as object, trim(rec_id) as record_id, 'lead' as record_type,
        '041' || trim(soc_sec_id) as phone, 'Australia' as country, surname as last_name, false as is_deleted,
        timestamp '2025-01-01' as created_at
    from (
        select columns(*) as '\\0' from read_csv('{LINKAGE / "febrl3.csv"}', all_varchar = true, normalize_names = true)
    )
"""
TRUE_PERSON = f"""
    select 'fake' as system, unique_id::varchar as record_id, cluster::varchar as true_person
    from read_csv('{LINKAGE / "fake_1000.csv"}', all_varchar = true)
    union all
    select 'febrl', trim(rec_id), split_part(trim(rec_id), '-', 2)
    from read_csv('{LINKAGE / "febrl3.csv"}', all_varchar = true, normalize_names = true)
"""


class Measured(NamedTuple):
    """Pairs of records: found to be one person, truly one person, and both."""

    found: int
    true: int
    right: int

    @property
    def precision(self) -> float:
        return self.right / self.found

    @property
    def recall(self) -> float:
        return self.right / self.true


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> IdentityBuild:
    if not LINKAGE.is_dir():
        pytest.skip("the public record-linkage sets are not beside this checkout (shared/data/linkage)")
    build = IdentityBuild(tmp_path_factory.mktemp("linkage"))
    build.fill_from("int_person_records_unioned", f"{FAKE} union all by name {FEBRL}")
    build.run(MODELS)
    return build


def _measure(build: IdentityBuild, system: str) -> Measured:
    rows = build.query(f"""
        select record_id, person_id, true_person
        from intermediate.int_people_records
        inner join ({TRUE_PERSON}) using (system, record_id)
        where system = '{system}'
    """)

    def pairs(column: int) -> set[tuple[str, str]]:
        members: dict[str, list[str]] = {}
        for row in rows:
            members.setdefault(row[column], []).append(row[0])
        return {pair for found in members.values() for pair in combinations(sorted(found), 2)}

    found, true = pairs(1), pairs(2)
    return Measured(len(found), len(true), len(found & true))


def test_the_same_email_address_joins_nobody_wrongly(linked: IdentityBuild) -> None:
    measured = _measure(linked, "fake")
    assert measured.true == 2031
    assert measured.precision >= 0.995, measured
    assert measured.recall == pytest.approx(0.336, abs=0.005), measured


def test_the_same_number_and_last_name_join_nobody_wrongly(linked: IdentityBuild) -> None:
    measured = _measure(linked, "febrl")
    assert measured.true == 6538
    assert measured.precision >= 0.995, measured
    assert measured.recall == pytest.approx(0.469, abs=0.005), measured


def test_pairs_that_a_clerk_judged_different_are_not_joined(linked: IdentityBuild) -> None:
    (judged, wrong) = linked.query(f"""
        select
            count(*) filter (where clerical_match_score < 0.5),
            count(*) filter (where clerical_match_score < 0.5 and l.person_id = r.person_id)
        from read_csv('{LINKAGE / "fake_1000_labels.csv"}') as labels
        inner join intermediate.int_people_records as l
            on l.system = 'fake' and labels.unique_id_l::varchar = l.record_id
        inner join intermediate.int_people_records as r
            on r.system = 'fake' and labels.unique_id_r::varchar = r.record_id
    """)[0]
    assert judged > 1000
    assert wrong == 0
