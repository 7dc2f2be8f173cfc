"""Every metric of the catalog against SQL written by hand on the published facts, month by month and over all time.

The SQL here knows nothing of the semantic layer: it is what an analyst would write from the descriptions.
"""

from __future__ import annotations

import pytest

MONTH = "date_trunc('month', {day})::date"


def entries(stage: str) -> str:
    return (
        f"select {MONTH.format(day='entered_at')} as month, count(*) as value from funnel.fct_stage_entries"
        f" where stage = '{stage}' and not is_inferred group by 1"
    )


def cohort(stage: str, condition: str) -> str:
    # Mature: the stage's window after the end of the month has passed at the build's data cut.
    return f"""
        select {MONTH.format(day="entered_at")} as month, count(*) filter (where {condition}) as value
        from funnel.fct_stage_entries
        where stage = '{stage}' and not is_inferred
            and last_day(entered_at::date) + interval 1 day + to_days(window_days::integer) - interval 1 microsecond
                <= (select as_of from cut)
        group by 1
    """


def next_within(stage: str, following: str) -> str:
    return f"""
        with entrants as (
            select * from funnel.fct_stage_entries where stage = '{stage}' and not is_inferred
        ),
        later as (
            select lead_cycle_id, min(entered_at) as entered_at
            from funnel.fct_stage_entries where stage = '{following}' group by 1
        )
        select {MONTH.format(day="entrants.entered_at")} as month,
            count(*) filter (
                where later.entered_at <= entrants.entered_at + to_days(entrants.window_days::integer)
            ) as value
        from entrants left join later using (lead_cycle_id)
        where last_day(entrants.entered_at::date) + interval 1 day + to_days(entrants.window_days::integer)
            - interval 1 microsecond <= (select as_of from cut)
        group by 1
    """


def closed(expression: str, condition: str = "true") -> str:
    return (
        f"select {MONTH.format(day='coalesce(won_at, lost_at)')} as month, {expression} as value"
        f" from core.fct_opportunities where is_closed and {condition} group by 1"
    )


PIPELINE = """
    select {month} as month, {expression} as value
    from core.fct_pipeline_days
    where snapshot_date in (select max(snapshot_date) from core.fct_pipeline_days group by {month})
    group by 1
"""
NEW = "opportunity_type = 'new'"
CLOSED_VALUE = "sum(case when is_won then amount else last_open_amount end)"
STEPS = [("mql", "sal"), ("sal", "sql"), ("sql", "sqo"), ("sqo", "won")]

COUNTS = {
    "leads": entries("lead"),
    "mqls": entries("mql"),
    "sals": entries("sal"),
    "sqls": entries("sql"),
    "sqos": entries("sqo"),
    "won_entries": entries("won"),
    **{f"mature_{stage}_entrants": cohort(stage, "true") for stage, _ in STEPS},
    **{f"{stage}_to_{following}_conversions": next_within(stage, following) for stage, following in STEPS},
    "won_deals": closed("count(*) filter (where is_won)"),
    "bookings": closed("sum(amount) filter (where is_won)"),
    "new_business_won_deals": closed("count(*) filter (where is_won)", NEW),
    "new_business_closed_deals": closed("count(*)", NEW),
    "new_business_bookings": closed("sum(amount) filter (where is_won)", NEW),
    "new_business_closed_amount": closed(CLOSED_VALUE, NEW),
    "pipeline_created": (
        f"select {MONTH.format(day='created_at')} as month, sum(amount) as value from core.fct_opportunities group by 1"
    ),
    "open_pipeline": PIPELINE.format(month=MONTH.format(day="snapshot_date"), expression="sum(open_amount)"),
    "open_deals": PIPELINE.format(month=MONTH.format(day="snapshot_date"), expression="sum(open_opportunities)"),
    **{
        metric: (
            f"select {MONTH.format(day='spend_date')} as month, sum({column}) as value"
            " from core.fct_ad_spend group by 1"
        )
        for metric, column in [("ad_spend", "cost"), ("ad_clicks", "clicks"), ("ad_impressions", "impressions")]
    },
}
HEADLINE_WON = "model = 'w_shaped' and conversion_type = 'won'"
COUNTS |= {
    "attributed_revenue": (
        f"select {MONTH.format(day='converted_at')} as month, sum(credit_amount) as value"
        f" from attribution.fct_credits where {HEADLINE_WON} group by 1"
    ),
    "revenue_of_paid_channels": (
        f"select {MONTH.format(day='touched_at')} as month, sum(credit_amount) as value"
        f" from attribution.fct_credits where {HEADLINE_WON}"
        " and channel in (select channel from core.fct_ad_spend) group by 1"
    ),
    "acquisition_cost": (
        "select month, sum(value) as value from ("
        f" select {MONTH.format(day='cost_date')} as month, sum(amount) as value"
        " from attribution.fct_acquisition_costs where channel is null and team in ('marketing', 'sales') group by 1"
        f" union all select {MONTH.format(day='spend_date')}, sum(cost) from core.fct_ad_spend group by 1) group by 1"
    ),
    "new_customers": (
        "select month, count(*) as value from ("
        f" select min({MONTH.format(day='won_at')}) as month from core.fct_opportunities"
        f" where is_won and {NEW} group by coalesce(account_id, person_id, opportunity_id)) group by 1"
    ),
}
RATIOS = {
    "mql_to_sal_period_rate": ("sals", "mqls"),
    "sal_to_sql_period_rate": ("sqls", "sals"),
    "sql_to_sqo_period_rate": ("sqos", "sqls"),
    "sqo_to_won_period_rate": ("won_entries", "sqos"),
    **{f"{a}_to_{b}_rate": (f"{a}_to_{b}_conversions", f"mature_{a}_entrants") for a, b in STEPS},
    "average_deal_size": ("bookings", "won_deals"),
    "win_rate": ("new_business_won_deals", "new_business_closed_deals"),
    "win_rate_by_value": ("new_business_bookings", "new_business_closed_amount"),
    "roas": ("revenue_of_paid_channels", "ad_spend"),
    "cac": ("acquisition_cost", "new_customers"),
}


