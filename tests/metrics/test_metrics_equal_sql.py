"""Every metric of the catalog against SQL written by hand on the published facts, month by month and over all time.

The SQL here knows nothing of the semantic layer: it is what an analyst would write from the descriptions.
"""

from __future__ import annotations

import duckdb
import pytest

from orchestration.preparation import prepare

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


def recurring(expression: str) -> str:
    """From the contracts alone: `now`, `before` and `year_before` are a customer's MRR at the ends of months."""
    return f"""
        with totals as (
            select customer_id, period_month as month, sum(mrr) as mrr from revenue.fct_contract_months group by 1, 2
        ),
        months as (
            select distinct customer_id,
                unnest([month, month + interval 1 month, month + interval 12 month])::date as month
            from totals
        ),
        stocks as (
            select months.month, now.mrr as now, before.mrr as before, year_before.mrr as year_before,
                exists (select 1 from totals as earlier where earlier.customer_id = months.customer_id
                    and earlier.month < months.month) as had
            from months
            left join totals as now on now.customer_id = months.customer_id and now.month = months.month
            left join totals as before on before.customer_id = months.customer_id
                and before.month = months.month - interval 1 month
            left join totals as year_before on year_before.customer_id = months.customer_id
                and year_before.month = months.month - interval 12 month
            where months.month <= (select max(as_of) from audit.builds)
        )
        select month, sum({expression}) as value from stocks group by 1
    """


