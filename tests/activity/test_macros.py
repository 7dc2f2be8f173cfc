"""Money, days and patterns, against arithmetic that shares no code with them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.activity.rendered_sql import macros, rendered

CENT = Decimal("0.01")
AMOUNTS = st.decimals(Decimal("-99999999999.99"), Decimal("99999999999.99"), places=2)
RATES = st.decimals(Decimal("0.00000001"), Decimal("9999.99999999"), places=8)


@pytest.fixture(scope="module")
def connection():
    """An empty database in UTC."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


def scalar(connection, expression: str, *parameters: object):
    """The value of one SQL expression with `$1`, `$2` … as parameters."""
    return connection.execute(f"select {expression}", list(parameters)).fetchone()[0]


@settings(max_examples=150, deadline=None)
@given(amount=AMOUNTS, rate=RATES)
def test_money_converts_exactly_and_rounds_half_away_from_zero(connection, amount, rate):
    """Also amounts of eleven digits at rates of twelve."""
    expression = macros()["convert_money"]("$1", "$2")
    expected = (amount * rate).quantize(CENT, ROUND_HALF_UP)
    assert scalar(connection, expression, amount, rate) == expected


@settings(max_examples=150, deadline=None)
@given(amount=AMOUNTS, months=st.integers(1, 120))
def test_annual_amounts_are_exact(connection, amount, months):
    """Twelve times the amount by the months, which no floating-point number holds."""
    expression = macros()["divide_money"]("$1", 12, "$2")
    quotient, remainder = divmod(abs(int(amount * 100)) * 12, months)
    cents = quotient + (2 * remainder >= months)
    assert scalar(connection, expression, amount, months) == Decimal(cents).copy_sign(amount) / 100


def test_dividing_by_no_months_gives_nothing(connection):
    """Null, not an error: whether that is right is decided where it is used."""
    assert scalar(connection, macros()["divide_money"]("$1", 12, "$2"), Decimal("10.00"), 0) is None


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(["UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Pacific/Auckland"]),
    day=st.dates(date(2024, 1, 1), date(2027, 12, 31)),
)
def test_the_end_of_a_day_lies_on_it_and_the_next_instant_does_not(connection, zone, day):
    """In every zone, also on the days of 23 and 25 hours."""
    functions = macros(business_timezone=zone)
    end = scalar(connection, functions["business_day_end"]("$1::date"), day)
    midnight = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone)).astimezone(UTC)
    assert end == midnight.replace(tzinfo=None) - timedelta(microseconds=1)
    business_date = functions["business_date"]("$1::timestamp")
    assert scalar(connection, business_date, end) == day
    assert scalar(connection, business_date, end + timedelta(microseconds=1)) == day + timedelta(days=1)


@settings(max_examples=60, deadline=None)
@given(first_month=st.integers(1, 12), day=st.dates(date(2020, 1, 1), date(2030, 12, 31)))
def test_a_fiscal_year_is_named_after_the_year_in_which_it_ends(connection, first_month, day):
    """So with January as its first month it is the calendar year."""
    functions = macros(fiscal_year_start_month=first_month)
    year, month = (
        scalar(connection, functions[name]("cast($1 as date)"), day) for name in ("fiscal_year", "fiscal_month")
    )
    assert month == (day.month - first_month) % 12 + 1
    assert year == (day.year if first_month == 1 or day.month < first_month else day.year + 1)


@pytest.mark.parametrize(
    ("value", "pattern", "matches"),
    [
        ("Demo request", "*demo*", True),
        ("demo", "demo*", True),
        ("a demo", "demo*", False),
        ("paid_social", "paid_social", True),
        ("paid-social", "paid_social", False),
        ("100%", "100%", True),
        ("1000", "100%", False),
        ("what!", "what!", True),
        (None, "*", True),
        (None, None, True),
        ("", None, True),
        ("x", None, False),
        (" Direct ", "direct", True),
    ],
)
def test_only_a_star_is_a_wildcard(connection, value, pattern, matches):
    """`like` has wildcards of its own, which must not work here."""
    expression = macros()["matches_pattern"]("$1::varchar", "$2::varchar")
    assert scalar(connection, expression, value, pattern) is matches


@settings(max_examples=200, deadline=None)
@given(value=st.text("ab_%!", max_size=6), pattern=st.text("ab_%!*", max_size=6))
def test_patterns_agree_with_those_of_file_names(connection, value, pattern):
    """Of which the alphabet here only uses the star."""
    expression = macros()["matches_pattern"]("$1::varchar", "$2::varchar")
    assert scalar(connection, expression, value, pattern) is fnmatchcase(value, pattern)


@pytest.fixture
def converted(connection):
    """The tables that hold converted money, each with one amount that is converted."""
    cursor = connection.cursor()
    cursor.execute(
        """
        create or replace temp table fct_opportunities as
            select 'EUR' as original_currency, date '2026-01-01' as rate_date, 1.0 as original_amount,
            1.1 as amount, null as original_recurring_amount, null as recurring_amount;
        create or replace temp table fct_ad_spend as
            select 'EUR' as original_currency, date '2026-01-01' as spend_date, 1.0 as original_cost, 1.1 as cost;
        create or replace temp table dim_campaigns as
            select 'EUR' as original_currency, date '2026-01-01' as rate_date, 1.0 as original_budget,
            1.1 as budget, null as original_actual_cost, null as actual_cost;
        create or replace temp table fct_conversions as
            select 'EUR' as original_currency, date '2026-01-01' as converted_date, 1.0 as original_value, 1.1 as value;
        create or replace temp table fct_acquisition_costs as
            select 'EUR' as original_currency, date '2026-01-01' as cost_date, 1.0 as original_amount, 1.1 as amount,
            null as channel;
        create or replace temp table int_team_deals as
            select 'EUR' as currency, date '2026-01-01' as rate_date, 1.0 as original_amount, 1.1 as amount,
            'hubspot' as system;
        create or replace temp table int_team_figure_records as
            select 'EUR' as currency, date '2026-01-01' as period_month, 1.1 as value, 'finance' as side;
        """
    )
    return cursor


RATE_TEST = "tests/dbt/assert_every_amount_has_a_rate.sql"


def test_with_every_rate_the_build_goes_on(converted):
    """Counted as dbt counts it."""
    sql = rendered(RATE_TEST, reporting_currency="USD")
    assert converted.execute(f"select count(*) from ({sql})").fetchone() == (0,)


@pytest.mark.parametrize(
    ("statement", "needed_by"),
    [
        ("update fct_opportunities set amount = null", "1 opportunities"),
        ("update fct_ad_spend set cost = null", "1 days of advertising spend"),
        ("update dim_campaigns set budget = null", "1 campaigns"),
        ("update fct_conversions set value = null", "1 conversions"),
        ("update fct_acquisition_costs set amount = null", "1 costs"),
        ("update int_team_deals set amount = null", "1 deals of hubspot"),
        ("update int_team_figure_records set value = null", "1 invoices"),
    ],
)
def test_a_missing_rate_stops_the_build_and_names_currency_and_days(converted, statement, needed_by):
    """The message alone must be enough to mend it."""
    converted.execute(statement)
    sql = rendered(RATE_TEST, reporting_currency="USD")
    with pytest.raises(duckdb.Error) as raised:
        converted.execute(f"select count(*) from ({sql})").fetchone()
    message = str(raised.value)
    assert f"No exchange rate of EUR to USD from 2026-01-01 to 2026-01-01, needed by {needed_by}" in message
    assert "finance operations" in message
