"""Replays of definitions: where their results are kept in the build file, and what of them is published.

A replay is made apart from the main job (`make replay`), so its results are kept in tables of their own, which no
build touches. Each says what it was made from; where that is no longer what the build was made from, the replay is
published as stale, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from orchestration.publishing.tables import PublishedTable

# Kept in the build file only.
STORE = {
    "definition_replays": """
        version varchar primary key, content_hash varchar not null, schedule_hash varchar not null,
        code_hash varchar not null, as_of timestamp not null, last_load_number bigint, build_id varchar not null,
        replayed_at timestamp not null, changed_rules varchar not null, seconds double not null""",
    "replayed_figures": """
        version varchar not null, kpi varchar not null, period_month date not null, is_ratio boolean not null,
        in_force decimal(38, 6), replayed decimal(38, 6), in_force_numerator decimal(38, 2),
        in_force_denominator decimal(38, 2), replayed_numerator decimal(38, 2), replayed_denominator decimal(38, 2),
        primary key (version, kpi, period_month)""",
    "replayed_people": """
        version varchar not null, person_id varchar not null, change varchar not null, from_class varchar not null,
        to_class varchar not null, from_grade varchar, to_grade varchar, rules varchar not null,
        attribution varchar not null, in_force_entries integer not null, replayed_entries integer not null,
        primary key (version, person_id)""",
}
STALE_REASONS = (
    "the version is no longer declared",
    "the version says something else now",
    "the schedule in force is another one now",
    "the build is of newer data",
    "the code is another one now",
)

_CURRENT = {
    "is_current": "Whether the replay was made from what this build was made from; its figures are then comparable.",
    "stale_reason": "Why it is not current: " + "; ".join(STALE_REASONS) + ". Null where it is.",
}
REPLAY_TABLES: tuple[PublishedTable, ...] = (
    PublishedTable(
        "alignment",
        "dim_definition_replays",
        "One row per replayed definition version (`schedule`: the schedule in force, replayed as it is): what the last"
        " replay of it was made from, and whether it still holds.",
        {
            "definition_version": "The version that was replayed, or `schedule`.",
            "changed_rules": "Rules in which the version differs from the schedule in force, separated by semicolons;"
            " empty where it says the same.",
            "content_hash": "sha256 of all that the version said when it was replayed.",
            "schedule_hash": "sha256 of all agreed tables that decided figures beside it.",
            "code_hash": "Hash of the models, macros and contracts that it ran.",
            "build_id": "Build whose data it ran on.",
            "people_changed": "People with another class, grade or month of entry.",
            "classes_changed": "People among them with another class.",
            **_CURRENT,
            "as_of": "Now of that build, the data cut, UTC.",
            "replayed_at": "When it was replayed, UTC.",
        },
        (("definition_version",),),
        only_these=True,
    ),
    PublishedTable(
        "alignment",
        "rpt_definition_replay",
        "One row per replayed definition version, KPI and month: the figure under the schedule in force, and what it"
        " would have been had the version been in force all the time.",
        {
            "definition_version": "The version that was replayed, or `schedule`.",
            "kpi": "Metric, as in metrics.catalog.",
            "period_month": "First day of the month.",
            "is_ratio": "Whether the figure is a ratio; numerators and denominators are then filled.",
            "in_force": "The figure under the schedule in force; null: nothing to count or to divide by.",
            "replayed": "The figure under the version; null: nothing to count or to divide by.",
            "difference": "Replayed minus in force; null where either ratio is. A missing count is 0.",
            "in_force_numerator": "Numerator of a ratio under the schedule in force; null for other figures.",
            "in_force_denominator": "Its denominator.",
            "replayed_numerator": "Numerator of a ratio under the version; null for other figures.",
            "replayed_denominator": "Its denominator.",
            **_CURRENT,
        },
        (("definition_version", "kpi", "period_month"),),
        only_these=True,
    ),
    PublishedTable(
        "alignment",
        "rpt_definition_replay_people",
        "One row per replayed definition version and person who would be counted otherwise: in another class, with"
        " another grade, or in other months. Persons that nothing changes for are out.",
        {
            "definition_version": "The version that was replayed, or `schedule`.",
            "person_id": "Key of core.dim_people.",
            "change": "class: another furthest stage; grade: the same, with another grade; moment: the same class and"
            " grade, but entered at other times or another number of times.",
            "from_class": "Furthest stage the person ever entered under the schedule in force; or `none`, `excluded`.",
            "to_class": "The same under the version.",
            "from_grade": "Grade of the furthest entry under the schedule in force; null: graded nowhere.",
            "to_grade": "The same under the version.",
            "rules": "The rules that did it, as `table: key`, separated by semicolons.",
            "attribution": "alone: each of the rules does it by itself; together: none does it alone, and these move"
            " the person or, if none does, are all that the version changes.",
            "in_force_entries": "Stage entries that count, under the schedule in force.",
            "replayed_entries": "Stage entries that count, under the version.",
            "is_current": _CURRENT["is_current"],
        },
        (("definition_version", "person_id"),),
        only_these=True,
    ),
)


def prepare_store(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of results in the build file where they are missing."""
    connection.execute("create schema if not exists audit")
    for name, columns in STORE.items():
        connection.execute(f"create table if not exists audit.{name} ({columns})")


