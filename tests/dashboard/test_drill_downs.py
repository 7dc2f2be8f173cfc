"""The registry of row queries: true to the published file, true to the figures, and closed to everything else."""

from datetime import date, timedelta
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.access_scopes import DIMENSIONS, EVERYTHING, Scope, read_scope
from dashboard.drill_downs import DRILL_DOWNS, FIGURES, figure_link, rows_link
from dashboard.drill_downs_query import (
    RequestRefusedError,
    export_query,
    figure_sql,
    figures_query,
    figures_together,
    next_cursor,
    page_query,
    read_request,
    totals_query,
)

TYPES = {
    "text": {"VARCHAR"},
    "whole": {"BIGINT", "INTEGER", "HUGEINT"},
    "number": {"DOUBLE", "DECIMAL"},
    "money": {"DECIMAL"},
    "share": {"DOUBLE", "DECIMAL"},
    "date": {"DATE"},
    "moment": {"TIMESTAMP"},
    "flag": {"BOOLEAN"},
}


def rows(warehouse, query):
    found = warehouse.execute(query.sql, list(query.values))
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def total(warehouse, link, scope=EVERYTHING):
    address = urlsplit(link)
    drill_down = DRILL_DOWNS[address.path.removeprefix("/rows/")]
    (found,) = rows(warehouse, totals_query(read_request(drill_down, parse_qsl(address.query)), scope))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("drill_down", DRILL_DOWNS.values(), ids=DRILL_DOWNS)
def test_a_query_has_the_columns_that_it_names_one_row_a_key_and_all_rows_of_its_table(warehouse, drill_down):
    names = [column.name for column in drill_down.all_columns]
    assert len(set(names)) == len(names)
    query = export_query(read_request(drill_down, []), EVERYTHING)
    described = warehouse.execute(f"describe {query.sql}", list(query.values)).fetchall()
    for column, (name, data_type, *_) in zip(drill_down.all_columns, described, strict=True):
        assert (column.name, data_type.partition("(")[0] in TYPES[column.kind]) == (name, True), data_type
    key = drill_down.column(drill_down.key).sql
    ((all_rows, keys, without),) = warehouse.execute(
        f"select count(*), count(distinct {key}), count(*) filter (where {key} is null) from {drill_down.source}"
    ).fetchall()
    ((table_rows,),) = warehouse.execute(f"select count(*) from {drill_down.tables[0]}").fetchall()
    assert (keys, without, all_rows) == (all_rows, 0, table_rows), "a join must neither double nor lose rows"
    assert {name for name in (*drill_down.totals, *drill_down.stocks) if drill_down.column(name) is None} == set()
    assert not drill_down.stocks or drill_down.date
    assert not drill_down.date or drill_down.column(drill_down.date).kind in {"date", "moment"}
    assert set(drill_down.scopes) <= set(DIMENSIONS) & set(names)


@pytest.mark.slow
def test_every_figure_is_what_its_rows_say_and_what_its_sql_says(warehouse):
    """Each exact metric in each month: the row behind the link, the passport's SQL and the metrics table agree."""
    catalog = {name for (name,) in warehouse.execute("select name from metrics.catalog").fetchall()}
    assert set(FIGURES) <= catalog
    ((as_of,),) = warehouse.execute("select max(as_of)::date from audit.builds").fetchall()
    compared = 0
    for metric, figure in FIGURES.items():
        if not figure.is_exact:
            assert figure_sql(metric) is None
            continue
        by_sql = dict(warehouse.execute(figure_sql(metric)).fetchall())
        months = warehouse.execute(
            f"select metric_time__month, {metric} from metrics.company_by_month where metric_time__month <= ?",
            [as_of],
        ).fetchall()
        assert set(by_sql) <= {month for month, _ in months}
        for month, expected in months:
            before = min((month + timedelta(days=32)).replace(day=1), as_of + timedelta(days=1))
            found = total(warehouse, figure_link(metric, since=month, before=before))
            rowed = found[figure.measure] or 0 if figure.measure else found["all_rows"]
            assert Decimal(rowed) == Decimal(expected) == Decimal(by_sql.get(month, 0) or 0), (metric, month)
            compared += expected != 0
    assert compared > 300


