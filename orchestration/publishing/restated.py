"""Every change of a closed month's figure, build by build, with what caused it as the records say.

A figure is frozen when it is first reported. From then on each published build that has another one than the build
before adds its change here, so that the reported figure and all changes make the present one. What differs between the
two builds is on record: their loads and now, their code, what their definitions say, and who is one person in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from orchestration.build_context import RESTATEMENT_COLUMNS

LATE_DATA, MERGE, DEFINITION, CODE = "late data", "merge", "definition", "code"
SEVERAL, UNKNOWN = "several", "not on record"
# Metrics that count entries of people, so that the part of a person can be told.
_STAGES = {"leads": "lead", "mqls": "mql", "sals": "sal", "sqls": "sql", "sqos": "sqo"}
_BRIDGE, _ENTRIES = "core.bridge_person_records", "funnel.fct_stage_entries"
_FILES_NAMED = 5


def write_restatements(
    connection: duckdb.DuckDBPyConnection, present: Mapping[str, Mapping[str, str]], build_id: str, published: Path
) -> int:
    """Write `warehouse.audit.restatements`; returns how many figures of closed months this build changes.

    Args:
        connection: With the build file attached as `build`, the new file as `warehouse` with its builds and reported
            figures, and the figures of closed months in the temporary table `figures`.
        present: Columns by `schema.table` of the build file.
        build_id: The build that is being published.
        published: The link to the build before.
    """
    kept = "build.audit.restatements" if "causes" in present.get("audit.restatements", {}) else None
    connection.execute(f"create table warehouse.audit.restatements ({RESTATEMENT_COLUMNS})")
    if kept:
        connection.execute(f"insert into warehouse.audit.restatements by name select * from {kept}")
    connection.execute(
        """create or replace temp table restated as
        with changed_so_far as (
            select metric, period_month, sum(difference) as difference
            from warehouse.audit.restatements group by metric, period_month
        ),
        standing as (
            select frozen.metric, frozen.period_month, frozen.reported_value, frozen.build_id as reported_build_id,
                (frozen.reported_value + coalesce(changed_so_far.difference, 0))::decimal(38, 2) as previous_value
            from warehouse.audit.reported_builds as frozen
            left join changed_so_far using (metric, period_month)
        )
        -- A month that has no figure any more is a restatement to nothing.
        select standing.*, coalesce(figures.value, 0)::decimal(38, 2) as current_value
        from standing
        inner join build.audit.builds as now on now.build_id = $build_id
        left join figures using (metric, period_month)
        where standing.previous_value <> coalesce(figures.value, 0)
            -- A build at an earlier now does not restate months that are not closed for it.
            and standing.period_month + interval 1 month <= now.as_of""",
        {"build_id": build_id},
    )
    ((changed,),) = connection.execute("select count(*) from restated").fetchall()
    if changed:
        _explain(connection, present, build_id, _attach_previous(connection, published))
    return int(changed)


def _attach_previous(connection: duckdb.DuckDBPyConnection, published: Path) -> bool:
    """Attach what is published now as `previous`, where there is any; its connection's transaction holds it."""
    if not published.exists():
        return False
    path = str(published.resolve()).replace("'", "''")
    connection.execute(f"attach '{path}' as previous (read_only)")
    return True


def _explain(
    connection: duckdb.DuckDBPyConnection, present: Mapping[str, Mapping[str, str]], build_id: str, attached: bool
) -> None:
    previous = _build(connection, "status = 'published' and build_id <> ?", build_id)
    now = _build(connection, "build_id = ?", build_id)
    causes: dict[str, str] = {}
    if previous and previous["schedule_hash"] is not None and now["schedule_hash"] is not None:
        is_other = previous["schedule_hash"] != now["schedule_hash"]
    else:
        is_other = bool(previous) and previous["definitions_hash"] != now["definitions_hash"]
    if previous and is_other:
        before, after = previous["definition_version"] or "none", now["definition_version"] or "none"
        causes[DEFINITION] = f"version in force {before}, now {after}; agreed tables changed"
    if previous and previous["code_hash"] != now["code_hash"]:
        causes[CODE] = f"code {previous['code_hash'][:12]}, now {now['code_hash'][:12]}"
    if previous and (previous["last_load_number"], previous["as_of"]) != (now["last_load_number"], now["as_of"]):
        causes[LATE_DATA] = _loads(connection, previous, now, present)
    joined = _write_joined(connection, attached)
    if joined:
        causes[MERGE] = f"{joined} people joined or taken apart"
    connection.execute(
        "create or replace temp table shares (metric varchar, period_month date, difference decimal(38, 2))"
    )
    if MERGE in causes and set(causes) <= {LATE_DATA, MERGE}:
        _share_of_joined(connection)
        # Evidence that joins people came with the same loads; what else these brought is the rest.
        causes.setdefault(LATE_DATA, "rows of the same people")
    alone = [cause for cause in causes if cause != MERGE] if set(causes) <= {LATE_DATA, MERGE} else list(causes)
    rest = alone[0] if len(alone) == 1 else SEVERAL if alone else UNKNOWN
    listed = ", ".join(causes) or UNKNOWN
    evidence = "; ".join(f"{cause}: {text}" for cause, text in causes.items()) or "no difference between the builds"
    connection.execute(
        """insert into warehouse.audit.restatements by name
        with parts as (
            select restated.*, coalesce(shares.difference, 0)::decimal(38, 2) as of_joined,
                (current_value - previous_value)::decimal(38, 2) as difference_of_all
            from restated left join shares using (metric, period_month)
        ),
        split as (
            select * exclude (of_joined, difference_of_all), $rest as cause,
                (difference_of_all - of_joined)::decimal(38, 2) as difference
            from parts where difference_of_all <> of_joined
            union all by name
            select * exclude (of_joined, difference_of_all), $merge as cause, of_joined as difference
            from parts where of_joined <> 0
        )
        select
            metric, period_month, $build_id as build_id, cause,
            case when cause = $several then $listed else cause end as causes,
            $evidence as evidence, reported_value,
            case when cause = $merge then current_value - difference else previous_value end as previous_value,
            case when cause = $merge then current_value else previous_value + difference end as current_value,
            difference, reported_build_id, $previous as previous_build_id,
            (select published_at from warehouse.audit.builds where build_id = $build_id) as restated_at
        from split""",
        {
            "rest": rest,
            "merge": MERGE,
            "several": SEVERAL,
            "listed": listed,
            "evidence": evidence,
            "build_id": build_id,
            "previous": previous["build_id"] if previous else None,
        },
    )


