"""The reports made for the page, against plain loops over the same rows."""

import random
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import NormalDist, mean

import duckdb
import pyarrow as pa
import pytest

from tests.activity.rendered_sql import PROJECT, _CrossDatabase, macros

WEEKS, MINIMUM_WEEKS, MINIMUM_MEAN, RATE = 26, 12, 5, 0.1
AS_OF = datetime(2026, 6, 30, 23, 58)
TODAY = AS_OF.date()


class CrossDatabase(_CrossDatabase):
    def type_bigint(self):
        return "bigint"


def compiled(path, **variables):
    """The model's SQL over tables by their bare names."""
    environment = macros(**variables)["_environment"]
    own = environment.from_string((PROJECT / "macros/normal_two_sided_p.sql").read_text()).module
    return environment.from_string((PROJECT / path).read_text()).render(
        as_of=lambda: f"cast('{AS_OF}' as timestamp)",
        dbt=CrossDatabase(),
        normal_two_sided_p=own.normal_two_sided_p,
        business_date=lambda expression: f"cast({expression} as date)",
    )


def monday(day):
    return day - timedelta(days=day.weekday())


def signals_by_hand(entries, touches, bookings):
    """KPI, dimension and value → what the report should say of it; one series, one week at a time."""
    last = monday(TODAY)
    while last + timedelta(days=7) > TODAY:
        last -= timedelta(days=7)
    days = {}
    for entry in entries:
        if entry["is_inferred"] or entry["stage"] not in {"lead", "mql", "sal", "sql", "sqo"}:
            continue
        days.setdefault((entry["stage"], "channel", entry["channel"]), []).append(entry["entered_date"])
        days.setdefault((entry["stage"], "region", entry["region"] or "(unknown)"), []).append(entry["entered_date"])
    for touch in touches:
        if touch["is_response"] and touch["content_id"]:
            key = ("content response", "content", f"Title {touch['content_id']}")
            days.setdefault(key, []).append(touch["touched_at"].date())
    year_ago = TODAY.replace(year=TODAY.year - 1)
    of_year = {}
    for (kpi, dimension, _), found in days.items():
        if dimension != "region":
            of_year[kpi] = of_year.get(kpi, 0) + sum(day > year_ago for day in found)
    expected = {}
    for key, found in days.items():
        first = monday(min(found))
        counts = []
        for ago in range(WEEKS, -1, -1):
            week = last - timedelta(days=7 * ago)
            if week >= first:
                counts.append(sum(week <= day < week + timedelta(days=7) for day in found))
        before, week_count = counts[:-1], counts[-1] if counts else 0
        if not before:
            continue
        ranges = [abs(a - b) for a, b in zip(before[1:], before, strict=False)]
        spread = mean(ranges) if ranges else None
        is_tested = len(before) >= MINIMUM_WEEKS and mean(before) >= MINIMUM_MEAN and bool(spread)
        outside = spread is not None and not (
            max(mean(before) - 2.66 * spread, 0) <= week_count <= mean(before) + 2.66 * spread
        )
        p = 2 * NormalDist().cdf(-abs(week_count - mean(before)) / (spread / 1.128)) if is_tested else None
        worth = of_year.get(key[0]) and (week_count - mean(before)) * bookings / of_year[key[0]]
        expected[key] = {"weeks": len(before), "week_count": week_count, "mean": mean(before), "p": p,
                         "outside": outside, "worth": worth}  # fmt: skip
    tested = sorted((row["p"], key) for key, row in expected.items() if row["p"] is not None)
    kept = 0
    for rank, (p, _) in enumerate(tested, 1):
        if p <= RATE * rank / len(tested):
            kept = rank
    discovered = {key for _, key in tested[:kept]}
    for key, row in expected.items():
        row["signal"] = bool(row["outside"] and key in discovered)
    return expected