@pytest.mark.slow
def test_scoped_figures_are_those_of_the_metrics_by_that_dimension_and_their_sum_is_not_seen(warehouse):
    tables = {"region": ("funnel", "bookings", "pipeline", "mrr", "handoffs"), "team": ("bookings", "pipeline")}
    compared = 0
    for dimension, subjects in tables.items():
        for subject in subjects:
            table = f"metrics.{subject}_by_month_and_{dimension}"
            columns = [row[0] for row in warehouse.execute(f"describe {table}").fetchall()]
            (named,) = [column for column in columns if column.endswith(f"__{dimension}")]
            values = [
                v for (v,) in warehouse.execute(f"select distinct {named} from {table} order by 1").fetchall() if v
            ]
            assert len(values) > 1 or dimension == "team"
            for value in values:
                scope = Scope(**{f"{dimension}s": (value,)})
                for metrics in figures_together(scope):
                    known = [metric for metric in metrics if metric in columns]
                    if not known:
                        continue
                    counted = {
                        row["period_month"]: row for row in rows(warehouse, figures_query(known, scope, date.min))
                    }
                    for month, *expected in warehouse.execute(
                        f"select metric_time__month, {', '.join(known)} from {table} where {named} = ?", [value]
                    ).fetchall():
                        got = [counted.get(month, {}).get(metric, 0) for metric in known]
                        assert got == expected, (table, value, month, known)
                        compared += 1
    assert compared > 100


@pytest.mark.slow
@pytest.mark.parametrize(
    ("drill_down_id", "sort"),
    [
        ("stage_entries", "-entered_at"),
        ("stage_entries", "channel"),
        ("opportunities", "-amount"),
        ("opportunities", "closed_at"),
        ("opportunities", "is_won"),
        ("funnel_conversion", "-cohort_rate"),
        ("ad_spend", "original_cost"),
        ("people", "-fit_score"),
        ("touches", "touch_id"),
    ],
)
def test_pages_follow_each_other_without_gap_or_repetition(warehouse, drill_down_id, sort):
    """Values that repeat, values that are missing, doubles: the last page ends where the whole list ends."""
    drill_down = DRILL_DOWNS[drill_down_id]
    filters = [("sort", sort), ("size", "37")]
    if drill_down_id == "ad_spend":
        filters.append(("spend_date.month", "2026-05"))
    if drill_down_id == "touches":
        filters.append(("touched_at.from", "2026-06-01"))
    if drill_down_id == "stage_entries":
        filters.append(("entered_at.from", "2026-01-01"))
    expected = [
        row[drill_down.key] for row in rows(warehouse, export_query(read_request(drill_down, filters), EVERYTHING))
    ]
    assert len(expected) > 37
    seen, after = [], None
    while True:
        request = read_request(drill_down, [*filters, *([("after", after)] if after else [])])
        found = rows(warehouse, page_query(request, EVERYTHING))
        seen += [row[drill_down.key] for row in found[:37]]
        if len(found) <= 37:
            break
        after = next_cursor(request, found[36])
    assert seen == expected


@pytest.mark.slow
def test_what_must_not_be_added_up_has_no_sum(warehouse):
    day, model = ("snapshot_date", "2026-05-31"), ("model", "linear")
    for drill_down_id, filters, column in [
        ("pipeline", [day], "open_amount"),
        ("credits", [model, ("conversion_type", "won")], "credit_amount"),
        ("conversions", [("conversion_type", "sqo")], "value"),
        ("claims", [("claim", "marketing_sourced"), ("conversion_type", "won")], "value"),
        ("mrr_months", [("period_month", "2026-05-01")], "ending_mrr"),
        ("contract_months", [("period_month", "2026-05-01")], "mrr"),
    ]:
        assert column in total(warehouse, rows_link(drill_down_id, filters))
        assert column not in total(warehouse, rows_link(drill_down_id, filters[1:]))
        assert column not in total(warehouse, rows_link(drill_down_id, [*filters, (filters[0][0], None)]))
    ((won,),) = warehouse.execute(
        "select sum(value) from attribution.fct_conversions where conversion_type = 'won'"
    ).fetchall()
    assert total(warehouse, rows_link("credits", [model, ("conversion_type", "won")]))["credit_amount"] == won > 0


