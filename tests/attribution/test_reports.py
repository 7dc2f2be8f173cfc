"""What the reports of attribution say, on companies small enough to be worked out by hand."""

from __future__ import annotations

from datetime import date, datetime

import duckdb
import pytest

from tests.activity.rendered_sql import rendered

MART, STEP = "models/marts/attribution/", "models/intermediate/attribution/"


@pytest.fixture
def company():
    with duckdb.connect() as connection:
        connection.execute(
            """
            create table stg_concord__build_context as select timestamp '2026-06-30 12:00:00' as as_of;
            create table attribution_parameters as select * from (values
                ('lookback_days', '180'), ('buying_group', 'account'), ('claim_hunting_days', '30')
            ) as given (parameter, value);
            create table dim_dates as select day::date as date_day, date_trunc('month', day)::date as month_start_date,
                date_trunc('quarter', day)::date as fiscal_quarter_start_date
                from generate_series(timestamp '2026-01-01', timestamp '2026-06-30', interval 1 day) as days (day);
            create table dim_channels as select * from (values
                ('email', 'marketing', true), ('ads', 'marketing', true), ('sales', 'sales', true),
                ('(unmapped)', 'marketing', false)
            ) as given (channel, team, is_mapped);
            """
        )
        yield connection


def build(connection, path: str, **variables) -> None:
    name = path.rsplit("/", 1)[1].removesuffix(".sql")
    connection.execute(f"create table {name} as {rendered(path, **variables)}")


def rows(connection, query: str) -> list[tuple]:
    return connection.execute(query).fetchall()


def credits(connection, *given: tuple) -> None:
    """Rows of model, channel, amount, whether the model is the headline model, and in range: one won deal in May."""
    connection.execute(
        "create table fct_credits (model varchar, channel varchar, credit_amount decimal(18, 2), is_headline boolean,"
        " is_in_range boolean, credit_share double default 0.5, conversion_type varchar default 'won',"
        " converted_date date default '2026-05-15')"
    )
    connection.executemany(
        "insert into fct_credits (model, channel, credit_amount, is_headline, is_in_range) values (?, ?, ?, ?, ?)",
        given,
    )
    connection.execute(
        "create table fct_conversions as select 'won' as conversion_type, date '2026-05-15' as converted_date,"
        " 'podcast' as self_reported_channel, 100.00::decimal(18, 2) as value"
    )


def stability(connection) -> dict[str, tuple]:
    found = rows(
        connection,
        "select channel, rank_stability, best_rank, worst_rank, lowest_credit_amount, highest_credit_amount"
        " from rpt_channel_credit where period_grain = 'fiscal_quarter' and is_headline",
    )
    return {channel: tuple(rest) for channel, *rest in found}


def test_a_channel_is_first_under_every_model_or_the_model_decides(company) -> None:
    """`outside` is not in the range set: that it puts ads first changes nothing."""
    credits(
        company,
        ("linear", "email", 60, True, True),
        ("linear", "ads", 30, True, True),
        ("linear", "sales", 10, True, True),
        ("w_shaped", "email", 50, False, True),
        ("w_shaped", "sales", 40, False, True),
        ("w_shaped", "ads", 10, False, True),
        ("outside", "ads", 100, False, False),
        *(
            (model, "(no touch recorded)", 500, model == "linear", model != "outside")
            for model in ("linear", "outside")
        ),
    )
    build(company, f"{MART}rpt_channel_credit.sql")
    assert stability(company) == {
        "email": ("first under every model", 1, 1, 50, 60),
        "ads": ("the model decides", 2, 3, 10, 30),
        "sales": ("the model decides", 2, 3, 10, 40),
        "podcast": ("same rank under every model", 4, 4, 0, 0),
        "(no touch recorded)": ("no model decides", None, None, 0, 500),
    }
    assert rows(
        company,
        "select channel, credit_amount, self_reported_value from rpt_channel_credit"
        " where period_grain = 'month' and model = 'outside' and credit_amount + self_reported_value > 0 order by all",
    ) == [("(no touch recorded)", 500, 0), ("ads", 100, 0), ("podcast", 0, 100)]


def test_two_channels_that_are_first_together(company) -> None:
    credits(company, ("linear", "email", 50, True, True), ("linear", "ads", 50, True, True))
    build(company, f"{MART}rpt_channel_credit.sql")
    found = stability(company)
    assert found["email"][0] == found["ads"][0] == "first under every model"
    assert found["podcast"][1:3] == (3, 3)