def invented(seed):
    """Two years of entries and touches with planted jumps in the last whole week."""
    dice = random.Random(seed)
    channels = {f"channel_{n}": dice.choice([0.3, 1, 4, 9]) for n in range(8)}
    entries, touches = [], []
    for ago in range(0, 60 * 7):
        day = TODAY - timedelta(days=ago)
        for channel, per_day in channels.items():
            jump = dice.choice([0, 1, 4]) if channel in {"channel_1", "channel_2"} and 2 <= ago <= 8 else 1
            entries.extend(
                {
                    "stage": dice.choice(["lead", "mql", "sqo", "won", "inquiry"]),
                    "channel": channel,
                    "region": dice.choice(["EMEA", "APAC", None]),
                    "is_inferred": dice.random() < 0.1,
                    "entered_date": day,
                }
                for _ in range(int(per_day * jump * dice.random() * 2))
            )
        touches.extend(
            {
                "content_id": dice.choice(["a", "b", None]),
                "is_response": dice.random() < 0.8,
                "touched_at": datetime.combine(day, datetime.min.time()) + timedelta(hours=dice.randrange(24)),
            }
            for _ in range(dice.randrange(6))
        )
    return entries, touches


@pytest.mark.parametrize("seed", range(3))
def test_weekly_signals_are_those_of_plain_loops(seed):
    entries, touches = invented(seed)
    connection = duckdb.connect()
    connection.execute(
        """
        create table fct_stage_entries
            (stage varchar, channel varchar, region varchar, is_inferred boolean, entered_date date);
        create table fct_touches (content_id varchar, is_response boolean, touched_at timestamp);
        create table dim_content as
            select * from (values ('a', 'Title a'), ('b', 'Title b')) as t(content_id, title);
        create table fct_opportunities as
            select * from (values
                (true, 'new', date '2026-03-01', 90000.00::decimal(18, 2)),
                (true, 'renewal', date '2026-03-01', 5.0),
                (true, 'new', date '2024-03-01', 7.0),
                (false, 'new', null, 9.0)
            ) as t(is_won, opportunity_type, closed_date, amount);
        create table dim_dates as
            select d::date as date_day, date_trunc('week', d)::date as week_start_date
            from generate_series(date '2024-01-01', date '2027-12-31', interval 1 day) as t(d)
        """
    )
    for table, rows in (("fct_stage_entries", entries), ("fct_touches", touches)):
        connection.register("given", pa.Table.from_pylist(rows))
        connection.execute(f"insert into {table} select * from given")
    rows = connection.execute(
        f"select kpi, dimension, dimension_value, weeks, week_count, mean_count, p_value, money, is_signal,"
        f" is_outside_limits, is_tested from ({compiled('models/marts/funnel/rpt_weekly_signals.sql')})"
    ).fetchall()
    expected = signals_by_hand(entries, touches, 90_000)
    assert {row[:3] for row in rows} == set(expected)
    for kpi, dimension, value, weeks, week_count, mean_count, p, money, is_signal, is_outside, is_tested in rows:
        wanted = expected[kpi, dimension, value]
        assert (weeks, week_count) == (wanted["weeks"], wanted["week_count"])
        assert mean_count == pytest.approx(wanted["mean"])
        assert is_tested == (wanted["p"] is not None)
        assert p == (None if wanted["p"] is None else pytest.approx(wanted["p"], rel=1e-5, abs=1e-300))
        assert bool(is_outside) == wanted["outside"]
        assert is_signal == wanted["signal"]
        assert float(money) == pytest.approx(wanted["worth"], abs=0.006)
    assert any(row["p"] is not None for row in expected.values())


def test_planted_jumps_are_found_and_chance_is_not():
    """Over many invented companies some signals exist, and far fewer than series outside their limits by chance."""
    found = [signals_by_hand(*invented(seed), 90_000) for seed in range(6)]
    planted = [key for world in found for key, row in world.items() if row["signal"]]
    assert planted
    assert {key[2] for key in planted if key[1] == "channel"} <= {"channel_1", "channel_2"} | {
        key[2] for world in found for key, row in world.items() if row["outside"]
    }


def business_days(start, day):
    return sum((start + timedelta(days=n)).weekday() < 5 for n in range((day - start).days + 1))


