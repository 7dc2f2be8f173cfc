"""The identity models as dbt builds them, against a plain union-find and against the `phonenumbers` package."""

from __future__ import annotations

import random
from collections import Counter

import phonenumbers
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from tests.identity.identity_build import IdentityBuild
from tests.identity.worlds import make_world

MODELS = "path:models/intermediate/identity bridge_person_records dim_accounts map_people"
pytestmark = pytest.mark.slow

WORLDS = 400
SEED = 20
# How the package writes numbers in these countries holds digits that are in no international number.
WRITTEN_OTHERWISE = {("AR", "national", PhoneNumberType.MOBILE), ("BY", "national", PhoneNumberType.MOBILE),
                     ("BY", "national", PhoneNumberType.FIXED_LINE)}  # fmt: skip


def _phone_cases() -> list[dict[str, str]]:
    """Example numbers of every country, written in the ways that are found in CRMs."""
    cases = []
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE):
            example = phonenumbers.example_number_for_type(region, kind)
            if example is None:
                continue
            e164 = phonenumbers.format_number(example, PhoneNumberFormat.E164)
            national = phonenumbers.national_significant_number(example)
            if national in "01234567890":
                continue  # rightly taken for something typed to get past a form
            ways = {
                "e164": e164,
                "international": phonenumbers.format_number(example, PhoneNumberFormat.INTERNATIONAL),
                "national": phonenumbers.format_number(example, PhoneNumberFormat.NATIONAL),
                "bare": national,
                "without_plus": e164[1:],
            }
            cases += [
                {"record_id": f"{region}-{kind}-{way}", "country": region, "phone": written, "e164": e164, "way": way}
                for way, written in ways.items()
                if (region, way, kind) not in WRITTEN_OTHERWISE
            ]
    return cases


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> IdentityBuild:
    return IdentityBuild(tmp_path_factory.mktemp("identity"))


def _fill(build: IdentityBuild, name: str, rows: list[dict[str, object]]) -> None:
    columns = {column: [row.get(column) for row in rows] for row in rows for column in row}
    path = build.file.parent / f"{name}.parquet"
    pq.write_table(pa.table(columns), path)
    types = "created_at::timestamp as created_at" if "created_at" in columns else ""
    replaced = f"* replace ({types})" if types else "*"
    build.fill_from(name, f"select {replaced} from '{path}'")


@pytest.fixture(scope="module")
def built(build: IdentityBuild) -> IdentityBuild:
    worlds = [make_world(number, SEED) for number in range(WORLDS)]
    phones = [
        {"system": "phones", "object": "people", "is_deleted": False, "created_at": "2025-01-01 00:00:00",
         **{name: case[name] for name in ("record_id", "country", "phone")}}
        for case in _phone_cases()
    ]  # fmt: skip
    _fill(build, "int_person_records_unioned", [row for world in worlds for row in world.records] + phones)
    _fill(build, "int_person_merges_unioned", [row for world in worlds for row in world.merges])
    build.run(MODELS)
    return build


def test_people_are_those_of_a_plain_union_find(built: IdentityBuild) -> None:
    expected = {key: person for number in range(WORLDS) for key, person in make_world(number, SEED).person_ids.items()}
    found = dict(built.query("select record_key, person_id from core.bridge_person_records where system <> 'phones'"))
    wrong = {key: (found.get(key), person) for key, person in expected.items() if found.get(key) != person}
    assert not wrong, f"{len(wrong)} of {len(expected)} records: {list(wrong.items())[:5]}"
    assert found.keys() == expected.keys()
    # The worlds must be able to show something: people of several records, and people of one.
    sizes = Counter(Counter(expected.values()).values())
    assert sizes[1] > 500
    assert sum(count for size, count in sizes.items() if size > 2) > 200


def test_each_record_says_which_evidence_holds_it(built: IdentityBuild) -> None:
    alone_with_evidence, held_by_nothing = built.query("""
        select
            count(*) filter (where records = 1 and evidence <> 'none'),
            count(*) filter (where records > 1 and evidence = 'none')
        from (select evidence, count(*) over (partition by person_id) as records from intermediate.int_people_records)
    """)[0]
    assert (alone_with_evidence, held_by_nothing) == (0, 0)
    kinds = {kind for (kind,) in built.query("select distinct evidence from core.bridge_person_records")}
    assert kinds == {"merged", "cross_id", "email", "phone_and_last_name", "none"}


