"""Journeys, positions and transitions: the SQL of the models against plain loops over invented companies."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise

import duckdb
import pytest

from tests.activity.rendered_sql import rendered

FOLDER = "models/intermediate/attribution/"
AS_OF = datetime(2026, 6, 30)
LOOKBACK = timedelta(days=180)
CHANNELS = ["direct", "email", "paid_search", "sales", "(unmapped)"]
INPUTS = """
    create table stg_concord__build_context as select timestamp '2026-06-30' as as_of;
    create table attribution_parameters as
        select * from (values ('lookback_days', '180'), ('buying_group', $group)) as given (parameter, value);
    create table int_people (person_id varchar, account_id varchar);
    create table int_activities (
        activity_id varchar, person_id varchar, account_id varchar, channel varchar, is_touch boolean,
        occurred_at timestamp, campaign_id varchar, content_id varchar, team varchar, activity_type varchar,
        is_human_touch boolean
    );
    create table int_conversions (
        conversion_id varchar, party_id varchar, conversion_type varchar, lead_at timestamp, opportunity_at timestamp,
        close_at timestamp, converted_at timestamp
    );
"""


def instant(draw: random.Random) -> datetime:
    """Few enough instants that ties, and both ends of a lookback, happen all the time."""
    return AS_OF - timedelta(
        days=draw.choice([0, 1, 2, 90, 179, 180, 181, 270, 360, 361]), seconds=draw.choice([0, 0, 1])
    )


def invented(draw: random.Random, name: str, group: str) -> tuple[list, list, list]:
    """A small company; all ids begin with its name."""
    people = [(f"{name} person{i}", draw.choice([None, f"{name} account1", f"{name} account2"])) for i in range(5)]
    touches = [
        (
            f"{name} touch{i:03}",
            draw.choice([person for person, _ in people] + [None]),
            "account of the record",
            draw.choice(CHANNELS),
            draw.random() < 0.9,
            instant(draw),
        )
        for i in range(draw.randint(0, 40))
    ]
    draw.shuffle(touches)
    parties = [person if group == "person" else account or person for person, account in people] + [None]
    conversions = []
    for i in range(draw.randint(0, 6)):
        kind, moment = draw.choice(["sqo", "won"]), instant(draw)
        limits = [moment, moment - timedelta(days=1), moment - timedelta(days=200), None]
        earlier = [draw.choice(limits) for _ in range(2)]
        closed = moment if kind == "won" else None
        conversions.append((f"{name} conversion{i}", draw.choice(parties), kind, *earlier, closed, moment))
    return people, touches, conversions


def by_loops(people, touches, conversions, group):
    """Journeys by conversion and counted transitions, from their definitions."""
    accounts = dict(people)

    def party(person):
        return person if group == "person" else accounts[person] or person

    ledger: dict[str, list] = {}
    for touch, person, _, channel, is_touch, at in sorted(touches, key=lambda t: (t[5], t[0])):
        if is_touch and person is not None:
            ledger.setdefault(party(person), []).append((touch, channel, at))
    journeys, counts = {}, Counter()

    def learn(kind, channels, end):
        states = ["(start)", *channels, end]
        if channels:
            counts.update((kind, a, b) for a, b in pairwise(states))

    for conversion, who, kind, lead_at, opportunity_at, close_at, at in conversions:
        mine = [touch for touch in ledger.get(who, []) if at - LOOKBACK <= touch[2] <= at]
        places = {
            name: max((i for i, touch in enumerate(mine) if limit is not None and touch[2] <= limit), default=None)
            for name, limit in [("lead", lead_at), ("opportunity", opportunity_at), ("close", close_at)]
        }
        places |= {"first": 0, "last": len(mine) - 1}
        journeys[conversion] = [
            (touch, channel, (at - when) // timedelta(microseconds=1), {p for p, place in places.items() if place == i})
            for i, (touch, channel, when) in enumerate(mine)
        ]
        learn(kind, [channel for _, channel, _ in mine], "(conversion)")
    for kind in ("sqo", "won"):
        for who, mine in ledger.items():
            last = max((c[6] for c in conversions if c[1] == who and c[2] == kind), default=datetime.min)
            after = [channel for _, channel, at in mine if at > last and AS_OF - LOOKBACK <= at <= AS_OF]
            learn(kind, after, "(null)")
    return journeys, counts


@pytest.mark.parametrize("group", ["account", "person"])
def test_journeys_and_transitions_are_those_of_plain_loops(group: str) -> None:
    draw = random.Random(7)
    companies = [invented(draw, f"company{i}", group) for i in range(150)]
    people, touches, conversions = ([row for company in companies for row in company[i]] for i in range(3))
    with duckdb.connect() as connection:
        connection.execute(INPUTS.replace("$group", f"'{group}'"))
        for table, rows in [("int_people", people), ("int_activities", touches), ("int_conversions", conversions)]:
            names = [column for column, *_ in connection.execute(f"describe {table}").fetchall()][: len(rows[0])]
            connection.executemany(
                f"insert into {table} ({', '.join(names)}) values ({', '.join('?' * len(names))})", rows
            )
        for name in ("int_party_touches", "int_journey_touches", "int_channel_transitions"):
            connection.execute(f"create table {name} as {rendered(f'{FOLDER}{name}.sql')}")
        found: dict[str, list] = {conversion[0]: [] for conversion in conversions}
        for conversion, touch, channel, before, touch_number, size, *held in connection.execute(
            "select conversion_id, touch_id, channel, microseconds_before, touch_number, touches,"
            " is_first, is_last, is_lead, is_opportunity, is_close"
            " from int_journey_touches order by conversion_id, touch_number"
        ).fetchall():
            names = ("first", "last", "lead", "opportunity", "close")
            positions = {name for name, is_held in zip(names, held, strict=True) if is_held}
            found[conversion].append((touch, channel, before, positions))
            assert touch_number == len(found[conversion]) <= size
        counted = {
            (kind, source, target): count
            for kind, source, target, count in connection.execute("from int_channel_transitions").fetchall()
        }
    journeys, counts = by_loops(people, touches, conversions, group)
    assert found == journeys
    assert counted == counts
    lookback = LOOKBACK // timedelta(microseconds=1)
    shown = {
        "ties": sum(len({touch[2] for touch in journey}) < len(journey) for journey in journeys.values()),
        "touches at the moment": sum(touch[2] == 0 for journey in journeys.values() for touch in journey),
        "touches at the far end": sum(touch[2] == lookback for journey in journeys.values() for touch in journey),
        "several positions": sum(len(touch[3]) > 2 for journey in journeys.values() for touch in journey),
        "shared touches": sum(n > 1 for n in Counter(t[0] for j in journeys.values() for t in j).values()),
    }
    assert min(shown.values()) > 10, f"the invented companies do not show enough: {shown}"
