"""`make replay VERSION=…`: a definition version, signed or proposed, run over the whole history.

Everything happens in a copy of the private build file: the version is laid down there as the only one that was ever in
force, the models that read agreed rules are built anew, and figures and classes are compared with those of the build
that is published. The results then go into the build file, in one transaction, and out with an ordinary publication.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.agreed_definitions import VERSIONS_TABLE
from orchestration.build_context import (
    BuildContext,
    adopt_published,
    begin_republication,
    code_hash,
    last_build,
    prepare_tables,
    take_back,
)
from orchestration.dbt_runs import DbtError, node_failures
from orchestration.definition_schedule import (
    Rule,
    Version,
    changed_rules,
    declared_versions,
    rows_to_write,
    schedule_hash,
    schedule_in_force,
    version_from_the_beginning,
    with_rules_of,
)
from orchestration.metric_tables import write_saved_query
from orchestration.preparation import MainJob, Preparation, Progress
from orchestration.publishing import Publication
from orchestration.publishing.replays import prepare_store
from orchestration.writer_lock import single_writer

SCHEDULE = "schedule"
FIGURES = "company_by_month"
ENTRIES = "fct_stage_entries"
# From here on rules are tried by table: each trial builds the ledger of stages once more.
MOST_RULES_ALONE = 8
_SCRATCH = ".replay-"
_DONE = re.compile(r"\b(\d+) of (\d+) (?:OK|PASS|WARN|ERROR|FAIL|SKIP)")
_PROGRESS_SECONDS = 5.0
# The copy, and what is built in it beside what it held.
_SPACE_NEEDED = 2.0


class ReplayError(Exception):
    """A replay that cannot be made; the message says why and what to do. Nothing was changed."""


@dataclass(frozen=True)
class Replay:
    """What came of a replay.

    Attributes:
        version: The version, or `schedule`.
        rules: Rules in which it differs from the schedule in force.
        figures: For each KPI and month whose figure differs: KPI, month, in force, replayed.
        people: People by kind of change: class, grade, moment.
        classes: People by former and new class, the largest first.
        seconds: How long it took.
    """

    version: str
    rules: tuple[Rule, ...]
    figures: tuple[tuple[str, Any, Any, Any], ...]
    people: Mapping[str, int]
    classes: tuple[tuple[str, str, int], ...]
    seconds: float


@dataclass
class Trial:
    """The copy of the build file in which versions are tried, and how dbt is run on it."""

    prepared: Preparation
    folder: Path
    progress: Progress

    @property
    def file(self) -> Path:
        """The copy; its name is the database's, which the parsed project knows."""
        return self.folder / self.prepared.settings.build_file.name

    def lay_down(self, schedule: Sequence[Version]) -> None:
        """Make a schedule the one in force, in the copy."""
        written = rows_to_write(schedule)
        with duckdb.connect(str(self.file)) as connection:
            schema = self._schema_of_definitions()
            connection.begin()
            connection.execute(f"delete from {schema}.{VERSIONS_TABLE}")
            for version in schedule:
                connection.execute(
                    f"insert into {schema}.{VERSIONS_TABLE} (version, effective_from) values (?, ?::timestamp)",
                    [version.name, version.valid_from],
                )
            for table, rows in written.items():
                columns = [column.name for column in self.prepared.definitions.tables[table].spec.columns]
                connection.execute(f"delete from {schema}.{table}")
                for row in rows:
                    connection.execute(
                        f"insert into {schema}.{table} ({', '.join(columns)}) values ({', '.join('?' * len(columns))})",
                        [row[column] or None for column in columns],
                    )
            connection.commit()

    def _schema_of_definitions(self) -> str:
        (schema,) = {
            node["schema"]
            for node in self.prepared.manifest["nodes"].values()
            if node["resource_type"] == "seed" and node["name"] == VERSIONS_TABLE
        }
        return schema

    def build(self, models: Sequence[str], *, tests: bool, told: str, seeds: bool = False) -> None:
        """Build models of the copy anew, and make their tests or load agreed tables where asked for.

        Raises:
            DbtError: a model or test failed.
        """
        project = self.prepared.project
        target = self.folder / "target"
        left_out = ["unit_test", *([] if seeds else ["seed"]), *([] if tests else ["test"])]
        arguments = ["build", "--exclude-resource-type", *left_out]
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "orchestration.dbt_process", str(os.getpid()), str(project.parsed)),
                *("--no-use-colors", "--log-format", "text", *arguments, "--full-refresh"),
                *("--indirect-selection", "buildable", "--select", *models),
            ],
            cwd=self.prepared.settings.project,
            env={
                **os.environ,
                **project.environment,
                "CONCORD_BUILD_FILE": str(self.file),
                "DBT_TARGET_PATH": str(target),
                "DBT_LOG_PATH": str(target),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        told_at, last = time.monotonic(), ""
        with process:
            for line in process.stdout or ():
                last = line.strip() or last
                done = _DONE.search(line)
                if done and time.monotonic() - told_at >= _PROGRESS_SECONDS:
                    self.progress(f"{told}: {done[1]} of {done[2]}")
                    told_at = time.monotonic()
        if process.returncode != 0:
            failures = [f"  {failure.name}: {failure.message}" for failure in node_failures(target)[:20]]
            raise DbtError("\n".join([f"{told}: dbt could not build it:", *(failures or [f"  {last}"])]))


def replay(
    prepared: Preparation, version: str, progress: Progress = lambda line: None
) -> tuple[Replay, Publication | None]:
    """Replay a version, keep what came of it, and publish it.

    Raises:
        ReplayError: the version is not known, or the build file is not what the published build was made from.
        WriterLockedError: another process writes the warehouse.
        DbtError: the version cannot be built; what is published stays as it is.
        PublishError, AuditError: the results are kept, but not published.
    """
    settings = prepared.settings
    known = declared_versions(prepared.definitions.tables)
    if version not in known and version != SCHEDULE:
        raise ReplayError(
            f"no definition version {version!r}; known are {', '.join(known)}, and {SCHEDULE} for the schedule in force"
        )
    if not settings.build_file.exists():
        raise ReplayError(f"{settings.build_file} does not exist: run `make run` first")
    with single_writer(settings.lock_file):
        sweep_replays(settings.private)
        build = _build_to_compare(prepared)
        with copy_of_build(prepared, progress) as trial:
            result = _replay_in(trial, build, version)
        build_now = begin_republication(settings, prepared.definitions)
        job = MainJob(prepared, progress, build=build_now)
        try:
            publication = job.publish()
        except BaseException:
            if settings.published.resolve().stem != f"concord-{build_now.build_id}":
                take_back(settings.build_file, build_now)
            raise
        job.render()
        if settings.postgres is not None:
            job.publish_to_postgres()
    return result, publication


def _build_to_compare(prepared: Preparation) -> BuildContext:
    """The published build, if the build file is still what it was made from.

    Raises:
        ReplayError: it is not, so that differences would not be the version's alone.
    """
    settings = prepared.settings
    with duckdb.connect(str(settings.build_file)) as connection:
        prepare_tables(connection)
        adopt_published(connection, settings.published)
        prepare_store(connection)
        build = last_build(connection)
        ((newest_load,),) = connection.execute("select max(load_number) from audit.loads").fetchall()
        landed = _landed_since(connection, build.build_number) if build else False
    again = "; run `make run` first, then differences are the version's alone"
    if build is None:
        raise ReplayError(f"the last build was not published, or not of all models{again}")
    if build.code_hash != code_hash(settings.project):
        raise ReplayError(f"the published build {build.build_id} was made by other code than this{again}")
    if newest_load != build.last_load_number or landed:
        raise ReplayError(f"rows were loaded since build {build.build_id}{again}")
    if build.schedule_hash != schedule_hash(prepared.definitions.tables, build.as_of):
        raise ReplayError(f"the definitions in force are others than those of build {build.build_id}{again}")
    return build


def _landed_since(connection: duckdb.DuckDBPyConnection, build_number: int) -> bool:
    """Whether landing wrote rows that no build has seen, such as released ones."""
    tables = connection.execute(
        "select table_name from duckdb_columns() where schema_name = 'raw' and column_name = '_written_in'"
        " and database_name = current_database()"
    ).fetchall()
    newest = " union all ".join(f'select max(_written_in) as number from raw."{table}"' for (table,) in tables)
    if not newest:
        return False
    ((number,),) = connection.execute(f"select max(number) from ({newest})").fetchall()
    return number is not None and number > build_number


@contextmanager
def copy_of_build(prepared: Preparation, progress: Progress, place: Path | None = None) -> Iterator[Trial]:
    """A copy of the build file in a folder beside it, as private as it is, or elsewhere; gone after the block."""
    settings = prepared.settings
    size = settings.build_file.stat().st_size
    free = shutil.disk_usage(settings.private).free
    if free < _SPACE_NEEDED * size:
        raise ReplayError(
            f"a replay needs {_SPACE_NEEDED * size / 1e9:.1f} GB in {settings.private}; free are {free / 1e9:.1f}"
        )
    folder = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=place or settings.private))
    try:
        progress(f"Copying the build ({size / 1e6:,.0f} MB)")
        trial = Trial(prepared, folder, progress)
        shutil.copyfile(settings.build_file, trial.file)
        yield trial
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep_replays(private: Path) -> None:
    """Remove the copies that killed replays left behind."""
    for folder in private.glob(f"{_SCRATCH}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _replay_in(trial: Trial, build: BuildContext, version: str) -> Replay:
    began = time.monotonic()
    prepared = trial.prepared
    tables = prepared.definitions.tables
    schedule = schedule_in_force(tables, build.as_of)
    if version == SCHEDULE:
        wanted, rules, content = schedule, (), schedule_hash(tables, build.as_of)
    else:
        other = version_from_the_beginning(tables, version)
        wanted, rules, content = (other,), changed_rules(tables, schedule, other), other.content_hash()
        trial.lay_down(wanted)
    told = f"Replaying {version}" if version == SCHEDULE else f"Replaying version {version}"
    trial.progress(told)
    trial.build(models_to_replay(prepared.manifest), tests=True, told=told)
    results = trial.folder / "results.duckdb"
    with _together(prepared, trial, results) as connection:
        with_metrics = prepared.metrics.sql_of_saved_queries()[FIGURES]
        connection.execute("use replayed")
        write_saved_query(connection, FIGURES, with_metrics)
        connection.execute("use results")
        _compare_figures(connection, prepared.metrics.manifest)
        _note_classes(connection, "in_force", "in_force_classes")
        _note_classes(connection, "replayed", "replayed_classes")
    groups = _groups(rules)
    if len(groups) > 1:
        for number, group in enumerate(groups, start=1):
            name = group[0].name if len(group) == 1 else group[0].table
            told = f"What {name} does alone ({number} of {len(groups)})"
            trial.progress(told)
            trial.lay_down(with_rules_of(tables, schedule, other, group))
            trial.build(models_to_replay(prepared.manifest, until=ENTRIES), tests=False, told=told)
            with _together(prepared, trial, results) as connection:
                _note_classes(connection, "replayed", f"alone_{number}")
    names = ["; ".join(rule.name for rule in group) for group in groups]
    with _together(prepared, trial, results) as connection:
        _compare_people(connection, names)
    seconds = time.monotonic() - began
    return _keep(prepared, results, build, version, rules, content, seconds)


def models_to_replay(manifest: Mapping[str, Any], until: str | None = None, *, only_figures: bool = True) -> list[str]:
    """Names of the models that agreed rules decide and that figures are made of, that one model is made of, or all."""
    nodes = manifest["nodes"]
    rules = {"definition_versions", *(name for name in _versioned_seeds(nodes))}
    seeds = [key for key, node in nodes.items() if node["resource_type"] == "seed" and node["name"] in rules]
    decided = _reached(seeds, manifest["child_map"])
    if not only_figures:
        wanted = decided
    elif until is None:
        wanted = _reached(list(manifest["semantic_models"]), manifest["parent_map"])
    else:
        ends = [key for key, node in nodes.items() if node["resource_type"] == "model" and node["name"] == until]
        wanted = _reached(ends, manifest["parent_map"]) | set(ends)
    return sorted(nodes[key]["name"] for key in decided & wanted if key.startswith("model."))


def _versioned_seeds(nodes: Mapping[str, Any]) -> list[str]:
    return [
        node["name"]
        for node in nodes.values()
        if node["resource_type"] == "seed" and "version" in node["columns"] and node["name"] != VERSIONS_TABLE
    ]


def _reached(start: Sequence[str], edges: Mapping[str, Sequence[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        for key in edges.get(waiting.pop(), ()):
            if key not in found:
                found.add(key)
                waiting.append(key)
    return found


def _groups(rules: Sequence[Rule]) -> list[tuple[Rule, ...]]:
    """What is tried alone: each rule or, where there are many, those of a table together."""
    if len(rules) <= MOST_RULES_ALONE:
        return [(rule,) for rule in rules]
    return [
        tuple(rule for rule in rules if rule.table == table) for table in dict.fromkeys(rule.table for rule in rules)
    ]


@contextmanager
def _together(prepared: Preparation, trial: Trial, results: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """One connection to the build file (`in_force`, read only), the copy (`replayed`) and what is found (`results`)."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for path, name, options in (
            (prepared.settings.build_file, "in_force", " (read_only)"),
            (trial.file, "replayed", ""),
            (results, "results", ""),
        ):
            connection.execute(f"attach '{_escaped(path)}' as {name}{options}")
        connection.execute("use results")
        yield connection
        connection.execute("use memory")
        connection.execute("detach in_force; detach replayed; detach results")


def _compare_figures(connection: duckdb.DuckDBPyConnection, semantic_manifest: Mapping[str, Any]) -> None:
    """Every figure of the company by month, both ways."""
    ratios = {
        metric["name"]: (metric["type_params"]["numerator"]["name"], metric["type_params"]["denominator"]["name"])
        for metric in semantic_manifest["metrics"]
        if metric["type"] == "ratio"
    }
    columns = [
        name
        for (name,) in connection.execute(
            "select column_name from duckdb_columns() where database_name = 'in_force' and schema_name = 'metrics'"
            " and table_name = ? and column_name <> 'metric_time__month' order by column_index",
            [FIGURES],
        ).fetchall()
    ]
    for side in ("in_force", "replayed"):
        values = ", ".join(f'cast("{name}" as decimal(38, 6)) as "{name}"' for name in columns)
        listed = ", ".join(f'"{name}"' for name in columns)
        connection.execute(
            f"create or replace table figures_{side} as select kpi, period_month, figure from"
            f" (select metric_time__month::date as period_month, {values} from {side}.metrics.{FIGURES})"
            f" unpivot include nulls (figure for kpi in ({listed}))"
        )
    known = set(columns)
    parts = [(kpi, *parts) for kpi, parts in ratios.items() if kpi in known and known.issuperset(parts)]
    connection.execute("create or replace table ratios (kpi varchar, numerator varchar, denominator varchar)")
    if parts:
        connection.executemany("insert into ratios values (?, ?, ?)", parts)
    ratio_names = ", ".join(f"'{name}'" for name in ratios) or "''"
    connection.execute(
        f"""create or replace table compared_figures as
        select
            kpi, period_month, kpi in ({ratio_names}) as is_ratio, before.figure as in_force, after.figure as replayed,
            top.figure as in_force_numerator, bottom.figure as in_force_denominator,
            new_top.figure as replayed_numerator, new_bottom.figure as replayed_denominator
        from figures_in_force as before
        full join figures_replayed as after using (kpi, period_month)
        left join ratios using (kpi)
        left join figures_in_force as top on top.kpi = numerator and top.period_month = coalesce(
            before.period_month, after.period_month)
        left join figures_in_force as bottom on bottom.kpi = denominator and bottom.period_month = coalesce(
            before.period_month, after.period_month)
        left join figures_replayed as new_top on new_top.kpi = numerator and new_top.period_month = coalesce(
            before.period_month, after.period_month)
        left join figures_replayed as new_bottom on new_bottom.kpi = denominator and new_bottom.period_month = coalesce(
            before.period_month, after.period_month)"""
    )


def _note_classes(connection: duckdb.DuckDBPyConnection, database: str, table: str) -> None:
    """The class of every person: the furthest stage ever entered, its grade, and all entries that count."""
    connection.execute(
        f"""create or replace table results.{table} as
        with entries as (
            select person_id, stage, stage_order, grade, entered_date, is_inferred, entered_at, entry_id
            from {database}.funnel.{ENTRIES}
            where person_id is not null
        ),
        ranked as (
            select
                person_id, stage, grade,
                row_number() over (
                    partition by person_id order by stage_order desc, entered_at desc, entry_id desc
                ) as place
            from entries
        ),
        furthest as (
            select person_id, stage, grade from ranked where place = 1
        ),
        counted as (
            select
                person_id, count(*) as entries,
                string_agg(stage || ' ' || entered_date, ', ' order by stage_order, entered_at, entry_id) as moments
            from entries
            where not is_inferred
            group by person_id
        )
        select
            people.person_id,
            case when people.is_excluded then 'excluded' else coalesce(furthest.stage, 'none') end as class,
            furthest.grade,
            coalesce(counted.entries, 0)::integer as entries,
            coalesce(counted.moments, '') as moments
        from {database}.intermediate.int_people as people
        left join furthest on people.person_id = furthest.person_id
        left join counted on people.person_id = counted.person_id"""
    )


def _compare_people(connection: duckdb.DuckDBPyConnection, names: Sequence[str]) -> None:
    """People that are counted otherwise, with the rules that did it: those that do it alone, else those that move them.

    `names` says which rules were tried; with one there was nothing to try.
    """
    connection.execute(
        """create or replace table changed_people as
        select
            before.person_id, before.class as from_class, after.class as to_class, before.grade as from_grade,
            after.grade as to_grade, before.entries as in_force_entries, after.entries as replayed_entries,
            before.moments as from_moments, after.moments as to_moments,
            case
                when before.class <> after.class then 'class'
                when before.grade is distinct from after.grade then 'grade'
                else 'moment'
            end as change
        from in_force_classes as before
        inner join replayed_classes as after using (person_id)
        where before.class <> after.class or before.grade is distinct from after.grade
            or before.moments <> after.moments"""
    )
    trials = (
        " union all ".join(
            f"select {number} as place, person_id, class, grade, moments from alone_{number}"
            for number in range(1, len(names) + 1)
        )
        if len(names) > 1
        else "select 1 as place, person_id, to_class as class, to_grade as grade, to_moments as moments"
        " from changed_people"
    )
    connection.execute("create or replace table rule_names (place integer, rules varchar)")
    # The schedule itself changes nothing; if it should ever, no rule did it.
    for place, name in enumerate(names or ["no rule"], start=1):
        connection.execute("insert into rule_names values (?, ?)", [place, name])
    every = "(select string_agg(rules, '; ' order by place) from rule_names)"
    connection.execute(
        f"""create or replace table compared_people as
        with tried as (
            select
                changed.person_id, trials.place,
                case changed.change
                    when 'class' then trials.class = changed.to_class
                    when 'grade'
                        then trials.class = changed.to_class and trials.grade is not distinct from changed.to_grade
                    else trials.moments = changed.to_moments
                end as does_it,
                trials.class <> changed.from_class or trials.grade is distinct from changed.from_grade
                    or trials.moments <> changed.from_moments as moves
            from changed_people as changed
            inner join ({trials}) as trials using (person_id)
        ),
        by_person as (
            select
                person_id, bool_or(does_it) as is_alone,
                string_agg(rules, '; ' order by place) filter (where does_it) as doing,
                string_agg(rules, '; ' order by place) filter (where moves) as moving
            from tried inner join rule_names using (place)
            group by person_id
        )
        select
            changed.person_id, changed.change, changed.from_class, changed.to_class, changed.from_grade,
            changed.to_grade, coalesce(by_person.doing, by_person.moving, {every}) as rules,
            case when by_person.is_alone then 'alone' else 'together' end as attribution, changed.in_force_entries,
            changed.replayed_entries
        from changed_people as changed left join by_person using (person_id)"""
    )


def _keep(
    prepared: Preparation,
    results: Path,
    build: BuildContext,
    version: str,
    rules: tuple[Rule, ...],
    content: str,
    seconds: float,
) -> Replay:
    """Put the results into the build file, in place of an earlier replay of the version; all or nothing."""
    with duckdb.connect(str(prepared.settings.build_file)) as connection:
        prepare_store(connection)
        connection.execute(f"attach '{_escaped(results)}' as results (read_only)")
        connection.begin()
        for name in ("definition_replays", "replayed_figures", "replayed_people"):
            connection.execute(f"delete from audit.{name} where version = ?", [version])
        connection.execute(
            "insert into audit.replayed_figures by name select $version as version, * from results.compared_figures",
            {"version": version},
        )
        connection.execute(
            "insert into audit.replayed_people by name select $version as version, * from results.compared_people",
            {"version": version},
        )
        connection.execute(
            "insert into audit.definition_replays values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                version,
                content,
                build.schedule_hash,
                build.code_hash,
                build.as_of,
                build.last_load_number,
                build.build_id,
                datetime.now(UTC).replace(tzinfo=None),
                "; ".join(rule.name for rule in rules),
                seconds,
            ],
        )
        connection.commit()
        figures = connection.execute(
            "select kpi, period_month, in_force, replayed from results.compared_figures"
            " where in_force is distinct from replayed order by kpi, period_month"
        ).fetchall()
        people = dict(
            connection.execute("select change, count(*) from results.compared_people group by change").fetchall()
        )
        classes = connection.execute(
            "select from_class, to_class, count(*) as people from results.compared_people where change = 'class'"
            " group by all order by people desc, from_class, to_class"
        ).fetchall()
        connection.execute("detach results")
    return Replay(version, rules, tuple(figures), people, tuple(classes), seconds)


def describe(result: Replay) -> list[str]:
    """What people are told at the end, in lines."""
    named = "The schedule in force" if result.version == SCHEDULE else f"Version {result.version}"
    lines = [f"{named}, replayed over the whole history in {result.seconds:.0f} s:"]
    if result.version != SCHEDULE:
        lines.append(f"  {len(result.rules)} rules differ from the schedule in force")
        lines += [f"    {rule.name}" for rule in result.rules[:20]]
    if not result.figures and not result.people:
        lines.append("  changes nothing: every figure and every class is the same")
        return lines
    kpis: dict[str, int] = {}
    for kpi, *_ in result.figures:
        kpis[kpi] = kpis.get(kpi, 0) + 1
    lines.append(f"  {len(kpis)} KPIs differ in {len(result.figures)} figures:")
    lines += [f"    {kpi}: {months} months" for kpi, months in kpis.items()]
    total = sum(result.people.values())
    lines.append(f"  {total} people would be counted otherwise, {result.people.get('class', 0)} in another class:")
    lines += [f"    {former} to {new}: {people}" for former, new, people in result.classes]
    lines.append(
        "  see alignment.rpt_definition_replay and rpt_definition_replay_people"
        f" (definition_version = '{result.version}')"
    )
    return lines


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")
