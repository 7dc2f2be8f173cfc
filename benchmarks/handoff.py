"""The hand-off at growing size: the clock of every hand-off, and who stood in the queue at every first touch.

The hand-offs are invented, three years of them over a hundred reps of three calendars, so that ten times as many make
queues ten times as long: a third is answered within the hour, most within days, one in six never; one in twelve changes
its owner. What runs is the project's own SQL as dbt compiles it. Each size has a process of its own.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks import compiled
from benchmarks.processes import BenchmarkError, Usage, measure
from orchestration.settings import PROJECT_ROOT

MODELS = ("int_business_calendars", "int_business_intervals", "fct_handoffs", "fct_handoff_owners", "fct_queue_choices")
CLOCK = ("fct_handoffs", "fct_handoff_owners")
QUEUE = ("fct_queue_choices",)
MEMORY_LIMIT = "2500MB"
THREADS = 2
REPS = 100
_SEEDS = ("business_calendars", "holidays", "sla_targets", "handoff_matrix")
_AS_OF = "timestamp '2026-06-30 00:00:00'"
_FOREVER = "timestamp '9999-12-31 00:00:00'"


@dataclass(frozen=True)
class HandoffRun:
    """The models over the hand-offs once.

    Attributes:
        usage: of the whole process.
        seconds: by model, as time passed.
        cpu_seconds: by model, processor time of all threads.
        figures: what they found: rows, due, choices, choices with somebody better waiting.
    """

    usage: Usage
    seconds: Mapping[str, float]
    cpu_seconds: Mapping[str, float]
    figures: Mapping[str, int]

    def cpu_of(self, models: Sequence[str]) -> float:
        """Processor seconds of these models."""
        return sum(self.cpu_seconds[name] for name in models)


def compile_models(folder: Path) -> None:
    """Write the SQL of the models into the folder."""
    compiled.compile_models(folder, MODELS, "handoffs.duckdb")


def prepare(folder: Path, handoffs: int) -> Path:
    """Write everything that the models read into a DuckDB file, for so many hand-offs."""
    path = folder / str(handoffs) / "handoffs.duckdb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with _opened(path) as connection:
        for schema in ("staging", "intermediate", "definitions", "funnel"):
            connection.execute(f"create schema {schema}")
        connection.execute(f"create table staging.stg_concord__build_context as select {_AS_OF} as as_of")
        for name in _SEEDS:
            connection.execute(
                f"create table definitions.{name} as"
                f" select * from read_csv('{PROJECT_ROOT / 'seeds' / name}.csv', nullstr = '', all_varchar = true)"
            )
            _type(connection, name)
        for name, query in _inputs(handoffs).items():
            connection.execute(f"create table {name} as {query}")
    return path


def _type(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Give the agreed table the types that its YAML declares."""
    import yaml

    document = yaml.safe_load((PROJECT_ROOT / "seeds" / f"{name}.yml").read_text())
    for column, kind in document["seeds"][0]["config"]["column_types"].items():
        connection.execute(f'alter table definitions.{name} alter column "{column}" type {kind}')