def test_every_id_that_could_have_been_a_persons_leads_to_the_person(built: IdentityBuild) -> None:
    (lost,) = built.query("""
        select count(*) from core.bridge_person_records as bridge
        left join core.map_people as mapped on md5(bridge.record_key) = mapped.retired_person_id
        where coalesce(mapped.person_id, md5(bridge.record_key)) <> bridge.person_id
    """)[0]
    assert lost == 0


def test_the_order_of_rows_makes_no_difference(built: IdentityBuild) -> None:
    tables = ("core.bridge_person_records", "intermediate.int_people", "core.dim_accounts", "core.map_people",
              "intermediate.int_person_attribute_states", "intermediate.int_identity_reviews")  # fmt: skip
    before = {table: sorted(built.query(f"select * from {table}"), key=str) for table in tables}
    for name in ("int_person_records_unioned", "int_person_merges_unioned"):
        numbers = list(range(built.query(f"select count(*) from intermediate.{name}")[0][0]))
        random.Random(3).shuffle(numbers)
        path = built.file.parent / f"{name}_shuffled.parquet"
        pq.write_table(pa.table({"place": numbers, "row_number": list(range(1, len(numbers) + 1))}), path)
        built.fill_shuffled(name, path)
    built.run(MODELS)
    after = {table: sorted(built.query(f"select * from {table}"), key=str) for table in tables}
    assert before == after


def test_phones_become_the_numbers_that_phonenumbers_makes_of_them(built: IdentityBuild) -> None:
    found = dict(
        built.query("select record_id, phone_e164 from intermediate.int_person_identifiers where system = 'phones'")
    )
    cases = _phone_cases()
    assert len({case["country"] for case in cases}) > 230
    wrong = [
        (case["country"], case["phone"], found[case["record_id"]], case["e164"])
        for case in cases
        if case["way"] != "without_plus" and found[case["record_id"]] != case["e164"]
    ]
    assert not wrong
    # Without the plus a number can be read in two ways in some countries, and there is no telling.
    bare = [case for case in cases if case["way"] == "without_plus"]
    right = sum(found[case["record_id"]] == case["e164"] for case in bare)
    assert right / len(bare) >= 0.95


def test_overrides_win_over_all_evidence(built: IdentityBuild) -> None:
    before = dict(built.query("select record_key, person_id from core.bridge_person_records where system <> 'phones'"))
    members: dict[str, list[str]] = {}
    for key, person in sorted(before.items()):
        members.setdefault(person, []).append(key)
    several = [keys for keys in members.values() if len(keys) > 2]
    apart = [(keys[0], keys[-1]) for keys in several[:40]]
    joined = [(one[0], other[0]) for one, other in zip(several[40:80], several[80:120], strict=True)]
    rows = [("keep apart", *pair) for pair in apart] + [("join", *pair) for pair in joined]
    built.override([(action, *one.split(":"), *other.split(":"), "told so") for action, one, other in rows])
    try:
        built.run(MODELS)
        after = dict(built.query("select record_key, person_id from core.bridge_person_records"))
        assert all(after[one] != after[other] for one, other in apart)
        assert all(after[one] == after[other] for one, other in joined)
        touched = {before[key] for pair in apart + joined for key in pair}
        assert all(after[key] == person for key, person in before.items() if person not in touched)
        # Whoever was kept apart from one record still belongs to all the others that evidence leaves.
        sizes = Counter(after[key] for keys in several[:40] for key in keys)
        assert max(sizes.values()) > 1
        evidence = dict(built.query("select record_key, evidence from core.bridge_person_records"))
        assert {evidence[key] for pair in joined for key in pair} == {"override"}
        listed = built.query("select record_key from intermediate.int_identity_reviews where reason = 'kept_apart'")
        assert {key for (key,) in listed} & before.keys() == {key for keys in several[:40] for key in keys}
    finally:
        built.override([])
