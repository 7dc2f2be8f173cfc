"""The seeds of countries and regions agree with the package's metadata and with each other."""

from __future__ import annotations

import csv

import phonenumbers

from tests.identity import country_facts
from tests.identity.identity_build import PROJECT


def _rows(name: str) -> list[dict[str, str]]:
    with (PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_seed_has_the_facts_of_the_installed_metadata() -> None:
    assert country_facts.SEED.read_text(encoding="utf-8") == country_facts.as_csv(), (
        "seeds/countries.csv differs from the phonenumbers metadata: run python -m tests.identity.country_facts"
    )


def test_no_two_countries_share_a_spelling() -> None:
    owners: dict[str, set[str]] = {}
    for iso2 in phonenumbers.SUPPORTED_REGIONS:
        for name in country_facts.names_of(iso2):
            owners.setdefault(country_facts.comparable(name), set()).add(iso2)
    shared = {name: codes for name, codes in owners.items() if len(codes) > 1}
    assert not shared


def test_each_country_can_be_found_by_its_codes_and_english_name() -> None:
    spellings = {row["country"]: row["iso2"] for row in _rows("countries")}
    for iso2 in phonenumbers.SUPPORTED_REGIONS:
        assert spellings[iso2] == iso2
        assert spellings[country_facts.ISO3[iso2]] == iso2
    assert {spellings[name] for name in ("Germany", "Deutschland", "Allemagne", "DEU")} == {"DE"}
    assert spellings["United States of America"] == spellings["USA"] == "US"
    assert len(set(country_facts.ISO3.values())) == len(country_facts.ISO3) == len(phonenumbers.SUPPORTED_REGIONS)


def test_each_calling_code_has_one_main_country_and_none_begins_with_another() -> None:
    rows = _rows("countries")
    codes = {row["calling_code"] for row in rows}
    mains = {(row["calling_code"], row["iso2"]) for row in rows if row["is_main_country"] == "true"}
    assert sorted(code for code, _ in mains) == sorted(codes)
    assert not [(one, other) for one in codes for other in codes if one != other and other.startswith(one)]


def test_each_country_has_one_region() -> None:
    regions = {row["country"]: row["region"] for row in _rows("regions")}
    assert regions.keys() == set(phonenumbers.SUPPORTED_REGIONS)
    assert set(regions.values()) == {"Americas", "EMEA", "APAC"}
    named = {"Americas": ("US", "CA", "BR", "MX"), "EMEA": ("GB", "DE", "ZA", "AE"), "APAC": ("SG", "AU", "JP", "IN")}
    for region, countries in named.items():
        assert {regions[country] for country in countries} == {region}


def test_mailboxes_shared_and_placeholders_do_not_overlap_with_names_of_test_rules() -> None:
    shared = {row["local_part"] for row in _rows("shared_mailboxes")}
    placeholders = {row["value"] for row in _rows("placeholders") if row["field"] == "local_part"}
    assert {"info", "sales", "support", "office"} <= shared
    assert {"noreply", "none", "unknown"} <= placeholders
    assert not shared & placeholders