def _inputs(handoffs: int) -> dict[str, str]:
    """The query of each input; every figure is a hash of the hand-off's number, so that they are always the same."""
    grades = "['A1', 'A2', 'A3', 'B1', 'B2', 'C1']"
    seconds = 3 * 365 * 86_400
    # Assigned within minutes; the answer by powers of ten from seconds to weeks; the end a month later.
    invented = f"""
        select
            'lead' || lpad(cast(i as varchar), 9, '0') as lead_cycle_id,
            'person' || lpad(cast(i as varchar), 9, '0') as person_id,
            timestamp '2023-07-01' + to_seconds(hash(i, 1) % {seconds}) as mql_at,
            mql_at + to_seconds(hash(i, 2) % 600) as handed_over_at,
            handed_over_at + to_seconds(hash(i, 3) % 5400) as assigned_at,
            case
                when hash(i, 4) % 6 > 0
                    then assigned_at + to_seconds(cast(pow(10, 1 + 5.3 * (hash(i, 5) % 10007) / 10007) as bigint))
            end as touched_at,
            hash(i, 12) % 12 = 0 as is_handed_on,
            'crm:rep' || (hash(i, 6) % {REPS}) as first_rep_id,
            'crm:rep' || (hash(i, 7) % {REPS}) as second_rep_id,
            assigned_at + to_seconds(3600 + hash(i, 13) % 260000) as handed_on_at,
            coalesce(touched_at, assigned_at) + interval 30 day as ended_at,
            {grades}[1 + cast(hash(i, 8) % 6 as integer)] as grade,
            case when hash(i, 9) % 3 = 0 then 'hot' else 'warm' end as temperature,
            hash(i, 10) % 9 = 0 as is_hand_raise,
            hash(i, 11) % 14 = 0 as is_won
        from range({handoffs}) as numbers (i)
    """
    nothing: dict[str, Sequence[str]] = {
        "intermediate.int_handoff_last_places": (
            "lead_cycle_id varchar", "last_place varchar", "last_seen_record_key varchar", "last_seen_at timestamp",
        ),
        "intermediate.int_activities": (
            "person_id varchar", "occurred_at timestamp", "is_touch boolean", "is_activity boolean", "team varchar",
        ),
    }  # fmt: skip
    return {
        "intermediate.invented": invented,
        "intermediate.int_cycles": "select lead_cycle_id, mql_at as opened_at from intermediate.invented",
        "intermediate.int_definition_versions": "select '1' as version, '1' as handoff_matrix_version",
        "intermediate.int_rep_calendars": (
            "select 'crm:rep' || i as rep_id, ['americas', 'emea', 'apac'][1 + cast(i % 3 as integer)] as calendar"
            f" from range({REPS}) as numbers (i)"
        ),
        "funnel.fct_stage_entries": (
            "select 'entry of ' || lead_cycle_id as entry_id, lead_cycle_id, person_id, 'account' as account_id,"
            " null::varchar as campaign_id, 'inbound' as motion, 'email' as channel, null::varchar as persona,"
            " null::varchar as segment, null::varchar as region, grade[1] as fit_grade, grade, temperature,"
            " '1' as definition_version, 'mql' as stage, false as is_inferred, cast(mql_at as date) as entered_date,"
            " mql_at as entered_at from intermediate.invented"
        ),
        "funnel.fct_lead_cycles": "select lead_cycle_id, is_won from intermediate.invented",
        "intermediate.int_handoffs": (
            "select lead_cycle_id, person_id, null::varchar as handed_over_record_key, 'stamp' as handed_over_by,"
            " 'crm:people:' || person_id as crm_record_key, null::varchar as exit_type, null::varchar as exit_reason,"
            " null::varchar as exit_side, is_hand_raise, false as is_accepted, mql_at, handed_over_at,"
            " handed_over_at as crm_arrived_at, null::timestamp as exited_at,"
            f" case when ended_at <= {_AS_OF} then ended_at end as ended_at, {_AS_OF} as data_cut_at"
            " from intermediate.invented"
        ),
        "intermediate.int_handoff_owner_spells": (
            "select lead_cycle_id, 1::bigint as owner_number, 'crm:people:' || person_id as record_key,"
            f" first_rep_id as rep_id, assigned_at as owned_from,"
            f" case when is_handed_on then handed_on_at else {_FOREVER} end as owned_until from intermediate.invented"
            " union all select lead_cycle_id, 2, 'crm:people:' || person_id, second_rep_id, handed_on_at,"
            f" {_FOREVER} from intermediate.invented where is_handed_on"
        ),
        "intermediate.int_handoff_responses": (
            "select lead_cycle_id, 'touch of ' || lead_cycle_id as first_touch_id,"
            " case when is_handed_on and touched_at >= handed_on_at then second_rep_id else first_rep_id end"
            " as first_touch_rep_id, touched_at as first_touch_at, null::timestamp as disposed_at,"
            " touched_at as first_response_at from intermediate.invented"
            f" where touched_at is not null and touched_at < {_AS_OF}"
        ),
        **{
            name: "select " + ", ".join(f"null::{kind} as {column}" for column, kind in map(str.split, listed))
            + " where false"
            for name, listed in nothing.items()
        },
    }  # fmt: skip


def run(path: Path) -> HandoffRun:
    """Run the models over the hand-offs of the file in a process of its own.

    Raises:
        BenchmarkError: it failed.
    """
    usage, output = measure([sys.executable, "-m", "benchmarks.handoff", str(path)], os.environ, PROJECT_ROOT)
    try:
        said = json.loads(output.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise BenchmarkError(f"the hand-offs said nothing that can be read: {output[-1000:]}") from None
    return HandoffRun(usage, said["seconds"], said["cpu_seconds"], said["figures"])


def growth(smaller: int, smaller_seconds: float, larger: int, larger_seconds: float) -> float:
    """How the seconds grew from one size to another, beside n log n: 1.0 is exactly that, 2.0 twice as much."""
    expected = larger * math.log2(larger) / (smaller * math.log2(smaller))
    return larger_seconds / smaller_seconds / expected


def _opened(path: Path) -> duckdb.DuckDBPyConnection:
    spill = str(path.parent / "spill")
    connection = duckdb.connect(
        str(path), config={"threads": THREADS, "memory_limit": MEMORY_LIMIT, "temp_directory": spill}
    )
    connection.execute("set TimeZone = 'UTC'; set preserve_insertion_order = false; set enable_progress_bar = false")
    return connection


def go(path: Path) -> dict[str, object]:
    """Run the models in this process, and check what can be known of their result."""
    sql = compiled.read_compiled(path.parent.parent)
    seconds: dict[str, float] = {}
    cpu_seconds: dict[str, float] = {}
    with _opened(path) as connection:
        for name in MODELS:
            schema = "intermediate" if name.startswith("int_") else "funnel"
            began, used = time.monotonic(), time.process_time()
            connection.execute(f"create or replace table {schema}.{name} as {sql[name]}")
            seconds[name], cpu_seconds[name] = time.monotonic() - began, time.process_time() - used
        found = connection.execute(
            """
            select
                (select count(*) from intermediate.invented), (select count(*) from funnel.fct_handoffs),
                (select count(*) filter (is_due) from funnel.fct_handoffs),
                (select count(*) filter (due_at is null) from funnel.fct_handoffs),
                (select count(*) from intermediate.int_handoff_responses),
                (select count(*) from funnel.fct_queue_choices),
                (select count(*) filter (skipped_better) from funnel.fct_queue_choices),
                (select max(better_waiting) from funnel.fct_queue_choices)
            """
        ).fetchall()[0]
    names = ("invented", "handoffs", "due", "without_due", "touched", "choices", "skips", "longest_queue")
    figures = dict(zip(names, map(int, found), strict=True))
    if (
        figures["handoffs"] != figures["invented"]
        or figures["without_due"]
        or figures["choices"] != figures["touched"]
        or not figures["skips"]
    ):
        raise BenchmarkError(f"the hand-offs are not what was invented: {figures}")
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "figures": figures}


if __name__ == "__main__":
    print(json.dumps(go(Path(sys.argv[1]))))