def test_the_quarter_before_is_looked_at_up_to_the_same_business_day(published):
    """On the demo: every quarter's comparison, day by day."""
    with duckdb.connect(str(Path(published).resolve()), read_only=True) as connection:
        ((as_of,),) = connection.execute("select max(as_of)::date from audit.builds").fetchall()
        deals = connection.execute(
            "select closed_date, coalesce(amount, 0) from core.fct_opportunities where is_won"
        ).fetchall()
        starts = [row[0] for row in connection.execute(
            "select distinct fiscal_quarter_start_date from core.dim_dates order by 1").fetchall()]  # fmt: skip
        rows = connection.execute(
            "select fiscal_quarter_start_date, sum(bookings), sum(bookings_before) from revenue.rpt_quarter_progress"
            " group by 1 order by 1"
        ).fetchall()
    assert len(rows) > 4
    for start, bookings, before in rows:
        place = starts.index(start)
        end, earlier = starts[place + 1], starts[place - 1]
        assert bookings == sum(amount for day, amount in deals if start <= day < end)
        limit = start - timedelta(days=1)
        if start <= as_of < end:
            so_far, weekend = business_days(start, as_of), as_of.weekday() >= 5
            limit = max(
                (
                    day
                    for day in (earlier + timedelta(days=n) for n in range((start - earlier).days))
                    if business_days(earlier, day) < so_far
                    or (business_days(earlier, day) == so_far and (weekend or day.weekday() < 5))
                ),
                default=date.min,
            )
        assert before == sum(amount for day, amount in deals if earlier <= day <= limit)


@pytest.mark.parametrize("today", [date(2026, 5, 8), date(2026, 5, 9), date(2026, 6, 30), date(2026, 4, 1)])
def test_the_same_business_day_in_the_middle_of_a_quarter(today, monkeypatch):
    """One deal of 1 on every day of two quarters: the comparison counts days."""
    monkeypatch.setattr("tests.dashboard.test_reports.AS_OF", datetime.combine(today, datetime.min.time()))
    connection = duckdb.connect()
    connection.execute(
        f"""
        create table dim_dates as
            select d::date as date_day, date_trunc('quarter', d)::date as fiscal_quarter_start_date,
                isodow(d) > 5 as is_weekend
            from generate_series(date '2025-10-01', date '2026-12-31', interval 1 day) as t(d);
        create table fct_opportunities as
            select row_number() over ()::varchar as opportunity_id, 'new' as opportunity_type,
                null::varchar as segment, null::varchar as region, null::varchar as owner_team,
                1.00::decimal(18, 2) as amount, true as is_won, true as is_closed,
                date_day as closed_date, date_day as created_date
            from dim_dates
            where date_day <= date '{today}';
        create table fct_lead_cycles (opportunity_id varchar, motion varchar);
        create table fct_stage_entries
            (opportunity_id varchar, segment varchar, region varchar, motion varchar, stage varchar,
            is_inferred boolean, entered_date date)
        """
    )
    ((now, before),) = connection.execute(
        f"select bookings, bookings_before from ({compiled('models/marts/revenue/rpt_quarter_progress.sql')})"
        " where fiscal_quarter_start_date = date '2026-04-01'"
    ).fetchall()
    assert now == (today - date(2026, 4, 1)).days + 1
    so_far = business_days(date(2026, 4, 1), today)
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(90)]
    if today.weekday() < 5:
        comparable = [d for d in days if business_days(days[0], d) < so_far
                      or (business_days(days[0], d) == so_far and d.weekday() < 5)]  # fmt: skip
    else:
        comparable = [d for d in days if business_days(days[0], d) <= so_far]
    assert before == len(comparable)


def test_open_pipeline_is_put_into_the_right_quarter(published):
    with duckdb.connect(str(Path(published).resolve()), read_only=True) as connection:
        ((as_of,),) = connection.execute("select max(as_of)::date from audit.builds").fetchall()
        dates = dict(connection.execute("select date_day, fiscal_quarter_start_date from core.dim_dates").fetchall())
        deals = connection.execute(
            "select close_date, coalesce(amount, 0), is_stale from core.fct_opportunities where not is_closed"
        ).fetchall()
        rows = dict(
            connection.execute("select closes, sum(open_amount) from revenue.rpt_open_pipeline group by 1").fetchall()
        )
        ((healthy,),) = connection.execute(
            "select sum(healthy_next_quarter_amount) from revenue.rpt_open_pipeline"
        ).fetchall()
    starts = sorted(set(dates.values()))
    following = starts[starts.index(dates[as_of]) + 1]
    by_hand, healthy_by_hand = {}, 0
    for close_date, amount, is_stale in deals:
        word = (
            "no close date" if close_date is None
            else "overdue" if close_date < as_of
            else "this quarter" if dates[close_date] == dates[as_of]
            else "next quarter" if dates[close_date] == following
            else "later"
        )  # fmt: skip
        by_hand[word] = by_hand.get(word, 0) + amount
        if word == "next quarter" and not is_stale:
            healthy_by_hand += amount
    assert rows == by_hand
    assert healthy == healthy_by_hand
