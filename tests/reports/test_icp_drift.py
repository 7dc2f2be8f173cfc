"""Drift of the ideal customer profile: the planted one is flagged in its quarter, and the rule counts as it says."""

from __future__ import annotations

import csv
import math
from collections import Counter
from datetime import date, datetime

import duckdb
import pytest

from orchestration.settings import PROJECT_ROOT
from sample import truth
from sample.plan import DRIFT, build_plan, literal
from sample.records import build_records
from tests.activity.rendered_sql import rendered

ALIGNMENT = "models/marts/alignment/"
KNOWN = datetime(2026, 6, 30, 23, 59, 59)
QUARTERS = [date(2025, 1, 1), date(2025, 4, 1), date(2025, 7, 1), date(2025, 10, 1), date(2026, 1, 1), date(2026, 4, 1)]
FIELDS = "seniority", "department", "employees", "industry", "region"


def empty_company(connection: duckdb.DuckDBPyConnection, as_of: datetime = KNOWN) -> None:
    """The tables that the report is made from, without leads."""
    connection.execute(
        f"""
        create table stg_concord__build_context as select {literal(as_of)} as as_of;
        create table dim_dates as select day::date as date_day,
            date_trunc('quarter', day)::date as fiscal_quarter_start_date
            from generate_series(timestamp '2024-01-01', timestamp '2026-12-31', interval 1 day) as days (day);
        create table int_definition_versions as select '1' as version, '1' as lead_rules_version,
            timestamp '1900-01-01' as valid_from, timestamp '9999-12-31' as valid_to;
        create table dim_definition_versions as select '1' as definition_version, true as is_signed,
            date '2024-12-16' as marketing_signed_date, date '2024-12-10' as sales_signed_date,
            timestamp '2000-01-01' as effective_from_at;
        create table dim_accounts (account_id varchar, industry varchar, employees bigint, country varchar,
            segment varchar, region varchar);
        create table fct_opportunities (opportunity_id varchar, person_id varchar, account_id varchar,
            created_date date, created_at timestamp);
        create table fct_stage_entries (entry_id varchar, person_id varchar, account_id varchar, stage varchar,
            is_inferred boolean, entered_date date, entered_at timestamp);
        create table int_person_attribute_states (person_id varchar, title varchar, industry varchar, employees bigint,
            country varchar, persona varchar, department varchar, seniority varchar, segment varchar, region varchar,
            valid_from timestamp, valid_to timestamp);
        create table lead_rules (version varchar, rule_id varchar, kind varchar, field varchar, operator varchar,
            value varchar, weight decimal(9, 3));
        """
    )
    with (PROJECT_ROOT / "seeds" / "lead_rules.csv").open(newline="") as file:
        rules = [row for row in csv.DictReader(file) if row["kind"] == "fit"]
    assert {rule["field"] for rule in rules} == set(FIELDS)
    connection.executemany(
        "insert into lead_rules values (?, ?, 'fit', ?, ?, ?, ?)",
        [[rule[name] for name in ("version", "rule_id", "field", "operator", "value", "weight")] for rule in rules],
    )


def report(connection: duckdb.DuckDBPyConnection, **variables: object) -> dict[tuple[date, str], tuple]:
    """By quarter and attribute: index, whether it is drift, and why there is none."""
    connection.execute(
        f"create or replace table fct_icp_attributes as {rendered(ALIGNMENT + 'fct_icp_attributes.sql', **variables)}"
    )
    connection.execute(f"create or replace table found as {rendered(ALIGNMENT + 'rpt_icp_drift.sql', **variables)}")
    return {
        (quarter, attribute): tuple(rest)
        for quarter, attribute, *rest in connection.execute(
            "select quarter_start_date, attribute, stability_index, is_drift, reason from found"
        ).fetchall()
    }