@pytest.fixture(scope="module")
def connection(warehouse):
    warehouse.execute("create or replace temp view cut as select max(as_of) as as_of from audit.builds")
    return warehouse


def served(connection, metric: str) -> dict:
    return dict(connection.execute(f"select metric_time__month, {metric} from metrics.company_by_month").fetchall())


def by_hand(connection, metric: str) -> dict:
    return dict(connection.execute(COUNTS[metric]).fetchall())


def test_every_metric_of_the_catalog_is_checked(connection) -> None:
    names = {name for (name,) in connection.execute("select name from metrics.catalog").fetchall()}
    assert names == set(COUNTS) | set(RATIOS)


@pytest.mark.parametrize("metric", COUNTS)
def test_metric_equals_sql(connection, metric: str) -> None:
    figures = served(connection, metric)
    expected = by_hand(connection, metric)
    assert set(expected) - {None} <= set(figures)
    assert {month: value for month, value in figures.items() if value} == {
        month: value for month, value in expected.items() if value and month is not None
    }
    assert any(figures.values()), f"{metric} is 0 everywhere: the comparison shows nothing"


@pytest.mark.parametrize("metric", RATIOS)
def test_ratio_equals_its_parts(connection, metric: str) -> None:
    numerator, denominator = (by_hand(connection, part) for part in RATIOS[metric])
    figures = served(connection, metric)
    for month, value in figures.items():
        parts = (numerator.get(month) or 0, denominator.get(month) or 0)
        if parts[1] == 0:
            assert value is None, (metric, month)
        else:
            assert value == pytest.approx(float(parts[0]) / float(parts[1]), rel=1e-9), (metric, month)


@pytest.mark.parametrize(
    ("table", "metric", "slices"),
    [
        ("funnel_by_month_and_motion", "mqls", "stage_entry__motion"),
        ("funnel_by_month_and_channel", "mqls", "stage_entry__channel"),
        ("bookings_by_month_and_region", "bookings", "opportunity__region"),
        ("bookings_by_month_and_opportunity_type", "won_deals", "opportunity__opportunity_type"),
        ("pipeline_by_month_and_region", "open_pipeline", "pipeline_day__region"),
        ("ad_spend_by_month_and_platform", "ad_spend", "ad_spend_row__platform"),
        ("attributed_revenue_by_month_and_channel", "attributed_revenue", "credit__channel"),
    ],
)
def test_slices_add_up_to_the_company(connection, table: str, metric: str, slices: str) -> None:
    total = dict(
        connection.execute(f"select metric_time__month, sum({metric}) from metrics.{table} group by 1").fetchall()
    )
    assert {month: value for month, value in total.items() if value} == {
        month: value for month, value in served(connection, metric).items() if value
    }
    assert connection.execute(f"select count(distinct {slices}) from metrics.{table}").fetchall()[0][0] > 1


def test_a_quarter_is_not_the_sum_of_its_stocks(connection) -> None:
    """The open pipeline of a fiscal quarter is that of its last month."""
    months = served(connection, "open_pipeline")
    quarters = connection.execute(
        "select metric_time__fiscal_quarter, open_pipeline from metrics.company_by_fiscal_quarter"
        " where open_pipeline > 0"
    ).fetchall()
    assert quarters
    for quarter, value in quarters:
        last = max(month for month in months if 0 <= 12 * (month.year - quarter.year) + month.month - quarter.month < 3)
        assert value == months[last]


def test_attributed_revenue_is_the_revenue(connection) -> None:
    """Over all channels, the one without a touch included, credit is what was won."""
    assert any(value for value in served(connection, "attributed_revenue").values())
    assert {month: value for month, value in served(connection, "attributed_revenue").items() if value} == {
        month: value for month, value in by_hand(connection, "new_business_bookings").items() if value
    }


def test_the_report_repeats_the_metrics(connection) -> None:
    """CAC and ROAS of the company, in the report of channels and as metrics."""
    reported = connection.execute(
        "select spend_month, spend, acquisition_cost, new_customers, attributed_revenue, cac, roas"
        " from attribution.rpt_channel_performance where channel = '(all)'"
    ).fetchall()
    parts = ("ad_spend", "acquisition_cost", "new_customers", "revenue_of_paid_channels")
    figures = [served(connection, metric) for metric in parts]
    ratios = [served(connection, metric) for metric in ("cac", "roas")]
    assert len(reported) > 12
    for month, *values, cac, roas in reported:
        assert [figure.get(month) or 0 for figure in figures] == values, month
        assert cac == pytest.approx(ratios[0].get(month) or None, rel=1e-9), month
        assert roas == pytest.approx(ratios[1].get(month), rel=1e-9), month
