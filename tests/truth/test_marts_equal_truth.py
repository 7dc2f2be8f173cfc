"""The marts say what is true of the demo company, row for row, both ways."""

from __future__ import annotations

import duckdb
import pytest

pytestmark = pytest.mark.slow

Rows = list[tuple]


def both_ways(built: duckdb.DuckDBPyConnection, truth: str, marts: str) -> tuple[int, Rows, Rows]:
    """How many rows the truth has, what only the truth has and what only the marts have."""
    count = built.execute(f"select count(*) from ({truth})").fetchone()[0]
    only_truth = built.execute(f"({truth}) except all ({marts}) order by all limit 20").fetchall()
    only_marts = built.execute(f"({marts}) except all ({truth}) order by all limit 20").fetchall()
    return count, only_truth, only_marts


def test_every_record_is_in_the_bridge_once(built: duckdb.DuckDBPyConnection) -> None:
    count, missing, surplus = both_ways(
        built,
        "select system, object, record_id from memory.truth.people",
        "select system, object, record_id from core.bridge_person_records",
    )
    assert count > 1_000
    assert (missing, surplus) == ([], [])


def test_no_person_holds_records_of_two_people(built: duckdb.DuckDBPyConnection) -> None:
    mixed = built.execute(
        """
        select person_id, list(distinct true_person)
        from core.bridge_person_records inner join memory.truth.people using (system, object, record_id)
        group by person_id having count(distinct true_person) > 1
        """
    ).fetchall()
    assert mixed == []


def test_nobody_is_split_whom_evidence_holds_together(built: duckdb.DuckDBPyConnection) -> None:
    split = built.execute(
        """
        select true_person, list(record_id), list(reason)
        from core.bridge_person_records inner join memory.truth.people using (system, object, record_id)
        where is_joined
        group by true_person having count(distinct person_id) > 1
        """
    ).fetchall()
    assert split == []


def test_records_without_evidence_stand_alone(built: duckdb.DuckDBPyConnection) -> None:
    """Shared mailboxes, and second contacts that nothing deterministic ties to the first."""
    rows = built.execute(
        """
        select p.record_id, p.reason, count(*)
        from memory.truth.people as p
        inner join core.bridge_person_records as mine using (system, object, record_id)
        inner join core.bridge_person_records as all_of on all_of.person_id = mine.person_id
        where not p.is_joined
        group by all
        """
    ).fetchall()
    assert {reason for _, reason, _ in rows} >= {"shared mailbox", "no deterministic evidence"}
    assert [row for row in rows if row[2] != 1] == []


def test_exclusions(built: duckdb.DuckDBPyConnection) -> None:
    count, missing, surplus = both_ways(
        built,
        "select true_person, reason from memory.truth.exclusions",
        """
        select matched.true_person, people.exclusion_reason
        from core.dim_people as people inner join memory.truth.matched using (person_id)
        where people.is_excluded
        """,
    )
    assert count > 10
    assert (missing, surplus) == ([], [])


def test_links_of_opportunities_to_people(built: duckdb.DuckDBPyConnection) -> None:
    count, missing, surplus = both_ways(
        built,
        "select opportunity_id, link_evidence, true_person from memory.truth.opportunities",
        """
        select opportunities.record_id, opportunities.link_evidence, matched.true_person
        from core.fct_opportunities as opportunities
        left join memory.truth.matched using (person_id)
        """,
    )
    assert count > 50
    assert (missing, surplus) == ([], [])


def test_opportunities(built: duckdb.DuckDBPyConnection) -> None:
    count, missing, surplus = both_ways(
        built,
        """
        select opportunity_id, opportunity_type, account_id, stage, amount, currency, created_at, won_at, owner_id
        from memory.truth.opportunities
        """,
        """
        select record_id, opportunity_type, split_part(account_id, ':', 2), stage, original_amount,
            original_currency, created_at, won_at, split_part(rep_id, ':', 2)
        from core.fct_opportunities
        """,
    )
    assert count > 50
    assert (missing, surplus) == ([], [])


def test_stage_ledger(built: duckdb.DuckDBPyConnection) -> None:
    """Every entry of every linked person: cycle, motion, stage, moment, inferred or not, opportunity."""
    count, missing, surplus = both_ways(
        built,
        """
        select true_person, cycle, motion, stage, entered_at, is_inferred, opportunity_id
        from memory.truth.stages where true_person is not null
        """,
        """
        select matched.true_person, entries.cycle_number, entries.motion, entries.stage, entries.entered_at,
            entries.is_inferred,
            case when entries.stage in ('sqo', 'won') then split_part(entries.opportunity_id, ':', 2) end
        from funnel.fct_stage_entries as entries
        inner join memory.truth.matched using (person_id)
        """,
    )
    assert count > 1_500
    assert (missing, surplus) == ([], [])


