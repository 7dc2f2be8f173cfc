"""The demo's activities, deals and money, against what was planted and against arithmetic of Python's own."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal

import pytest

CENT = Decimal("0.01")
# Why the generator planted something that does not count, and what we call it.
REASONS = {
    "automated": {"no_personal_touch"},
    "bot": {"bot_user_agent"},
    "excluded bot": {"excluded_person"},
    "excluded competitor": {"excluded_person"},
    "excluded staff": {"excluded_person"},
    "excluded test": {"excluded_person"},
    "mail sent": {"kind_is_no_touch"},
    "no show": {"no_personal_touch"},
    "note": {"no_personal_touch"},
    "planned": {"planned"},
    "scanner": {"scanner_at_delivery", "scanner_every_link"},
}


@pytest.fixture(scope="module")
def planted(demo, build):
    """The private build with what was planted beside it: truth_touches, truth_opportunities."""
    cursor = build.cursor()
    for name in ("touches", "opportunities"):
        cursor.execute(
            f"create or replace temp view truth_{name} as select * from read_parquet('{demo.truth}/{name}.parquet')"
        )
    return cursor


def test_every_planted_touch_counts_and_nothing_else_does(planted):
    """The ledger is the planted one but for sessions that a contract holds back."""
    missing = planted.execute(
        """
        select truth.activity_id
        from truth_touches as truth
        anti join core.fct_touches as touches on truth.activity_id = touches.touch_id
        where truth.is_real
        """
    ).fetchall()
    held_back = planted.execute(
        "select 'web_analytics:sessions:' || record_key from audit.quarantine "
        "where system = 'web_analytics' and object = 'sessions'"
    ).fetchall()
    assert set(missing) <= set(held_back)
    assert planted.execute(
        """
        select count(*)
        from core.fct_touches as touches
        anti join truth_touches as truth
            on truth.activity_id = touches.touch_id and truth.is_real
        """
    ).fetchone() == (0,)


def test_what_does_not_count_says_why(planted):
    """Each planted reason is there, and is called what the agreed definitions call it."""
    rows = planted.execute(
        """
        select truth.why_not, activities.no_touch_reason
        from truth_touches as truth
        inner join intermediate.int_activities as activities using (activity_id)
        where not truth.is_real
        group by all
        """
    ).fetchall()
    found = defaultdict(set)
    for planted_reason, reason in rows:
        found[planted_reason].add(reason)
    assert dict(found) == REASONS


def test_touches_have_their_type_time_and_person(planted):
    """A touch without a person is one that was planted as a visitor's who never said who they are."""
    assert planted.execute(
        """
        select count(*)
        from truth_touches as truth
        inner join core.fct_touches as touches on truth.activity_id = touches.touch_id
        where touches.touched_at <> truth.occurred_at
            or touches.touch_type
                <> case truth.activity_type when 'email' then 'email_sent' else truth.activity_type end
            or (touches.person_id is null) <> (truth.true_person is null)
        """
    ).fetchone() == (0,)


def test_every_delivered_activity_is_in_once(planted):
    """Whether or not it counts: joins neither lose nor multiply."""
    assert (
        planted.execute("select count(*), count(distinct activity_id) from intermediate.int_activities").fetchone()
        == planted.execute("select count(*), count(*) from intermediate.int_activity_records_unioned").fetchone()
    )


def test_deals_have_their_planted_moments_and_amounts(planted):
    """Won and lost to the second, from the histories."""
    compared = planted.execute(
        """
        select
            count(*),
            count(deals.record_id),
            count(*) filter (deals.won_at is distinct from truth.won_at),
            count(*) filter (deals.lost_at is distinct from truth.lost_at),
            count(*) filter (deals.stage is distinct from truth.stage),
            count(*) filter (deals.original_amount is distinct from truth.amount),
            count(*) filter (deals.original_currency is distinct from truth.currency),
            count(*) filter (deals.opportunity_type is distinct from truth.opportunity_type)
        from truth_opportunities as truth
        left join core.fct_opportunities as deals on truth.opportunity_id = deals.record_id
        """
    ).fetchone()
    assert compared[0] > 100
    assert compared == (compared[0], compared[0], 0, 0, 0, 0, 0, 0)
    assert planted.execute("select count(*) from core.fct_opportunities").fetchone() == (compared[0],)


@pytest.fixture(scope="module")
def rate_on(build):
    """The rate of a currency on a day, looked up in the rows that were landed."""
    rates = defaultdict(list)
    for currency, valid_from, rate in build.execute(
        "select currency, valid_from, cast(rate_to_reporting as decimal(18, 8)) from raw.finance__fx_rates "
        "where _is_current order by currency, valid_from"
    ).fetchall():
        rates[currency].append((valid_from, rate))

    def look_up(currency, day):
        if currency == "USD":
            return Decimal(1)
        known = rates[currency]
        return known[bisect_right(known, day, key=lambda entry: entry[0]) - 1][1]

    return look_up


def test_deals_convert_at_the_agreed_day(build, rate_on):
    """Open ones at the day of creation, closed ones at the closing day, four currencies."""
    deals = build.execute(
        "select opportunity_id, original_currency, original_amount, amount, "
        "cast(coalesce(won_at, lost_at, created_at) as date) from core.fct_opportunities "
        "where original_amount is not null"
    ).fetchall()
    wrong = [deal for deal in deals if (deal[2] * rate_on(deal[1], deal[4])).quantize(CENT, ROUND_HALF_UP) != deal[3]]
    assert wrong == []
    assert {deal[1] for deal in deals} == {"USD", "EUR", "GBP", "CHF"}


def test_spend_is_what_the_platforms_billed(build, rate_on):
    """Each day of each platform converted by itself, from the delivered rows."""
    billed = build.execute(
        """
        select
            'google_ads', stats.date, stats.campaign_id, account.currency_code,
            stats.cost_micros / 1000000::decimal(18, 0)
        from raw.google_ads__campaign_stats as stats
        inner join raw.google_ads__account as account on stats.customer_id = account.id and account._is_current
        where stats._is_current
        union all
        select
            'linkedin_ads', cast(stats.day as date), stats.campaign_id, account.currency,
            stats.cost_in_local_currency
        from raw.linkedin_ads__ad_analytics_by_campaign as stats
        inner join raw.linkedin_ads__campaign as campaign on stats.campaign_id = campaign.id and campaign._is_current
        inner join raw.linkedin_ads__account as account on campaign.account_id = account.id and account._is_current
        where stats._is_current
        """
    ).fetchall()
    daily = defaultdict(Decimal)
    for platform, day, campaign, currency, cost in billed:
        daily[platform, day, campaign, currency] += Decimal(str(cost))
    expected = defaultdict(Decimal)
    for (platform, day, _, currency), cost in daily.items():
        expected[platform] += (cost * rate_on(currency, day)).quantize(CENT, ROUND_HALF_UP)
    published = dict(
        build.execute(
            "select platform, sum(cost) from core.fct_ad_spend where platform <> 'meta_ads' group by platform"
        ).fetchall()
    )
    assert published == dict(expected)


def test_only_forms_have_no_channel(build):
    """The demo's form submissions carry no source; all else has an agreed channel."""
    assert build.execute("select distinct object from core.fct_touches where channel = '(unmapped)'").fetchall() == [
        ("contact_form_submission",)
    ]
    assert build.execute("select distinct channel from core.fct_touches where team = 'sales'").fetchall() == [
        ("sales",)
    ]
