"""Each report of schema `alignment` says what a plain loop over the demo's facts says."""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any, NamedTuple

import duckdb
import pytest

CENT = Decimal("0.01")
DAY = timedelta(days=1)
END = datetime(9999, 12, 31)


def rows(build: duckdb.DuckDBPyConnection, table: str, where: str = "true") -> list[Any]:
    """The rows of a table, each with its columns as attributes."""
    cursor = build.execute(f"select * from {table} where {where}")
    row_of = NamedTuple("Row", [(column[0], Any) for column in cursor.description])
    return [row_of(*row) for row in cursor.fetchall()]


def quarter(day: date) -> date:
    return date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)


def year_ends(of: date, quarters: set[date]) -> Iterator[tuple[str, date]]:
    """The periods that a quarter belongs to."""
    yield "fiscal_quarter", of
    for other in quarters:
        if 0 <= (other.year - of.year) * 12 + other.month - of.month < 12:
            yield "trailing_year", other


def interval(won: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval."""
    z = statistics.NormalDist().inv_cdf(0.975)
    centre, spread = won + z * z / 2, z * math.sqrt(won * (of - won) / of + z * z / 4)
    return max(0, (centre - spread) / (of + z * z)), min(1, (centre + spread) / (of + z * z))


def test_icp_fit(build) -> None:
    attributes = defaultdict(list)
    for row in rows(build, "alignment.fct_icp_attributes"):
        attributes[row.subject_type, row.subject_id].append((row.attribute, row.attribute_value, row.weight))
    events = [
        (quarter(row.subject_date), "lead", row.subject_id, (1, 0, Decimal(0), 0, 0))
        for row in rows(build, "alignment.fct_icp_attributes", "subject_type = 'lead' and attribute = 'industry'")
    ]
    deals = {row.opportunity_id: row for row in rows(build, "core.fct_opportunities", "opportunity_type = 'new'")}
    events += [
        (quarter(entry.entered_date), "opportunity", entry.opportunity_id, (0, 1, Decimal(0), 0, 0))
        for entry in rows(build, "funnel.fct_stage_entries", "stage = 'sqo' and not is_inferred")
        if entry.opportunity_id in deals
    ]
    for deal in deals.values():
        if deal.is_closed:
            counts = (0, 0, deal.amount or Decimal(0), 1, 0) if deal.is_won else (0, 0, Decimal(0), 0, 1)
            events.append((quarter(deal.closed_date), "opportunity", deal.opportunity_id, counts))
    quarters = {event[0] for event in events}
    counted: dict[tuple, list] = defaultdict(lambda: [0, 0, Decimal(0), 0, 0])
    totals: dict[tuple, list] = defaultdict(lambda: [0, 0, Decimal(0)])
    for of, kind, subject, counts in events:
        for period in year_ends(of, quarters):
            for attribute in attributes[kind, subject]:
                for place, count in enumerate(counts):
                    counted[*period, *attribute][place] += count
                for place, count in enumerate(counts[:3]):
                    totals[*period, attribute[0]][place] += count
    found = {
        (row.period_grain, row.quarter_start_date, row.attribute, row.attribute_value, row.weight): row
        for row in rows(build, "alignment.rpt_icp_fit")
    }
    assert found.keys() == counted.keys()
    for key, (leads, sqos, bookings, won, lost) in counted.items():
        row, of = found[key], totals[key[:3]]
        assert [row.leads, row.sqos, row.bookings, row.won_deals, row.lost_deals] == [leads, sqos, bookings, won, lost]
        assert [row.all_leads, row.all_sqos, row.all_bookings] == of
        assert row.is_fit == (row.weight > 0)
        shares = [
            float(part / whole) if whole else None for part, whole in zip((leads, sqos, bookings), of, strict=True)
        ]
        assert [row.lead_share, row.sqo_share, row.booking_share] == pytest.approx(shares)
        if won + lost:
            assert row.win_rate == pytest.approx(won / (won + lost))
            assert (row.win_rate_low, row.win_rate_high) == pytest.approx(interval(won, won + lost))
        else:
            assert row.win_rate is row.win_rate_low is row.win_rate_high is None


def test_reject_reasons(build) -> None:
    cycles = {row.lead_cycle_id: row for row in rows(build, "funnel.fct_lead_cycles")}
    counted, handed_over = Counter(), Counter()
    for handoff in rows(build, "funnel.fct_handoffs", "is_handed_over"):
        cycle = cycles[handoff.lead_cycle_id]
        sent_back = cycle.exit_type in {"rejected", "disqualified", "recycled"}
        answer = (cycle.exit_type, cycle.exit_reason or "No reason given") if sent_back else ("kept", "(kept)")
        for breakdown, value in (
            ("(all)", "(all)"),
            ("persona", handoff.persona),
            ("channel", handoff.channel),
            ("campaign", handoff.campaign_id),
            ("grade", handoff.grade),
        ):
            key = handoff.mql_date.replace(day=1), breakdown, value or "(unknown)"
            counted[*key, *answer] += 1
            handed_over[key] += 1
    found = {
        (row.period_month, row.breakdown, row.breakdown_value, row.answer, row.reason): row
        for row in rows(build, "alignment.rpt_reject_reasons")
    }
    assert {key: row.handoffs for key, row in found.items()} == counted
    assert {answer for *_, answer, _ in found} == {"kept", "rejected", "disqualified", "recycled"}
    for key, row in found.items():
        assert row.handed_over == handed_over[key[:3]]
        assert row.answer_rate == pytest.approx(row.handoffs / row.handed_over)
        assert row.is_rejection == (row.answer in {"rejected", "disqualified"})


def test_buyer_journeys(build) -> None:
    touches = {row.touch_id: row for row in rows(build, "core.fct_touches")}
    journeys = defaultdict(list)
    for row in rows(build, "intermediate.int_journey_touches"):
        journeys[row.conversion_id].append(touches[row.touch_id])
    conversions = rows(build, "attribution.fct_conversions")
    days = {}
    for row in conversions:
        journey = journeys[row.conversion_id]
        talks = [t.touched_at for t in journey if t.is_human_touch and t.touch_type in ("call", "meeting")]
        first = min(talks, default=None)
        assert row.first_conversation_at == first
        assert row.touches_before_conversation == (
            None if first is None else sum(t.touched_at < first for t in journey)
        )
        assert row.rep_touches == sum(t.is_human_touch for t in journey)
        assert row.people == len({t.person_id for t in journey})
        assert row.contents == len({t.content_id for t in journey} - {None})
        if first is not None:
            days[row.conversion_id] = (first - min(t.touched_at for t in journey)) / DAY
    assert len(days) > 50
    quarters = {quarter(row.converted_date) for row in conversions}
    groups = defaultdict(list)
    for row in conversions:
        for period in year_ends(quarter(row.converted_date), quarters):
            for segment in ("(all)", row.segment or "(unknown)"):
                groups[*period, row.conversion_type, segment].append(row)
    found = {
        (row.period_grain, row.quarter_start_date, row.conversion_type, row.segment): row
        for row in rows(build, "alignment.rpt_buyer_journeys")
    }
    assert found.keys() == groups.keys()
    for key, members in groups.items():
        row, talked = found[key], [m for m in members if m.first_conversation_at is not None]
        before = [m.touches_before_conversation for m in talked]
        waited = [days[m.conversion_id] for m in talked]
        assert (row.conversions, row.with_conversation) == (len(members), len(talked))
        for column in ("touches", "rep_touches", "people", "contents"):
            assert getattr(row, column) == sum(getattr(m, column) for m in members)
        assert row.with_content == sum(m.contents > 0 for m in members)
        assert row.touches_before_conversation == sum(before)
        assert row.days_before_conversation == pytest.approx(sum(waited), abs=1e-6)
        assert row.median_people == statistics.median(m.people for m in members)
        assert row.median_touches_before_conversation == (statistics.median(before) if before else None)
        assert row.median_days_before_conversation == (pytest.approx(statistics.median(waited)) if waited else None)
        assert row.rep_touch_share == (pytest.approx(row.rep_touches / row.touches) if row.touches else None)


def uses_of_content(build) -> tuple[dict[tuple, list], dict[str, Any]]:
    """Touches that used content, by person, content and the entry in which the person stood; and all entries."""
    entries = rows(build, "funnel.fct_stage_entries", "person_id is not null")
    by_person = defaultdict(list)
    for entry in entries:
        by_person[entry.person_id].append(entry)
    uses = defaultdict(list)
    for touch in rows(build, "core.fct_touches", "content_id is not null and person_id is not null"):
        before = [entry for entry in by_person[touch.person_id] if entry.entered_at < touch.touched_at]
        at = max(before, key=lambda e: (e.entered_at, e.stage_order, e.lead_cycle_id), default=None)
        if at is not None and at.left_at is not None and touch.touched_at > at.left_at:
            at = None
        uses[touch.person_id, touch.content_id, at and at.entry_id].append(touch)
    return uses, {entry.entry_id: entry for entry in entries}


def test_content_use(build) -> None:
    uses, entries = uses_of_content(build)
    facts = {(row.person_id, row.content_id, row.entry_id): row for row in rows(build, "alignment.fct_content_uses")}
    assert facts.keys() == uses.keys()
    in_stages = defaultdict(list)
    for key, touches in uses.items():
        row, entry = facts[key], entries.get(key[2])
        stage, persona = (entry.stage, entry.persona or "(unknown)") if entry else ("(no stage)", "(unknown)")
        assert (row.stage, row.persona, row.uses) == (stage, persona, len(touches))
        assert row.went_on == bool(entry and entry.is_converted_in_window)
        moments = [touch.touched_at for touch in touches]
        assert (row.first_used_at, row.last_used_at) == (min(moments), max(moments))
        in_stages[quarter(min(moments)), key[1], stage, persona].append((key[0], len(touches), row.went_on))
    found = {
        (row.quarter_start_date, row.content_id, row.stage, row.persona): row
        for row in rows(build, "alignment.rpt_content_use", "scope = 'use'")
    }
    assert found.keys() == in_stages.keys()
    for key, members in in_stages.items():
        assert found[key].uses == sum(count for _, count, _ in members)
        assert found[key].people == len({person for person, *_ in members})
        assert found[key].people_who_went_on == len({person for person, _, went_on in members if went_on})
    assert sum(row.people_who_went_on for row in found.values()) > 100

    with_content = {entry_id for _, _, entry_id in uses}
    entered, without = Counter(), Counter()
    for entry in entries.values():
        if not entry.is_inferred and entry.stage != "won" and entry.left_at != entry.entered_at:
            key = quarter(entry.entered_date), entry.stage, entry.persona or "(unknown)"
            entered[key] += 1
            without[key] += entry.entry_id not in with_content
    stages = rows(build, "alignment.rpt_content_use", "scope = 'stage'")
    assert {(row.quarter_start_date, row.stage, row.persona): row.entered for row in stages} == entered
    for row in stages:
        assert row.entered_without_content == without[row.quarter_start_date, row.stage, row.persona]

    touches = {row.touch_id: row for row in rows(build, "core.fct_touches")}
    used = defaultdict(set)
    for row in rows(build, "intermediate.int_journey_touches"):
        used[row.conversion_id].add(touches[row.touch_id].content_id)
    deals = {row.opportunity_id: row for row in rows(build, "core.fct_opportunities")}
    outcomes: dict[tuple, list] = defaultdict(lambda: [0, 0, 0, Decimal(0)])
    for conversion in rows(build, "attribution.fct_conversions", "conversion_type = 'sqo'"):
        deal = deals[conversion.opportunity_id]
        for content in (used[conversion.conversion_id] - {None}) or {None}:
            counts = outcomes[quarter(conversion.converted_date), content]
            counts[0] += 1
            counts[1] += deal.is_won
            counts[2] += deal.is_closed and not deal.is_won
            counts[3] += (deal.amount or 0) if deal.is_won else 0
    assert {
        (row.quarter_start_date, row.content_id): [row.sqos, row.won_deals, row.lost_deals, row.won_value]
        for row in rows(build, "alignment.rpt_content_use", "scope = 'deals'")
    } == outcomes
    assert any(content is None for _, content in outcomes)


def test_content_suggested_in_the_work_queue(build) -> None:
    uses, entries = uses_of_content(build)
    in_cycle, by_person = defaultdict(set), defaultdict(set)
    for person, content, entry_id in uses:
        by_person[person].add(content)
        if entry_id and entries[entry_id].stage_order <= 3:
            in_cycle[entries[entry_id].lead_cycle_id].add(content)
    went_on = defaultdict(set)
    for entry in entries.values():
        if entry.stage == "mql" and not entry.is_inferred and entry.is_converted_in_window:
            went_on[entry.persona or "(unknown)"].add(entry.lead_cycle_id)
            went_on["(all)"].add(entry.lead_cycle_id)
    used = {persona: Counter(c for cycle in cycles for c in in_cycle[cycle]) for persona, cycles in went_on.items()}
    queue = rows(build, "funnel.rpt_work_queue")
    assert len(queue) > 5
    for lead in queue:
        expected = None
        for persona in (lead.persona or "(unknown)", "(all)"):
            left = [
                (-people, content)
                for content, people in used.get(persona, {}).items()
                if people >= 3 and content not in by_person[lead.person_id]
            ]
            if left and expected is None:
                people, expected = min(left)
                said = f"used by {-people} of the {len(went_on[persona])} "
                assert lead.suggested_because.startswith(said)
                assert ("any persona" in lead.suggested_because) == (persona == "(all)")
        assert lead.suggested_content_id == expected
    assert any(lead.suggested_content_id for lead in queue)


def worth_of_mqls(build, as_of: datetime) -> dict[str, Decimal]:
    year_ago = as_of.replace(year=as_of.year - 1)
    won, mqls = defaultdict(Decimal), Counter()
    for cycle in rows(build, "funnel.fct_lead_cycles", "grade is not null"):
        if cycle.won_at is not None and cycle.won_at > year_ago:
            won[cycle.grade] += cycle.amount or 0
        if cycle.mql_at is not None and cycle.mql_at > year_ago and not cycle.is_mql_inferred:
            mqls[cycle.grade] += 1
    return {grade: (won[grade] / count).quantize(CENT, ROUND_HALF_UP) for grade, count in mqls.items()}


def test_buyer_seams(build) -> None:
    (as_of,) = build.execute("select as_of from audit.build_context").fetchone()
    teams = {row.rep_id: row.rep_group or "(not named)" for row in rows(build, "core.dim_reps")}
    worth = worth_of_mqls(build, as_of)
    deals = {row.opportunity_id: row for row in rows(build, "core.fct_opportunities")}
    cycles = {row.lead_cycle_id: row for row in rows(build, "funnel.fct_lead_cycles")}
    people = {row.person_id: row for row in rows(build, "core.dim_people", "not is_excluded")}
    expected = {}

    def team_of(rep: str | None) -> str:
        return teams.get(rep, "(not named)") if rep else "(nobody)"

    def money(deal: Any, grade: str | None = None) -> Decimal:
        if deal is None:
            return worth.get(grade, Decimal(0))
        return next((value for value in (deal.last_open_amount, deal.amount) if value is not None), Decimal(0))

    for handoff in rows(build, "funnel.fct_handoffs", "is_handed_over"):
        worth_of_lead = money(deals.get(cycles[handoff.lead_cycle_id].opportunity_id), handoff.grade)
        heard = handoff.first_touch_at or min(handoff.ended_at or END, handoff.data_cut_at)
        silent = max((heard - handoff.handed_over_at) / DAY, 0)
        if handoff.first_touch_at or silent > 7:
            key = f"silence_after_handoff:{handoff.lead_cycle_id}"
            expected[key] = (team_of(handoff.rep_id), silent > 7, silent, worth_of_lead, handoff.handed_over_at.date())
        if handoff.owners:
            key, changes = f"owner_changes_of_lead:{handoff.lead_cycle_id}", handoff.owners - 1
            day = handoff.handed_over_at.date()
            expected[key] = (team_of(handoff.last_owner_rep_id), changes > 0, changes, worth_of_lead, day)

    owners = defaultdict(list)
    for state in sorted(rows(build, "intermediate.int_opportunity_states"), key=lambda s: s.state_number):
        if state.rep_id:
            owners[state.opportunity_id].append(state.rep_id)
    by_party = defaultdict(list)
    for deal in deals.values():
        by_party[deal.account_id or deal.person_id].append(deal)
        if owners[deal.opportunity_id]:
            held = owners[deal.opportunity_id]
            changes = sum(one != other for one, other in pairwise(held))
            key = f"owner_changes_of_deal:{deal.opportunity_id}"
            expected[key] = (team_of(deal.rep_id), changes > 0, changes, money(deal), deal.created_date)

    mails, written = Counter(), defaultdict(lambda: defaultdict(list))
    for mail in rows(build, "intermediate.int_activities", "activity_type = 'email_sent' and is_activity"):
        if mail.person_id not in people or not (mail.team == "marketing" or mail.is_human_touch):
            continue
        written[mail.person_id, mail.occurred_at.date()][mail.team].append(mail)
        if mail.team == "marketing":
            for deal in by_party[people[mail.person_id].account_id or mail.person_id]:
                if deal.created_at <= mail.occurred_at < (deal.closed_at or END):
                    mails[deal.opportunity_id] += 1
    for deal in deals.values():
        if deal.opportunity_type != "renewal":
            sent, key = mails[deal.opportunity_id], f"nurture_during_deal:{deal.opportunity_id}"
            expected[key] = (team_of(deal.rep_id), sent > 0, sent, money(deal), deal.created_date)
    for (person, day), by_team in written.items():
        if by_team["sales"]:
            first = min(mail.occurred_at for mail in by_team["sales"])
            rep = max((mail.rep_id for mail in by_team["sales"] if mail.rep_id), default=None)
            of_party = by_party[people[person].account_id or person]
            open_then = [deal for deal in of_party if deal.created_at <= first < (deal.closed_at or END)]
            largest = max(map(money, open_then), default=Decimal(0))
            sent = len(by_team["marketing"])
            expected[f"both_teams_wrote:{person}:{day}"] = (team_of(rep), sent > 0, sent, largest, day)

    found = {row.seam_id: row for row in rows(build, "alignment.fct_buyer_seams")}
    assert found.keys() == expected.keys()
    for key, (team, is_case, extent, amount, day) in expected.items():
        row = found[key]
        assert (row.owner_team, row.is_case, row.money, row.seam_date) == (team, is_case, amount, day), key
        assert row.extent == pytest.approx(extent), key
    assert Counter(row.seam for row in found.values() if row.is_case).keys() >= {
        "silence_after_handoff",
        "owner_changes_of_deal",
        "nurture_during_deal",
        "both_teams_wrote",
    }

    groups = defaultdict(list)
    for row in found.values():
        groups[row.seam_date.replace(day=1), row.seam, row.owner_team].append(row)
    months = {(row.period_month, row.seam, row.owner_team): row for row in rows(build, "alignment.rpt_buyer_seams")}
    assert months.keys() == groups.keys()
    for key, members in groups.items():
        cases, row = [member for member in members if member.is_case], months[key]
        assert (row.base, row.cases) == (len(members), len(cases))
        assert row.case_rate == pytest.approx(len(cases) / len(members))
        assert row.money == sum((case.money for case in cases), Decimal(0))
        assert row.extent == pytest.approx(sum(case.extent for case in cases), abs=1e-9)
        assert row.worst_extent == max((case.extent for case in cases), default=None)

    ranked = defaultdict(list)
    for row in found.values():
        if row.is_case:
            ranked[row.seam, quarter(row.seam_date)].append(row)
    listed = {row.seam_id: row.place for row in rows(build, "alignment.rpt_buyer_seam_cases")}
    worst = {}
    for cases in ranked.values():
        cases.sort(key=lambda row: (-row.money, -row.extent, row.seam_id))
        worst |= {row.seam_id: place for place, row in enumerate(cases[:25], start=1)}
    assert listed == worst


def test_competitors(build) -> None:
    closed = rows(build, "core.fct_opportunities", "is_closed")
    quarters = {quarter(deal.closed_date) for deal in closed}
    groups, totals = defaultdict(list), defaultdict(list)
    for deal in closed:
        for period in year_ends(quarter(deal.closed_date), quarters):
            groups[*period, deal.opportunity_type, deal.competitor or "(not known)"].append(deal)
            totals[*period, deal.opportunity_type].append(deal)
    found = {
        (row.period_grain, row.quarter_start_date, row.opportunity_type, row.competitor): row
        for row in rows(build, "alignment.rpt_competitors")
    }
    assert found.keys() == groups.keys()
    assert len({competitor for *_, competitor in found}) == 3
    for key, deals in groups.items():
        row, won = found[key], [deal for deal in deals if deal.is_won]
        lost = [deal for deal in deals if not deal.is_won]
        won_value = sum((deal.amount or 0 for deal in won), Decimal(0))
        lost_value = sum((deal.last_open_amount or 0 for deal in lost), Decimal(0))
        assert (row.closed_deals, row.won_deals, row.lost_deals) == (len(deals), len(won), len(lost))
        assert (row.won_value, row.lost_value) == (won_value, lost_value)
        assert row.win_rate == pytest.approx(len(won) / len(deals))
        assert (row.win_rate_low, row.win_rate_high) == pytest.approx(interval(len(won), len(deals)))
        assert row.win_rate_by_value == pytest.approx(float(won_value / (won_value + lost_value)))
        known = sum(deal.competitor is not None for deal in totals[key[:3]])
        assert (row.known_deals, row.all_closed_deals) == (known, len(totals[key[:3]]))
        assert row.known_share == pytest.approx(known / len(totals[key[:3]]))
        assert row.is_known == (key[3] != "(not known)")