@pytest.fixture(scope="module")
def generated():
    """The demo company at scale 1 as it was drawn: its true lead entries and the people who made them."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        build_records(connection, build_plan(connection, 1, 7), 7)
        known = literal(KNOWN)
        connection.execute(truth._cycles(known))
        connection.execute(f"create table true_stages as {truth._stages(known)}")
        empty_company(connection)
        connection.execute(
            """
            insert into fct_stage_entries
            select true_person || ':' || cycle, true_person, null, stage, is_inferred, entered_at::date, entered_at
            from true_stages where stage = 'lead';
            insert into int_person_attribute_states
            select 'P' || pid, null, people.industry, people.employees, people.country, null, department, seniority,
                accounts.band, people.region, timestamp '2025-01-01', null
            from people left join accounts using (aid);
            create table of_late_market as select 'P' || pid as person_id from people inner join accounts using (aid)
            where is_late_market
            """
        )
        yield connection


def counted_plainly(connection: duckdb.DuckDBPyConnection, quarter: date, field: str) -> Counter:
    """Leads of a quarter by their value of a field, from what was drawn."""
    column = "segment" if field == "employees" else field
    return Counter(
        value
        for (value,) in connection.execute(
            f"select coalesce(states.{column}, '(unknown)') from fct_stage_entries as entries"
            " inner join int_person_attribute_states as states using (person_id)"
            " where not is_inferred and date_trunc('quarter', entered_at) = ?",
            [quarter],
        ).fetchall()
    )


def stability(now: Counter, then: Counter) -> float:
    """The population stability index by its formula."""
    both = now.total() + then.total()
    rare = {value for value in now | then if now[value] + then[value] < 0.02 * both}
    bins = sorted((now | then).keys() - rare)
    pairs = [(now[value], then[value]) for value in bins]
    if rare:
        pairs.append((sum(now[value] for value in rare), sum(then[value] for value in rare)))
    index = 0.0
    for count, count_then in pairs:
        share = (count + 0.5) / (now.total() + 0.5 * len(pairs))
        share_then = (count_then + 0.5) / (then.total() + 0.5 * len(pairs))
        index += (share - share_then) * math.log(share / share_then)
    return index


def test_the_planted_drift_is_flagged_in_its_quarter_and_not_before(generated) -> None:
    found = report(generated)
    assert sorted({quarter for quarter, _ in found}) == QUARTERS
    for attribute in ("(overall)", "industry"):
        flagged = [quarter for quarter in QUARTERS if found[quarter, attribute][1]]
        assert flagged[0] == DRIFT.date()
    flagged = {quarter for (quarter, _), (_, is_drift, _) in found.items() if is_drift}
    assert min(flagged) == DRIFT.date()
    assert flagged == {quarter for quarter in QUARTERS if quarter >= DRIFT.date()}
    # Whom the company meets has changed, not which rank or department of them answers.
    assert not any(found[quarter, "seniority"][1] or found[quarter, "department"][1] for quarter in QUARTERS)


def test_each_index_is_that_of_a_plain_loop(generated) -> None:
    found = report(generated)
    for quarter in QUARTERS:
        expected = {
            field: stability(counted_plainly(generated, quarter, field), counted_plainly(generated, QUARTERS[0], field))
            for field in FIELDS
        }
        expected["(overall)"] = sum(expected.values())
        for attribute, index in expected.items():
            assert found[quarter, attribute][0] == pytest.approx(index, abs=1e-9), (quarter, attribute)
            assert found[quarter, attribute][1] == (index >= 0.25)


def test_nothing_is_flagged_where_the_market_stays(generated) -> None:
    """The same company without the people of the market that came later."""
    generated.execute("begin")
    generated.execute("delete from fct_stage_entries where person_id in (from of_late_market)")
    found = report(generated)
    generated.execute("rollback")
    assert [key for key, (_, is_drift, _) in found.items() if is_drift] == []
    assert all(reason is None for _, _, reason in found.values())


def leads(connection: duckdb.DuckDBPyConnection, day: date, industries: dict[str, int]) -> None:
    for industry, count in industries.items():
        connection.execute(
            f"""
            insert into fct_stage_entries
            select '{day}{industry}' || n, '{industry}', null, 'lead', false, date '{day}', timestamp '{day}'
            from range({count}) as t(n)
            """
        )


def test_two_hundred_leads_a_side_or_the_reason() -> None:
    with duckdb.connect() as connection:
        empty_company(connection)
        connection.execute("delete from lead_rules where field <> 'industry'")
        connection.execute(
            "insert into int_person_attribute_states (person_id, industry, valid_from) values"
            " ('Software', 'Software', '2024-01-01'), ('Retail', 'Retail', '2024-01-01')"
        )
        leads(connection, date(2024, 8, 1), {"Retail": 500})
        leads(connection, date(2024, 12, 31), {"Software": 150, "Retail": 50})
        leads(connection, date(2025, 1, 1), {"Software": 100, "Retail": 99})
        leads(connection, date(2025, 4, 1), {"Software": 100, "Retail": 100})
        found = report(connection)
        half, quarter = 100.5 / 201, 50.5 / 201
        index = (half - quarter) * math.log(half / quarter) + (half - 150.5 / 201) * math.log(half / (150.5 / 201))
        assert found == {
            (date(2024, 7, 1), "industry"): (None, None, "before the signing quarter"),
            (date(2024, 10, 1), "industry"): (0.0, False, None),
            (date(2025, 1, 1), "industry"): (None, None, "fewer than 200 leads"),
            (date(2025, 4, 1), "industry"): (pytest.approx(index, abs=1e-9), True, None),
            **{(day, "(overall)"): found[day, "industry"] for day, attribute in found if attribute == "industry"},
        }
        assert 0.25 < index < 0.28
        # One lead fewer in the quarter of the signatures, and nothing can be said of any.
        connection.execute("delete from fct_stage_entries where entry_id = '2024-12-31Retail0'")
        assert {reason for _, _, reason in report(connection).values()} == {
            "before the signing quarter",
            "fewer than 200 leads in the signing quarter",
        }
        assert {rest[:2] for rest in report(connection).values()} == {(None, None)}