@pytest.mark.slow
def test_filters_mean_what_they_say(warehouse):
    def count(drill_down_id, *filters, scope=EVERYTHING):
        return total(warehouse, rows_link(drill_down_id, filters), scope)["all_rows"]

    def expected(condition, table="core.fct_opportunities"):
        ((number,),) = warehouse.execute(f"select count(*) from {table} where {condition}").fetchall()
        return number

    everything = expected("true")
    assert count("opportunities", ("is_won", True)) == expected("is_won") > 0
    assert count("opportunities", ("region", "EMEA"), ("region", "Americas")) == expected(
        "region in ('EMEA', 'Americas')"
    )
    assert count("opportunities", ("loss_reason", None)) == expected("loss_reason is null") > 0
    some = count("opportunities", ("loss_reason.not", None))
    assert some == expected("loss_reason is not null") == everything - count("opportunities", ("loss_reason", None)) > 0
    assert count("opportunities", ("region.not", "EMEA")) == expected("region is distinct from 'EMEA'")
    assert count("opportunities", ("amount.from", "20000"), ("amount.before", "50000.50")) == expected(
        "amount >= 20000 and amount < 50000.50"
    )
    assert count("opportunities", ("closed_at.month", "2025-12")) == expected(
        "date_trunc('month', closed_at) = '2025-12-01'"
    )
    quarter = expected("closed_date between '2026-04-01' and '2026-06-30'")
    assert quarter > 0
    assert count("opportunities", ("closed_date.quarter", "2026-Q2")) == quarter
    request = read_request(DRILL_DOWNS["opportunities"], [("period", "2026-Q2"), ("stage", "")])
    assert rows(warehouse, totals_query(request, EVERYTHING))[0]["all_rows"] == quarter
    emea = Scope(regions=("EMEA",))
    assert count("opportunities", scope=emea) == expected("region = 'EMEA'") < everything
    ((team,),) = warehouse.execute("select min(owner_team) from core.fct_opportunities").fetchall()
    both = Scope(regions=("EMEA",), teams=(team,))
    assert count("opportunities", scope=both) == expected(f"region = 'EMEA' and owner_team = '{team}'")
    assert count("opportunities", ("region.not", "Americas"), scope=emea) == expected("region = 'EMEA'")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ([("nothing", "1")], "has no filter 'nothing'; known are entered_at"),
        ([("stage; drop table x", "1")], "has no filter"),
        ([("stage.like", "m%")], "there is no 'stage.like'"),
        ([("stage.from", "mql")], "stage has no order"),
        ([("is_inferred", "1 or 1=1")], "is_inferred must be true or false"),
        ([("entered_date", "yesterday")], "entered_date must be a date"),
        ([("entered_date", "2026-02-30")], "entered_date must be a date"),
        ([("entered_date.month", "2026-13")], "must be a month"),
        ([("entered_date.month", "0000-01")], "must be a month"),
        ([("stage.month", "2026-01")], "stage is no date"),
        ([("period", "2026")], "must be a fiscal quarter"),
        ([("entered_date.from", "2026-01-01"), ("entered_date.from", "2026-01-02")], "given twice"),
        ([("sort", "stage"), ("sort", "-stage")], "sort is given twice"),
        ([("sort", "(select 1)")], "cannot sort by"),
        ([("size", "0")], "size must be"),
        ([("size", "501")], "size must be"),
        ([("size", "5 union select 1")], "size must be"),
        ([("after", "WzEsMl0")], "after is not the end of a page"),
        ([("after", "'; select 1; --")], "after is not the end of a page"),
        ([("after", "W" * 601)], "longer than 600 characters"),
        ([("stage", "x" * 201)], "longer than 200 characters"),
        ([("stage", "a\x00b")], "cannot be printed"),
        ([("stage", "mql")] * 101, "101 parameters are too many"),
    ],
)
def test_what_is_not_offered_is_refused_in_words(parameters, message):
    with pytest.raises(RequestRefusedError, match=message.replace("(", r"\(")) as refusal:
        read_request(DRILL_DOWNS["stage_entries"], parameters)
    assert refusal.value.status == 400