COUNTS = {
    "starting_mrr": recurring("before"),
    "new_mrr": recurring("case when before is null and not had then now end"),
    "reactivated_mrr": recurring("case when before is null and had then now end"),
    "expansion_mrr": recurring("case when now > before then now - before end"),
    "contraction_mrr": recurring("case when now < before then before - now end"),
    "churned_mrr": recurring("case when now is null then before end"),
    "ending_mrr": recurring("now"),
    "opening_cohort_mrr": recurring("before"),
    "gross_retained_mrr": recurring("case when now > before then before when before is not null then now end"),
    "net_retained_mrr": recurring("case when before is not null then now end"),
    "opening_cohort_mrr_12_months": recurring("year_before"),
    "gross_retained_mrr_12_months": recurring(
        "case when now > year_before then year_before when year_before is not null then now end"
    ),
    "net_retained_mrr_12_months": recurring("case when year_before is not null then now end"),
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
COUNTS |= {
    metric: (
        f"select {MONTH.format(day='mql_at')} as month, count(*) as value from funnel.fct_handoffs"
        f" where {condition} group by 1"
    )
    for metric, condition in {
        "handoffs": "true",
        "handoffs_passed": "handed_over_at is not null",
        "handoffs_due": "first_response_at is not null or due_at <= data_cut_at",
        "handoffs_met": "rep_hours <= target_hours",
        "handoffs_ignored": "fate = 'untouched_overdue'",
        "handoffs_disposed": "handed_over_at is not null and disposed_at is not null",
    }.items()
}
PLANNED = ["leads", "mqls", "sqos", "pipeline_created", "won_deals", "bookings"]
# The rows that name the fewest slices of what the last plan says; a row may come in any order.
COUNTS |= {
    f"{kpi}_target": (
        "with named as (select *, (opportunity_type <> '(all)')::int + (segment <> '(all)')::int"
        " + (region <> '(all)')::int + (team <> '(all)')::int as slices from revenue.fct_targets"
        f" where is_in_force and kpi = '{kpi}' and target_month <= (select as_of from cut))"
        " select target_month as month, sum(target_value) as value from named"
        " where slices = (select min(slices) from named as other where other.target_month = named.target_month)"
        " group by 1"
    )
    for kpi in PLANNED
}
COUNTS |= {
    "new_customer_margin": (
        f"select {MONTH.format(day='won_at')} as month, sum(((case recurring_period when 'year' then recurring_amount"
        " when 'month' then 12 * recurring_amount end)::decimal(24, 2) * (0.8 / 12)::decimal(14, 12))"
        "::decimal(18, 2)) as value from ("
        " select *, row_number() over (partition by coalesce(account_id, person_id, opportunity_id)"
        " order by won_at, opportunity_id) as win"
        f" from core.fct_opportunities where is_won and {NEW}) where win = 1 group by 1"
    ),
    **{
        metric: (
            f"select {MONTH.format(day='opportunities.won_at')} as month, {expression} as value"
            " from attribution.fct_claims as claims inner join core.fct_opportunities as opportunities"
            " using (opportunity_id) where claims.conversion_id like 'won:%' group by 1"
        )
        for metric, expression in {"claims": "count(*)", "claimed_revenue": "sum(opportunities.amount)"}.items()
    },
}
COUNTED_RECORDS = """
    select side_month as month, is_agreed from alignment.fct_alignment_records
    union all
    select shared_month, is_agreed from alignment.fct_alignment_records where side_month is distinct from shared_month
"""
COUNTS |= {
    metric: (
        f"select month, count(*) filter (where {condition}) as value from ({COUNTED_RECORDS})"
        " where month <= (select as_of from cut) group by 1"
    )
    for metric, condition in {"agreeing_records": "is_agreed", "compared_records": "true"}.items()
}
RATIOS = {
    "alignment_index": ("agreeing_records", "compared_records"),
    "mql_to_sal_period_rate": ("sals", "mqls"),
    "sal_to_sql_period_rate": ("sqls", "sals"),
    "sql_to_sqo_period_rate": ("sqos", "sqls"),
    "sqo_to_won_period_rate": ("won_entries", "sqos"),
    **{f"{a}_to_{b}_rate": (f"{a}_to_{b}_conversions", f"mature_{a}_entrants") for a, b in STEPS},
    "grr": ("gross_retained_mrr", "opening_cohort_mrr"),
    "nrr": ("net_retained_mrr", "opening_cohort_mrr"),
    "grr_12_months": ("gross_retained_mrr_12_months", "opening_cohort_mrr_12_months"),
    "nrr_12_months": ("net_retained_mrr_12_months", "opening_cohort_mrr_12_months"),
    "average_deal_size": ("bookings", "won_deals"),
    "win_rate": ("new_business_won_deals", "new_business_closed_deals"),
    "win_rate_by_value": ("new_business_bookings", "new_business_closed_amount"),
    "roas": ("revenue_of_paid_channels", "ad_spend"),
    "cac": ("acquisition_cost", "new_customers"),
    "cost_per_lead": ("ad_spend", "leads"),
    "payback_months": ("acquisition_cost", "new_customer_margin"),
    "claimed_to_won_ratio": ("claimed_revenue", "attributed_revenue"),
    **{f"{kpi}_attainment": (kpi, f"{kpi}_target") for kpi in PLANNED},
    "sla_compliance_rate": ("handoffs_met", "handoffs_due"),
    "ignored_rate": ("handoffs_ignored", "handoffs_due"),
    "feedback_rate": ("handoffs_disposed", "handoffs_passed"),
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
    # What finance of the demo does not plan is shown by an invented plan below.
    is_shown = metric not in {f"{kpi}_target" for kpi in PLANNED} - {"mqls_target", "sqos_target", "bookings_target"}
    assert any(figures.values()) == is_shown, f"{metric} is 0 everywhere: the comparison shows nothing"


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
        ("mrr_by_month_and_region", "ending_mrr", "mrr_month__region"),
        ("handoffs_by_month_and_region", "handoffs_due", "handoff__region"),
        ("ad_spend_by_month_and_platform", "ad_spend", "ad_spend_row__platform"),
        ("attributed_revenue_by_month_and_channel", "attributed_revenue", "credit__channel"),
        ("claims_by_month_and_claim", "claimed_revenue", "claim__claim_name"),
        ("alignment_by_month_and_side", "agreeing_records", "alignment_bridge__kpi"),
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


def test_every_figure_that_can_be_planned_has_its_own_target(demo) -> None:
    """The company's rows of begun months, each figure for itself, whatever else finance plans."""
    rows = [
        (f"{kpi} {month} {is_total} {is_begun}", kpi, f"2026-{month:02}-01", is_total, is_begun, 10**place + month)
        for place, kpi in enumerate([*PLANNED, "arr"])
        for month, is_total, is_begun in [(1, True, True), (2, True, True), (2, False, True), (9, True, False)]
    ]
    metrics = [f"{kpi}_target" for kpi in PLANNED]
    with duckdb.connect() as plan:
        plan.execute(
            "create schema revenue; create table revenue.fct_targets (target_id varchar, kpi varchar,"
            " target_month date, is_company_total boolean, is_begun boolean, target_value decimal(18, 2))"
        )
        plan.executemany("insert into revenue.fct_targets values (?, ?, ?, ?, ?, ?)", rows)
        found = plan.execute(prepare(demo.settings).metrics.sql_of_metrics(metrics, ["metric_time__month"])).fetchall()
    assert sorted((str(month)[:10], *values) for month, *values in found) == [
        (f"2026-{month:02}-01", *(10**place + month for place in range(len(PLANNED)))) for month in (1, 2)
    ]


def test_attributed_revenue_is_the_revenue(connection) -> None:
    """Over all channels, the one without a touch included, credit is what was won."""
    assert any(value for value in served(connection, "attributed_revenue").values())
    assert {month: value for month, value in served(connection, "attributed_revenue").items() if value} == {
        month: value for month, value in by_hand(connection, "new_business_bookings").items() if value
    }


def test_the_report_repeats_the_metrics(connection) -> None:
    """CAC and ROAS of the company, in the report of channels and as metrics."""
    reported = connection.execute(
        "select spend_month, spend, acquisition_cost, new_customers, attributed_revenue, cac, roas, cost_per_lead,"
        " payback_months"
        " from attribution.rpt_channel_performance where channel = '(all)'"
    ).fetchall()
    parts = ("ad_spend", "acquisition_cost", "new_customers", "revenue_of_paid_channels")
    figures = [served(connection, metric) for metric in parts]
    ratios = [served(connection, metric) for metric in ("cac", "roas", "cost_per_lead", "payback_months")]
    assert len(reported) > 12
    for month, *values, cac, roas, cost_per_lead, payback in reported:
        assert [figure.get(month) or 0 for figure in figures] == values, month
        # The report has no ratio where no cost was delivered; the metric is 0 there.
        for ratio, metric in zip((cac, roas, cost_per_lead, payback), ratios, strict=True):
            expected = metric.get(month)
            # The margin of a customer is in whole cents as a metric, unrounded in the report.
            close = 1e-5 if ratio is payback else 1e-9
            assert ratio == (pytest.approx(expected, rel=close) if expected or ratio is not None else None), month
    assert sum(None not in row[-4:] for row in reported) > 3


def test_recurring_revenue_of_a_quarter_starts_with_its_first_month_and_ends_with_its_last(connection) -> None:
    months = {
        row[0]: row[1:]
        for row in connection.execute(
            "select metric_time__month, starting_mrr, ending_mrr, new_mrr, opening_cohort_mrr, nrr"
            " from metrics.company_by_month"
        ).fetchall()
    }
    quarters = connection.execute(
        "select metric_time__fiscal_quarter, starting_mrr, ending_mrr, new_mrr, opening_cohort_mrr, nrr"
        " from metrics.company_by_fiscal_quarter where starting_mrr > 0"
    ).fetchall()
    assert len(quarters) > 3
    for quarter, starting, ending, new, cohort, nrr in quarters:
        inside = sorted(m for m in months if 0 <= 12 * (m.year - quarter.year) + m.month - quarter.month < 3)
        first, last = months[inside[0]], months[inside[-1]]
        assert (starting, ending, cohort) == (first[0], last[1], last[3]), quarter
        assert new == sum(months[month][2] for month in inside)
        assert nrr == pytest.approx(last[4])
