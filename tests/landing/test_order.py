"""The same files give the same rows, whether they come one by one, together or shuffled."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.landing.conftest import LANDED_AT, Company, customer, deal

CUSTOMER = st.builds(
    lambda number, hour, name: customer(number, modified_at=f"2026-03-09T0{hour}:00:00Z", name=name),
    st.integers(1, 3), st.integers(1, 3), st.sampled_from(["A", "B"]),
)  # fmt: skip
DEAL = st.builds(
    lambda number, hour, parent, stage: deal(
        number, customer_id=f"C{parent}", modified_at=f"2026-03-09T0{hour}:00:00Z", stage=stage
    ),
    st.integers(1, 3), st.integers(1, 2), st.integers(1, 3), st.sampled_from(["open", "won", "unknown"]),
)  # fmt: skip
RATE = st.builds(
    lambda currency, rate: {"currency": currency, "valid_from": "2026-01-01", "rate": rate},
    st.sampled_from(["EUR", "GBP"]), st.sampled_from(["1.1", "1.2"]),
)  # fmt: skip


@st.composite
def deliveries(draw: st.DrawFn) -> list[tuple[str, list[dict[str, Any]]]]:
    """Files of the three extracts, each with a place and rows."""
    files = []
    for name, row in (("customers", CUSTOMER), ("deals", DEAL), ("rates", RATE)):
        # Few enough rows that no comparison with the files before is made: a file that was accepted stays so, even
        # where one that comes before it by name arrives later and would have set other bounds.
        contents = draw(st.lists(st.lists(row, min_size=1, max_size=4), min_size=1, max_size=3))
        files += [(f"{name}/{number}.csv", rows) for number, rows in enumerate(contents)]
    return files


def outcome(batches: list[list[tuple[str, list[dict[str, Any]]]]]) -> dict[str, list[tuple]]:
    """Deliver batch by batch, landing after each, and read what raw and quarantine then hold."""
    with tempfile.TemporaryDirectory() as folder:
        company = Company(Path(folder))
        for batch in batches:
            for place, rows in batch:
                company.deliver(place, rows)
            company.land(as_of=LANDED_AT)
        technical = "_file_name, _load_id, _load_number, _row_number, _last_delivery, _written_in"
        found = {
            name: company.query(f"select * exclude ({technical}) from raw.shop__{name} order by all")
            for name in ("customers", "deals", "rates")
        }
        found["held"] = company.query(
            "select object, file_name, row_number, record_key, broken_rules, raw_row from audit.quarantine order by all"
        )
        return found


@pytest.mark.slow
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(files=deliveries(), data=st.data())
def test_order_and_batching_of_deliveries_do_not_matter(
    files: list[tuple[str, list[dict[str, Any]]]], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(files))
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(files) - 1)), max_size=2)))
    bounds = [0, *cuts, len(files)]
    batches = [batch for start, end in pairwise(bounds) if (batch := shuffled[start:end])]
    assert outcome(batches) == outcome([files])