def write_replays(
    connection: duckdb.DuckDBPyConnection, present: Mapping[str, Mapping[str, str]], build_id: str
) -> dict[str, int]:
    """Write the tables of replays into the new file, attached as `warehouse`; returns rows by `schema.table`.

    Args:
        connection: With the build file attached as `build`.
        present: Columns by `schema.table` of the build file; a file of an earlier release has no replays.
        build_id: The build that is being published.
    """
    connection.execute("create schema if not exists warehouse.alignment")
    if all(f"audit.{name}" in present for name in STORE):
        source = {name: f"build.audit.{name}" for name in STORE}
    else:
        for name, columns in STORE.items():
            connection.execute(f"create or replace temp table empty_{name} ({columns})")
        source = {name: f"empty_{name}" for name in STORE}
    contents = (
        "build.audit.version_contents"
        if "audit.version_contents" in present
        else "(select null::varchar as version, null::varchar as content_hash where false)"
    )
    declared, other_words, other_schedule, newer_data, other_code = STALE_REASONS
    connection.execute(
        f"""create or replace temp table replays_judged as
        select
            replays.*,
            case
                when replays.version <> 'schedule' and contents.version is null then '{declared}'
                when replays.version <> 'schedule' and contents.content_hash <> replays.content_hash
                    then '{other_words}'
                when replays.schedule_hash is distinct from builds.schedule_hash then '{other_schedule}'
                when
                    replays.as_of <> builds.as_of
                    or replays.last_load_number is distinct from builds.last_load_number
                    then '{newer_data}'
                when replays.code_hash <> builds.code_hash then '{other_code}'
            end as stale_reason
        from {source["definition_replays"]} as replays
        inner join build.audit.builds as builds on builds.build_id = $build_id
        left join {contents} as contents on replays.version = contents.version""",
        {"build_id": build_id},
    )
    connection.execute(
        f"""create or replace table warehouse.alignment.dim_definition_replays as
        with people as (
            select version, count(*) as people_changed, count(*) filter (change = 'class') as classes_changed
            from {source["replayed_people"]} group by version
        )
        select
            replays.version as definition_version, replays.changed_rules, replays.content_hash, replays.schedule_hash,
            replays.code_hash, replays.build_id, coalesce(people.people_changed, 0) as people_changed,
            coalesce(people.classes_changed, 0) as classes_changed, replays.stale_reason is null as is_current,
            replays.stale_reason, replays.as_of, replays.replayed_at
        from replays_judged as replays left join people using (version)"""
    )
    connection.execute(
        f"""create or replace table warehouse.alignment.rpt_definition_replay as
        select
            figures.version as definition_version, figures.kpi, figures.period_month, figures.is_ratio,
            figures.in_force, figures.replayed,
            case when figures.is_ratio then figures.replayed - figures.in_force
                else coalesce(figures.replayed, 0) - coalesce(figures.in_force, 0)
            end::decimal(38, 6) as difference,
            figures.in_force_numerator, figures.in_force_denominator, figures.replayed_numerator,
            figures.replayed_denominator, replays.stale_reason is null as is_current, replays.stale_reason
        from {source["replayed_figures"]} as figures inner join replays_judged as replays using (version)"""
    )
    connection.execute(
        f"""create or replace table warehouse.alignment.rpt_definition_replay_people as
        select
            people.version as definition_version, people.person_id, people.change, people.from_class,
            people.to_class, people.from_grade, people.to_grade, people.rules, people.attribution,
            people.in_force_entries, people.replayed_entries, replays.stale_reason is null as is_current
        from {source["replayed_people"]} as people inner join replays_judged as replays using (version)"""
    )
    rows = {}
    for table in REPLAY_TABLES:
        ((count,),) = connection.execute(f"select count(*) from warehouse.{table.full_name}").fetchall()
        rows[table.full_name] = int(count)
    return rows