def test_pipeline_has_a_period_and_people_have_none():
    with pytest.raises(RequestRefusedError, match="People have no date"):
        read_request(DRILL_DOWNS["people"], [("period", "2026-Q1")])


def test_another_region_and_rows_without_region_are_refused_to_a_viewer_of_one():
    emea = Scope(regions=("EMEA",))
    for drill_down_id, filters, message in [
        ("opportunities", [("region", "AMER")], "you see region EMEA, and nothing of another region"),
        ("opportunities", [("region", "EMEA"), ("region", "AMER")], "nothing of another region"),
        ("opportunities", [("region", "(none)")], "nothing of another region"),
        ("ad_spend", [], "Advertising spend: these rows are not recorded by region"),
        ("funnel_conversion", [], "not recorded by region"),
        ("loads", [], "not recorded by region"),
    ]:
        request = read_request(DRILL_DOWNS[drill_down_id], filters)
        for query in (page_query, export_query, totals_query):
            with pytest.raises(RequestRefusedError, match=message) as refusal:
                query(request, emea)
            assert refusal.value.status == 403
    with pytest.raises(RequestRefusedError, match="not recorded by team"):
        page_query(read_request(DRILL_DOWNS["people"], []), Scope(teams=("Inside",)))


@given(name=st.text(max_size=30), value=st.text(max_size=60), drill_down_id=st.sampled_from(sorted(DRILL_DOWNS)))
def test_nothing_of_a_request_ever_stands_in_the_sql(name, value, drill_down_id):
    """Whatever is sent, the SQL is made of the registry's own words; values are bound."""
    drill_down = DRILL_DOWNS[drill_down_id]
    texts = [column.name for column in drill_down.all_columns if column.kind == "text"]
    marked = f"\u2603{value}\u2603"
    for parameters in ([(name, value)], [(texts[0], marked)], [(texts[0] + ".not", marked)]):
        try:
            request = read_request(drill_down, parameters)
        except RequestRefusedError:
            continue
        for query in (page_query(request, EVERYTHING), totals_query(request, EVERYTHING)):
            assert "\u2603" not in query.sql
            assert query.sql.count("?") == len(query.values)


def test_links_are_of_known_rows_and_columns_only():
    link = figure_link("mqls", since=date(2026, 5, 1), before=date(2026, 6, 1), dimensions={"region": "EMEA & co"})
    assert link == (
        "/rows/stage_entries?stage=mql&is_inferred=false&entered_date.from=2026-05-01&entered_date.before=2026-06-01"
        "&region=EMEA+%26+co"
    )
    assert figure_link("open_pipeline", since=date(2026, 5, 1), before=date(2026, 6, 1)) == (
        "/rows/pipeline?snapshot_date=2026-05-31"
    )
    assert figure_link("happiness") is None
    with pytest.raises(KeyError, match="opportunities has no column colour"):
        rows_link("opportunities", {"colour": "red"})
    with pytest.raises(KeyError):
        rows_link("nothing")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({}, "no scope"),
        ({"all": False}, "no scope"),
        ({"all": "yes"}, "no scope"),
        ({"all": True, "regions": ["EMEA"]}, "all and something else"),
        ({"regions": []}, "regions are empty"),
        ({"regions": [" "]}, "regions are empty"),
        ({"regions": "EMEA"}, "must be a list"),
        ({"countries": ["DE"]}, "unknown scope countries"),
    ],
)
def test_a_scope_that_says_nothing_is_never_everything(record, message):
    with pytest.raises(ValueError, match=message):
        read_scope(record)


def test_scopes_are_read_as_written_and_said_in_words():
    for scope, words in [
        (EVERYTHING, "the whole company"),
        (Scope(regions=("APAC", "EMEA")), "regions APAC and EMEA"),
        (Scope(regions=("EMEA",), teams=("Inside",)), "region EMEA, only team Inside"),
    ]:
        assert read_scope(scope.as_record()) == scope
        assert str(scope) == words
