"""What converts, when, and what it is worth: the rules one by one."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import duckdb
import pytest

from tests.activity.rendered_sql import rendered

#: Opportunity, type, whether won, when won, when accepted, account, person.
OPPORTUNITIES = [
    ("accepted_then_won", "new", True, "2026-03-10", "2026-02-10", "account", "person"),
    ("won_without_acceptance", "new", True, "2026-03-10", None, "account", "person"),
    ("won_before_accepted", "new", True, "2026-03-10", "2026-03-11", "account", "person"),
    ("accepted_and_won_at_once", "new", True, "2026-03-10", "2026-03-10", "account", "person"),
    ("accepted_still_open", "new", False, None, "2026-02-10", "account", "person"),
    ("never_accepted", "new", False, None, None, "account", "person"),
    ("expansion", "expansion", True, "2026-03-10", "2026-02-10", "account", "person"),
    ("without_account", "new", True, "2026-03-10", None, None, "person"),
    ("without_anybody", "new", True, "2026-03-10", None, None, None),
    ("deleted", "new", True, "2026-03-10", "2026-02-10", "account", "person"),
    ("no_amount", "new", True, "2026-03-10", None, "account", "person"),
    ("zero", "new", True, "2026-03-10", None, "account", "person"),
    ("negative", "new", True, "2026-03-10", None, "account", "person"),
    ("no_rate", "new", True, "2026-03-10", None, "account", "person"),
    ("first_state_later", "new", True, "2026-03-10", None, "account", "person"),
]
#: Opportunity, state number, amount, currency, valid from. Amounts of the others: 100 USD throughout.
STATES = [
    ("accepted_then_won", 1, "50", "USD", "2026-01-01"),
    ("accepted_then_won", 2, "100", "EUR", "2026-02-10"),
    # Two rows at the moment of the win: what then stands is the second. What came later is not what was won.
    ("accepted_then_won", 3, "199.99", "EUR", "2026-03-10"),
    ("accepted_then_won", 4, "200.01", "EUR", "2026-03-10"),
    ("accepted_then_won", 5, "999", "EUR", "2026-03-11"),
    ("no_amount", 1, None, "USD", "2026-01-01"),
    ("zero", 1, "0", "USD", "2026-01-01"),
    ("negative", 1, "-12.345", "USD", "2026-01-01"),
    ("no_rate", 1, "10", "GBP", "2026-01-01"),
    ("first_state_later", 1, "7", "USD", "2026-03-12"),
    ("first_state_later", 2, "8", "USD", "2026-03-13"),
]


def conversions(group: str = "account", types: tuple[str, ...] = ("new",)) -> dict[str, dict]:
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            create table attribution_parameters as select 'buying_group' as parameter, '{group}' as value;
            create table int_opportunities (opportunity_id varchar, opportunity_type varchar, is_won boolean,
                won_at timestamp, account_id varchar, person_id varchar, is_deleted boolean, segment varchar,
                region varchar);
            create table int_opportunity_outcomes (opportunity_id varchar, sqo_at timestamp);
            create table int_opportunity_states (opportunity_id varchar, state_number bigint, amount decimal(18, 3),
                currency varchar, valid_from timestamp);
            create table int_fx_rates as select * from (values
                ('USD', date '2025-01-01', null::date, 1.0), ('EUR', date '2026-01-01', date '2026-03-01', 1.1),
                ('EUR', date '2026-03-01', null, 1.2)
            ) as given (currency, valid_from, valid_to, rate);
            create table int_cycles as select * from (values
                ('cycle', 'accepted_then_won', 'person'), ('other', 'accepted_still_open', null)
            ) as given (lead_cycle_id, opportunity_id, person_id);
            create table int_cycle_evidence as select * from (values
                ('cycle', 1, timestamp '2026-01-02'), ('cycle', 4, timestamp '2026-01-20'),
                ('cycle', 6, timestamp '2026-02-10'), ('other', 6, timestamp '2026-02-10')
            ) as given (lead_cycle_id, stage_order, occurred_at);
            """
        )
        for name, kind, is_won, won_at, sqo_at, account, person in OPPORTUNITIES:
            connection.execute(
                "insert into int_opportunities values (?, ?, ?, ?, ?, ?, ?, 'SMB', 'EMEA')",
                [name, kind, is_won, won_at, account, person, name == "deleted"],
            )
            connection.execute("insert into int_opportunity_outcomes values (?, ?)", [name, sqo_at])
            if name not in {state[0] for state in STATES}:
                connection.execute("insert into int_opportunity_states values (?, 1, 100, 'USD', '2026-01-01')", [name])
        connection.executemany("insert into int_opportunity_states values (?, ?, ?, ?, ?)", STATES)
        path = "models/intermediate/attribution/int_conversions.sql"
        cursor = connection.execute(rendered(path, attribution_types=types))
        names = [column[0] for column in cursor.description]
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    assert len({row["conversion_id"] for row in found}) == len(found)
    return {row["conversion_id"]: row for row in found}


@pytest.fixture(scope="module")
def found() -> dict[str, dict]:
    return conversions()


def test_accepted_and_won_deals_of_new_business_convert_once_each(found) -> None:
    """An acceptance that only the win shows is no acceptance of its own; one at the same instant is."""
    won = {name for name, kind, is_won, *_ in OPPORTUNITIES if is_won and kind == "new" and name != "deleted"}
    assert {key for key in found if key.startswith("won:")} == {f"won:{name}" for name in won}
    assert {key for key in found if key.startswith("sqo:")} == {
        "sqo:accepted_then_won",
        "sqo:accepted_and_won_at_once",
        "sqo:accepted_still_open",
    }
    assert {"won:expansion", "sqo:expansion"} <= conversions(types=("new", "expansion")).keys()


def test_the_value_is_the_amount_of_that_moment_at_that_days_rate(found) -> None:
    values = {key: row["value"] for key, row in found.items()}
    assert values["sqo:accepted_then_won"] == Decimal("110.00")
    assert values["won:accepted_then_won"] == Decimal("240.01")
    assert values["won:no_amount"] == 0
    assert values["won:zero"] == 0
    assert values["won:negative"] == Decimal("-12.35")
    assert values["won:first_state_later"] == 7
    assert values["won:no_rate"] is None, "an amount without a rate is not 0: a test of the build names it"
    assert found["won:no_rate"]["original_value"] == 10


def test_whose_touches_are_the_journey(found) -> None:
    assert found["won:accepted_then_won"]["party_id"] == "account"
    assert found["won:without_account"]["party_id"] == "person"
    assert found["won:without_anybody"]["party_id"] is None
    assert {row["party_id"] for row in conversions("person").values()} == {"person", None}


def test_the_moments_of_the_positions(found) -> None:
    """The lead was entered with the earliest evidence of that stage or of a later one, and by a person."""
    won, accepted = found["won:accepted_then_won"], found["sqo:accepted_then_won"]
    moments = ("lead_at", "opportunity_at", "close_at", "converted_at")
    assert [won[name] for name in moments] == [
        datetime(2026, 1, 20), datetime(2026, 2, 10), datetime(2026, 3, 10), datetime(2026, 3, 10)
    ]  # fmt: skip
    assert [accepted[name] for name in moments] == [
        datetime(2026, 1, 20),
        datetime(2026, 2, 10),
        None,
        datetime(2026, 2, 10),
    ]
    assert found["sqo:accepted_still_open"]["lead_at"] is None
    assert found["won:won_without_acceptance"]["opportunity_at"] == datetime(2026, 3, 10)
    assert found["won:won_before_accepted"]["opportunity_at"] == datetime(2026, 3, 10)