TOUCHES = [
    # Two engaged with marketing, then a cold call: on the second person it is the second call, and on the third the
    # response is older than thirty days.
    ("t01", "hunted", "marketing", "inbound", True, False, datetime(2026, 3, 1)),
    ("t02", "hunted", "sales", "outbound", False, True, datetime(2026, 3, 31)),
    ("t03", "known", "sales", "outbound", False, True, datetime(2026, 3, 2)),
    ("t04", "known", "marketing", "inbound", True, False, datetime(2026, 3, 3)),
    ("t05", "known", "sales", "outbound", False, True, datetime(2026, 3, 4)),
    ("t06", "cold", "marketing", "inbound", True, False, datetime(2026, 3, 1)),
    ("t07", "cold", "sales", "outbound", False, True, datetime(2026, 3, 31, 0, 0, 1)),
    # They called us: nobody hunted.
    ("t08", "caller", "marketing", "inbound", True, False, datetime(2026, 3, 1)),
    ("t09", "caller", "sales", "inbound", False, True, datetime(2026, 3, 2)),
    # The reverse: mail to someone in talks; what the person does of their own accord is no hunting.
    ("t10", "in_talks", "sales", "outbound", False, True, datetime(2026, 4, 1)),
    ("t11", "in_talks", "marketing", None, False, False, datetime(2026, 4, 2)),
    ("t12", "curious", "sales", "outbound", False, True, datetime(2026, 4, 1)),
    ("t13", "curious", "marketing", "inbound", True, False, datetime(2026, 4, 2)),
]


def test_who_hunts_for_claims(company) -> None:
    company.execute(
        "create table int_activities (activity_id varchar, person_id varchar, team varchar, direction varchar,"
        " is_response boolean, is_human_touch boolean, occurred_at timestamp, is_touch boolean default true)"
    )
    company.executemany(
        "insert into int_activities (activity_id, person_id, team, direction, is_response, is_human_touch, occurred_at)"
        " values (?, ?, ?, ?, ?, ?, ?)",
        TOUCHES,
    )
    build(company, f"{STEP}int_claim_hunting_touches.sql")
    assert rows(company, "select touch_id, person_id, team from int_claim_hunting_touches order by 1") == [
        ("t02", "hunted", "sales"),
        ("t11", "in_talks", "marketing"),
    ]


def test_claims_their_overlap_and_what_nobody_claims(company) -> None:
    company.execute(
        """
        create table claim_rules as select * from (values
            ('marketing_sourced', 'marketing', 'first', 'first', 'marketing', '*', '*', '*'),
            ('marketing_influenced', 'marketing', 'any', 'any', 'marketing', '*', '*', '*'),
            ('sales_sourced', 'sales', 'first', 'first', 'sales', '*', '*', '*'),
            ('sales_sourced', 'sales', 'outbound', 'none', '*', '*', '*', 'outbound')
        ) as given (claim, team, rule_id, position, touch_team, channel, touch_type, motion);
        create table fct_conversions as select *, 'won' as conversion_type, date '2026-05-15' as converted_date
        from (values
            ('both', 'o1', 'outbound', 100.00, 'email'), ('sales only', 'o2', 'inbound', 50.00, null),
            ('untouched', 'o3', 'inbound', 25.00, null)
        ) as given (conversion_id, opportunity_id, motion, value, self_reported_channel);
        create table int_journey_touches as select *, false as is_lead, false as is_opportunity, is_last as is_close
        from (values
            ('both', 'm', 'marketing', 'email', 'email_click', 1, true, false),
            ('both', 's', 'sales', 'sales', 'call', 2, false, true),
            ('sales only', 's2', 'sales', 'sales', 'call', 1, true, true)
        ) as given (conversion_id, touch_id, team, channel, touch_type, touch_number, is_first, is_last);
        create table int_claim_hunting_touches as select 's' as touch_id, 'sales' as team;
        """
    )
    build(company, f"{MART}fct_claims.sql")
    assert rows(
        company, "select conversion_id, claim, rule_id, touch_id, is_claim_hunting from fct_claims order by all"
    ) == [
        ("both", "marketing_influenced", "any", "m", False),
        ("both", "marketing_sourced", "first", "m", False),
        ("both", "sales_sourced", "outbound", None, True),
        ("sales only", "sales_sourced", "first", "s2", False),
    ]
    build(company, f"{MART}rpt_claims.sql")
    assert rows(
        company,
        "select claim, claimed_conversions, claimed_value, actual_value, round(claimed_by_value_rate, 4),"
        " shared_conversions, claim_hunting_value, self_reported_value from rpt_claims"
        " where period_grain = 'all' order by claim",
    ) == [
        ("(all claims)", 4, 350, 175, 2.0, 3, 100, None),
        ("(both teams)", 1, 100, 175, 0.5714, 1, 0, None),
        ("(nobody)", 1, 25, 175, 0.1429, 0, 0, None),
        ("marketing_influenced", 1, 100, 175, 0.5714, 1, 0, 100),
        ("marketing_sourced", 1, 100, 175, 0.5714, 1, 0, 100),
        ("sales_sourced", 2, 150, 175, 0.8571, 1, 100, 0),
    ]


