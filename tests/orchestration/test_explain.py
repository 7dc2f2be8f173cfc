"""The passport of a figure: every metric ties out, and a published figure that its rows do not give fails."""

import re
import shutil
from dataclasses import replace

import duckdb
import pytest

from orchestration.__main__ import main
from orchestration.explain import FIGURES, ExplainError, explain, extracts_of
from orchestration.preparation import prepare

pytestmark = pytest.mark.slow
MONTH = "2026-03"


@pytest.fixture(scope="module")
def prepared(demo, tmp_path_factory):
    """A published file of its own: one process opens a file in one way only, and others have the demo's open."""
    settings = replace(demo.settings, warehouse=tmp_path_factory.mktemp("explained"))
    shutil.copyfile(demo.settings.published.resolve(), settings.published)
    return prepare(settings)


def with_changed_file(prepared, tmp_path, sql):
    """The same, with a published file in which something was changed."""
    settings = replace(prepared.settings, warehouse=tmp_path)
    shutil.copyfile(prepared.settings.published.resolve(), settings.published)
    with duckdb.connect(str(settings.published)) as published:
        published.execute(sql)
    return replace(prepared, settings=settings)


def test_every_metric_of_the_month_ties_out_and_says_what_it_is_made_of(prepared, warehouse):
    served = [name for name, *_ in warehouse.execute(f"describe {FIGURES}").fetchall() if "metric_time" not in name]
    assert len(served) > 60
    for metric in served:
        found = explain(prepared, metric, MONTH)
        text = "\n".join(found.lines)
        assert found.is_tied, text
        assert re.search(rf"\({metric}\), {MONTH}: ", found.lines[0])
        for part in (
            "Formula ",
            "As MetricFlow's SQL",
            "Rows   ",
            "Definition   version 1, signed",
            "Data cut ",
            "Restated ",
        ):
            assert part in text, (metric, part)
        assert "@" not in text


def test_a_passport_shows_the_value_its_parts_its_rows_and_its_sql(prepared, warehouse):
    found = explain(prepared, "mql_to_sal_rate", MONTH)
    ((rate, top, bottom),) = warehouse.execute(
        f"select mql_to_sal_rate, mql_to_sal_conversions, mature_mql_entrants from {FIGURES}"
        " where metric_time__month = '2026-03-01'"
    ).fetchall()
    assert found.lines[0] == f"MQL to SAL rate (mql_to_sal_rate), 2026-03: {round(rate, 6)} ratio"
    assert found.lines[1:3] == (
        f"Numerator    {top} (mql_to_sal_conversions)",
        f"Denominator  {bottom} (mature_mql_entrants)",
    )
    text = "\n".join(found.lines)
    assert f"Rows         {bottom} of the denominator, mature_mql_entrants in funnel.fct_stage_entries" in text
    assert "/rows/stage_entries?stage=mql" in text
    keys = re.findall(r"^ {13}([0-9a-f]{32})$", text, re.M)
    assert 0 < len(keys) <= 10
    entries = warehouse.execute(
        "select count(*) from funnel.fct_stage_entries where stage = 'mql' and list_contains(?, entry_id)", [keys]
    ).fetchall()
    assert entries == [(len(keys),)]
    # The plain SQL that is printed is what an analyst can run.
    (sql,) = re.findall(r"  select date_trunc[^;]+as mature_mql_entrants\n[^;]+;", text)
    counted = {str(month): count for month, count in warehouse.execute(sql).fetchall()}
    assert counted["2026-03-01"] == bottom


def test_only_the_extracts_that_a_metric_is_made_of_are_looked_at(prepared):
    semantic = prepared.metrics.manifest
    spend = extracts_of(prepared.manifest, semantic, ["ad_spend"])
    entries = extracts_of(prepared.manifest, semantic, ["mqls"])
    costs = extracts_of(prepared.manifest, semantic, ["acquisition_cost"])
    assert any(name.startswith("google_ads/") for name in spend)
    assert "finance/cost_items" in costs - spend - entries
    assert "hubspot/contact_form_submission" in entries
    assert not any(name.startswith("concord/") for name in spend | entries)


def test_a_published_figure_that_its_rows_do_not_give_fails_loudly(prepared, tmp_path):
    wrong = with_changed_file(
        prepared, tmp_path, f"update {FIGURES} set mqls = mqls + 1 where metric_time__month = '2026-03-01'"
    )
    found = explain(wrong, "mqls", MONTH)
    assert not found.is_tied
    assert any(line.startswith("TIE-OUT FAILED") for line in found.lines)
    assert re.search(r"mqls: metrics.company_by_month says \d+, plain SQL says \d+", found.lines[-1])
    assert explain(wrong, "mqls", "2026-02").is_tied, "other months are not concerned"
    # A ratio fails with its parts.
    rate = with_changed_file(
        prepared, tmp_path, f"update {FIGURES} set mql_to_sal_rate = 0.5 where metric_time__month = '2026-03-01'"
    )
    assert not explain(rate, "mql_to_sal_rate", MONTH).is_tied


def test_restatements_and_broken_contracts_are_told(prepared, tmp_path):
    changed = with_changed_file(
        prepared,
        tmp_path,
        "insert into audit.restatements by name select 'mqls' as metric, date '2026-03-01' as period_month,"
        " 'b2' as build_id, 'several' as cause, 'definition, late data' as causes, 'loads 3 to 4' as evidence,"
        " 4 as reported_value, 4 as previous_value, 5 as current_value, 1 as difference, 'b1' as reported_build_id,"
        " 'b1' as previous_build_id, timestamp '2026-04-02' as restated_at;"
        " update audit.contract_results set is_broken = true, is_overridden = false, rule = 'in_range:amount',"
        " owner = 'finance_operations' where system = 'finance' and object = 'cost_items'",
    )
    text = "\n".join(explain(changed, "mqls", MONTH).lines)
    assert "Restated     1 changes since it was first reported" in text
    assert "mqls 4.00 to 5.00 by definition, late data (2026-04-02; loads 3 to 4)" in text
    assert "finance/cost_items broke" not in text, "no MQL is made of it"
    costs = "\n".join(explain(changed, "acquisition_cost", MONTH).lines)
    assert "finance/cost_items broke in_range:amount; owner finance operations" in costs
    assert "Restated     not since" in "\n".join(explain(changed, "mqls", "2026-02").lines)


def test_what_is_not_there_is_named_with_what_is(prepared, tmp_path, capsys):
    with pytest.raises(ExplainError, match="no metric 'mqlz'; is it mqls\\? known are .*bookings.*win_rate"):
        explain(prepared, "mqlz", MONTH)
    with pytest.raises(ExplainError, match=r"no figures of 2031-03; there are some from 20\d\d-\d\d to 20\d\d-\d\d"):
        explain(prepared, "mqls", "2031-03")
    with pytest.raises(ExplainError, match="MONTH='March' is no month; write it as 2026-03"):
        explain(prepared, "mqls", "March")
    unpublished = replace(prepared, settings=replace(prepared.settings, warehouse=tmp_path))
    with pytest.raises(ExplainError, match="nothing is published yet"):
        explain(unpublished, "mqls", MONTH)
    assert main(["explain", "", ""]) == 2
    assert "make explain METRIC=mqls MONTH=2026-03" in capsys.readouterr().err
