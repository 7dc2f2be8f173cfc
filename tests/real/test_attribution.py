"""Two public attribution data sets: purchases are won deals, sessions are touches.

The figures are those of the models of attribution, built with all that these read; through the whole main job go other
companies, and these two with the matrix.
"""

from __future__ import annotations

import csv
from collections import Counter
from decimal import Decimal

import duckdb
import pytest

from tests.real.company import SHARED_DATA, build_company, build_parts

pytestmark = pytest.mark.slow

# Conversions credited by the playbook that the data set belongs to; what it gives an empty middle, two touches share.
PUBLISHED = {
    "first": {"direct": 11, "facebook": 7, "google": 2, "adwords": 1, "bing": 0},
    "last": {"direct": 11, "facebook": 4, "google": 3, "adwords": 1, "bing": 2},
    "position_based": {"direct": 10.94, "facebook": 5.44, "google": 2.58, "adwords": 1.24, "bing": 0.8},
    "linear": {"direct": 10.9762, "facebook": 5.3929, "google": 2.7857, "adwords": 1.369, "bing": 0.4762},
}
MODELS = 11


COMPANIES = {
    "dbtlabs": ("dbtlabs_attribution", "2020-03-01"),
    "snowplow": ("snowplow_fractribution", "2022-08-15"),
}


def parts_of(name, folder):
    """The private build file with the company's models of attribution."""
    data, as_of = COMPANIES[name]
    return build_parts(name, data, folder, as_of, "fct_credits", "fct_touches", "rpt_channel_performance")


@pytest.fixture(scope="module")
def playbook(tmp_path_factory):
    with duckdb.connect(str(parts_of("dbtlabs", tmp_path_factory.mktemp("dbtlabs"))), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def snowplow(tmp_path_factory):
    with duckdb.connect(str(parts_of("snowplow", tmp_path_factory.mktemp("snowplow"))), read_only=True) as connection:
        yield connection


@pytest.mark.matrix
@pytest.mark.parametrize("name", COMPANIES)
def test_the_whole_main_job_publishes_the_same_credits(name, tmp_path) -> None:
    credits = "select * from attribution.fct_credits order by all"
    with duckdb.connect(str(parts_of(name, tmp_path / "parts")), read_only=True) as parts:
        expected = parts.execute(credits).fetchall()
    data, as_of = COMPANIES[name]
    with duckdb.connect(str(build_company(name, data, tmp_path / "whole", as_of)), read_only=True) as published:
        assert published.execute(credits).fetchall() == expected
    assert len(expected) > 50


def test_ninety_sessions_make_39_touches_of_21_conversions(playbook) -> None:
    assert playbook.execute("select count(*) from core.fct_touches").fetchall() == [(90,)]
    assert playbook.execute(
        "select count(*), sum(touches), sum(value), min(touches) from attribution.fct_conversions"
        " where conversion_type = 'won'"
    ).fetchall() == [(21, 39, Decimal("275.00"), 1)]


@pytest.mark.parametrize("model", PUBLISHED)
def test_the_published_figures(playbook, model: str) -> None:
    found = dict(
        playbook.execute(
            "select channel, sum(credit_share) from attribution.fct_credits"
            " where model = ? and conversion_type = 'won' group by 1",
            [model],
        ).fetchall()
    )
    assert found.keys() <= PUBLISHED[model].keys()
    for channel, credit in PUBLISHED[model].items():
        assert found.get(channel, 0) == pytest.approx(credit, abs=0.00005), channel


def test_every_model_gives_out_all_of_the_revenue(playbook) -> None:
    for model, total in playbook.execute(
        "select model, sum(credit_amount) from attribution.fct_credits where conversion_type = 'won' group by 1"
    ).fetchall():
        assert total == Decimal("275.00"), model


def test_return_on_advertising_by_channel(playbook) -> None:
    """Spend as delivered; the revenue is credited to the month of the touch, here the same."""
    with (SHARED_DATA / "dbtlabs_attribution" / "ad_spend.csv").open(newline="") as file:
        delivered = Counter()
        for row in csv.DictReader(file):
            delivered[row["utm_source"].removesuffix("_ads")] += Decimal(row["spend"])
    rows = playbook.execute(
        "select channel, sum(spend), sum(attributed_revenue) from attribution.rpt_channel_performance"
        " where spend > 0 and channel <> '(all)' group by 1"
    ).fetchall()
    assert {channel: spend for channel, spend, _ in rows} == delivered
    credited = playbook.execute(
        "select channel, sum(credit_amount) from attribution.fct_credits"
        " where is_headline and conversion_type = 'won' and channel in ('facebook', 'adwords') group by 1"
    ).fetchall()
    assert {channel: revenue for channel, _, revenue in rows} == dict(credited)


def test_98_events_run_too(snowplow) -> None:
    assert snowplow.execute("select count(*) from core.fct_touches").fetchall() == [(98,)]
    assert snowplow.execute(
        "select count(*), sum(value), min(touches) > 0 from attribution.fct_conversions where conversion_type = 'won'"
    ).fetchall() == [(6, Decimal("500.92"), True)]
    sums = snowplow.execute(
        "select model, sum(credit_amount), sum(credit_share) from attribution.fct_credits"
        " where conversion_type = 'won' group by 1"
    ).fetchall()
    assert len(sums) == MODELS
    for model, amount, share in sums:
        assert (amount, share) == (Decimal("500.92"), pytest.approx(6)), model


def test_the_last_touch_of_each_transaction_is_at_its_very_moment(snowplow) -> None:
    """The event is a touch of its own journey; two events of one visitor at one instant stand by their ids."""
    assert snowplow.execute(
        "select count(*), count(*) filter (where touched_at = converted_at) from attribution.fct_credits"
        " where model = 'last' and conversion_type = 'won'"
    ).fetchall() == [(6, 6)]