def test_advertising_is_counted_once_and_other_teams_not_at_all(company) -> None:
    company.execute(
        """
        create table cost_rules as select * from (values
            (10, '*', '*advertising*', true, true), (20, 'marketing', '*', true, false), (20, 'sales', '*', true, false)
        ) as given (priority, team, kind, is_counted, is_advertising);
        create table int_fx_rates as select * from (values
            ('USD', date '2026-01-01', null::date, 1.0), ('EUR', date '2026-01-01', date '2026-02-01', 1.1),
            ('EUR', date '2026-02-01', null, 1.2)
        ) as given (currency, valid_from, valid_to, rate);
        create table stg_finance__cost_items as
        select 'finance' as system, 'cost_items' as object, *, false as is_deleted
        from (values
            ('1', date '2026-01-01', 'marketing', 'Online advertising', 100.00, 'USD'),
            ('2', date '2026-02-01', 'marketing', 'Online advertising', 200.00, 'EUR'),
            ('3', date '2026-01-01', 'sales', 'salaries', 1000.00, 'EUR'),
            ('4', date '2026-01-01', 'support', 'salaries', 5000.00, 'USD'),
            ('5', date '2026-07-01', 'sales', 'salaries', 1000.00, 'USD')
        ) as given (record_id, month, team, kind, amount, currency);
        create table fct_ad_spend as select 'google_ads' as system, 'ads' as channel, 'USD' as original_currency,
            90.00::decimal(18, 2) as cost, 90.0 as original_cost, date '2026-01-20' as spend_date;
        """
    )
    build(company, f"{MART}fct_acquisition_costs.sql", reporting_currency="USD")
    assert rows(
        company,
        "select cost_date, team, kind, amount, not_counted_reason from fct_acquisition_costs order by cost_id",
    ) == [
        (date(2026, 1, 20), "marketing", "advertising", 90, None),
        (date(2026, 1, 1), "marketing", "Online advertising", 100, "delivered_by_platforms"),
        (date(2026, 2, 1), "marketing", "Online advertising", 240, None),
        (date(2026, 1, 1), "sales", "salaries", 1100, None),
        (date(2026, 1, 1), "support", "salaries", 5000, "no_acquisition_cost"),
    ]


def test_what_a_channel_costs_and_brings(company) -> None:
    """Half of a customer of 1200 a year for 300 of advertising: payback after 300 ÷ (50 × 0.8) months."""
    company.execute(
        """
        create table dim_attribution_models as select 'w_shaped' as model, true as is_headline, 180 as lookback_days;
        create table fct_ad_spend as select * from (values
            (date '2025-12-31', 'ads', 300.00::decimal(18, 2), 10, 100), (date '2026-01-01', 'ads', 80.00, 5, 50)
        ) as given (spend_date, channel, cost, clicks, impressions);
        create table fct_stage_entries as select * from (values
            ('lead', 'ads', date '2025-12-05', false), ('lead', 'ads', date '2025-12-06', false),
            ('lead', 'ads', date '2025-12-07', true), ('mql', 'ads', date '2025-12-08', false)
        ) as given (stage, channel, entered_date, is_inferred);
        create table fct_opportunities as
            select 'o1' as opportunity_id, 'year' as recurring_period, 1200.00::decimal(18, 2) as recurring_amount;
        create table fct_conversions as
            select 'o1' as opportunity_id, true as is_new_customer, date '2026-02-01' as converted_date;
        create table fct_credits as select *, 'won' as conversion_type, 'o1' as opportunity_id, true as is_new_customer
        from (values
            ('ads', 'touch1', date '2025-12-15', true, true, 600.00::decimal(18, 2), 0.5),
            ('email', 'touch2', date '2026-01-15', true, false, 600.00, 0.5),
            ('ads', 'touch1', date '2025-12-15', false, true, 1200.00, 1.0),
            ('(no touch recorded)', null, null, true, false, 77.00, 1.0)
        ) as given (channel, touch_id, touched_date, is_headline, is_paid_channel, credit_amount, credit_share);
        create table fct_acquisition_costs as select * from (values
            (date '2025-12-31', 300.00::decimal(18, 2), true), (date '2026-02-01', 900.00, true),
            (date '2026-02-01', 5000.00, false)
        ) as given (cost_date, amount, is_counted);
        """
    )
    build(company, f"{MART}rpt_channel_performance.sql", gross_margin=0.8)
    figures = (
        "select spend_month, channel, spend, leads, new_customers, attributed_revenue, cost_per_lead, cac, roas,"
        " round(payback_months, 6), is_mature from rpt_channel_performance where {} order by spend_month"
    )
    december, january, february = date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1)
    assert rows(company, figures.format("channel = 'ads'")) == [
        (december, "ads", 300, 2, 0.5, 600, 150.0, 600.0, 2.0, 7.5, True),
        (january, "ads", 80, 0, 0.0, 0, None, None, 0.0, None, False),
    ]
    assert rows(company, figures.format("channel = 'email'")) == [
        (january, "email", 0, 0, 0.5, 600, None, None, None, None, False)
    ]
    assert rows(company, figures.format("channel = '(all)'")) == [
        (december, "(all)", 300, 2, 0.0, 600, 150.0, None, 2.0, None, True),
        (january, "(all)", 80, 0, 0.0, 0, None, None, 0.0, None, False),
        (february, "(all)", 0, 0, 1.0, 0, None, 900.0, None, 11.25, False),
    ]