def test_stage_ledger_of_unlinked_opportunities(built: duckdb.DuckDBPyConnection) -> None:
    count, missing, surplus = both_ways(
        built,
        """
        select opportunity_id, stage, entered_at, is_inferred
        from memory.truth.stages where true_person is null
        """,
        """
        select split_part(opportunity_id, ':', 2), stage, entered_at, is_inferred
        from funnel.fct_stage_entries where person_id is null and stage in ('sqo', 'won')
        """,
    )
    assert count > 1
    assert (missing, surplus) == ([], [])


def test_exits(built: duckdb.DuckDBPyConnection) -> None:
    count, missing, surplus = both_ways(
        built,
        """
        select true_person, cycle, exit_type, exit_reason, exited_at
        from memory.truth.cycles where true_person is not null and exited_at is not null
        """,
        """
        select matched.true_person, cycles.cycle_number, cycles.exit_type, cycles.exit_reason, cycles.exited_at
        from funnel.fct_lead_cycles as cycles
        inner join memory.truth.matched using (person_id)
        where cycles.exited_at is not null
        """,
    )
    assert count > 100
    assert (missing, surplus) == ([], [])


def test_grades_are_those_of_the_moment(built: duckdb.DuckDBPyConnection) -> None:
    count, missing, surplus = both_ways(
        built,
        """
        select stages.true_person, stages.cycle, cycles.mql_grade
        from memory.truth.stages inner join memory.truth.cycles using (true_person, cycle)
        where stages.stage = 'mql' and not stages.is_inferred
        """,
        """
        select matched.true_person, entries.cycle_number, entries.grade
        from funnel.fct_stage_entries as entries
        inner join memory.truth.matched using (person_id)
        where entries.stage = 'mql' and not entries.is_inferred
        """,
    )
    assert count > 200
    assert (missing, surplus) == ([], [])


def test_handoffs(built: duckdb.DuckDBPyConnection) -> None:
    """Moments of every hand-off, and its fate; what the truth calls open is pending or already overdue."""
    of_marts = """
        from funnel.fct_handoffs as handoffs
        inner join funnel.fct_stage_entries as entries using (entry_id)
        inner join memory.truth.matched on matched.person_id = handoffs.person_id
    """
    count, missing, surplus = both_ways(
        built,
        """
        select true_person, cycle, mql_at, handed_over_at, assigned_at, first_touch_at,
            case when assigned_at is not null then rep_id end
        from memory.truth.handoffs
        """,
        f"""
        select true_person, entries.cycle_number, handoffs.mql_at, handoffs.handed_over_at, handoffs.assigned_at,
            handoffs.first_touch_at, split_part(handoffs.rep_id, ':', 2)
        {of_marts}
        """,
    )
    assert count > 200
    assert (missing, surplus) == ([], [])
    fates = built.execute(
        f"""
        select truth.fate, handoffs.fate, count(*)
        {of_marts}
        inner join memory.truth.handoffs as truth
            on truth.true_person = matched.true_person and truth.cycle = entries.cycle_number
        group by all
        """
    ).fetchall()
    assert {planted for planted, _, _ in fates} >= {
        "not_handed_over", "lost_between_systems", "rejected", "recycled", "worked_in_sla", "worked_late",
        "untouched_overdue",
    }  # fmt: skip
    assert sum(rows for _, _, rows in fates) == count
    assert [pair for *pair, _ in fates if pair[0] not in ("open", pair[1])] == []
    assert {found for planted, found, _ in fates if planted == "open"} <= {"pending", "untouched_overdue"}


def test_touches_are_the_real_ones_of_the_right_people(built: duckdb.DuckDBPyConnection) -> None:
    count, missing, surplus = both_ways(
        built,
        "select activity_id, true_person, occurred_at from memory.truth.touches where is_real",
        """
        select touches.touch_id, matched.true_person, touches.touched_at
        from core.fct_touches as touches
        left join memory.truth.matched using (person_id)
        """,
    )
    assert count > 15_000
    assert (missing, surplus) == ([], [])


def test_contracts_and_their_recurring_revenue(built: duckdb.DuckDBPyConnection) -> None:
    """When each contract ends, and what it is worth in each month, in its own currency."""
    count, missing, surplus = both_ways(
        built,
        "select opportunity_id, account_id, starts_on, ends_on, monthly_amount, currency from memory.truth.contracts",
        """
        select split_part(opportunity_id, ':', 2), split_part(account_id, ':', 2), start_date, end_date,
            original_monthly_amount, original_currency
        from revenue.fct_contracts
        """,
    )
    assert count > 25
    assert (missing, surplus) == ([], [])
    count, missing, surplus = both_ways(
        built,
        'select opportunity_id, account_id, currency, "month", monthly_amount from memory.truth.mrr',
        """
        select split_part(opportunity_id, ':', 2), split_part(account_id, ':', 2), original_currency, period_month,
            original_monthly_amount
        from revenue.fct_contract_months
        """,
    )
    assert count > 250
    assert (missing, surplus) == ([], [])
    ended = built.execute(
        "select count(*) from revenue.fct_contracts where end_reason = 'expansion of the renewed'"
    ).fetchone()
    assert ended[0] > 0, "no renewal ends an expansion, so that rule is not shown"