def _build(connection: duckdb.DuckDBPyConnection, which: str, build_id: str) -> dict:
    columns = ["build_id", "as_of", "definition_version", "schedule_hash"]
    columns += ["definitions_hash", "code_hash", "last_load_number"]
    rows = connection.execute(
        f"select {', '.join(columns)} from build.audit.builds where {which} order by build_number desc limit 1",
        [build_id],
    ).fetchall()
    return dict(zip(columns, rows[0], strict=True)) if rows else {}


def _loads(
    connection: duckdb.DuckDBPyConnection, previous: Mapping, now: Mapping, present: Mapping[str, Mapping[str, str]]
) -> str:
    """What arrived between two builds, in words."""
    files: list[tuple[str, int, int]] = []
    if {"load_number", "system", "object", "load_id"} <= set(present.get("audit.loads", {})):
        files = connection.execute(
            "select system || '/' || object as extract, count(*) as files, sum(rows_accepted)::bigint as accepted"
            " from build.audit.loads where load_number > ? and load_number <= ? group by all order by extract",
            [previous["last_load_number"] or 0, now["last_load_number"] or 0],
        ).fetchall()
    if not files:
        return f"data cut {previous['as_of']:%Y-%m-%d %H:%M}, now {now['as_of']:%Y-%m-%d %H:%M}"
    named = ", ".join(f"{extract} ({rows} rows accepted)" for extract, _, rows in files[:_FILES_NAMED])
    more = f" and {len(files) - _FILES_NAMED} more extracts" if len(files) > _FILES_NAMED else ""
    return (
        f"loads {(previous['last_load_number'] or 0) + 1} to {now['last_load_number']},"
        f" {sum(count for _, count, _ in files)} files: {named}{more}"
    )


def _write_joined(connection: duckdb.DuckDBPyConnection, attached: bool) -> int:
    """Write who is another person now, though no record of theirs is new; returns how many people they are."""
    connection.execute("create or replace temp table joined (old_person_id varchar, new_person_id varchar)")
    if not attached:
        return 0
    for database in ("previous", "build"):
        found = connection.execute(
            "select count(*) from duckdb_tables()"
            " where database_name = ? and schema_name || '.' || table_name in (?, ?)",
            [database, _BRIDGE, _ENTRIES],
        ).fetchall()
        if found[0][0] != 2:
            return 0
    connection.execute(
        f"""insert into joined
        with in_both as (
            select distinct before.person_id as old_person_id, after.person_id as new_person_id
            from previous.{_BRIDGE} as before
            inner join build.{_BRIDGE} as after using (system, object, record_id)
        )
        select old_person_id, new_person_id from in_both
        where
            new_person_id in (
                select new_person_id from in_both group by new_person_id having count(distinct old_person_id) > 1
            )
            or old_person_id in (
                select old_person_id from in_both group by old_person_id having count(distinct new_person_id) > 1
            )"""
    )
    ((people,),) = connection.execute("select count(distinct old_person_id) from joined").fetchall()
    return int(people)


def _share_of_joined(connection: duckdb.DuckDBPyConnection) -> None:
    """How far a count of entries changed with people who were joined or taken apart."""
    names = " ".join(f"when '{stage}' then '{metric}'" for metric, stage in _STAGES.items())
    connection.execute(
        f"""insert into shares
        with entries as (
            select stage, entered_date, 1 as counted from build.{_ENTRIES}
            where not is_inferred and person_id in (select new_person_id from joined)
            union all
            select stage, entered_date, -1 as counted from previous.{_ENTRIES}
            where not is_inferred and person_id in (select old_person_id from joined)
        ),
        by_metric as (
            select case stage {names} end as metric, date_trunc('month', entered_date)::date as period_month, counted
            from entries
        )
        select metric, period_month, sum(counted)::decimal(38, 2) as difference
        from by_metric inner join restated using (metric, period_month)
        group by metric, period_month"""
    )
