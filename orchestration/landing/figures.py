"""The figures of delivered files that file rules judge, and the bounds that earlier files set for them.

"Earlier" means earlier by file name, not by arrival, so that shuffled deliveries meet the same bounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from expectations.rules import CompiledContract, Rule, identifier, literal
from orchestration.landing.staging import ROWS, SCRATCH, Batch, insert_rows

FIGURES = f"{SCRATCH}.main.figures"
BATCH = f"{SCRATCH}.main.batch"
HISTORY_FILES = 7
HISTORY_DAYS = 56
SHORTEST_HISTORY_DAYS = 14


def measure(
    connection: duckdb.DuckDBPyConnection,
    compiled: CompiledContract,
    batches: Sequence[Batch],
    missing: Mapping[int, int],
) -> None:
    """Fill the table of figures: one line a judged file and file rule, with bounds where there are any.

    `missing` counts, by load number, the columns that a file should have and has not.
    """
    connection.execute(
        f"create or replace table {BATCH} (load_number bigint, file_name varchar, rows_delivered bigint)"
    )
    connection.execute(
        f"create or replace table {FIGURES} "
        "(load_number bigint, rule varchar, figure double, minimum double, maximum double)"
    )
    judged = [batch for batch in batches if batch.is_judged_as_file]
    insert_rows(connection, BATCH, [(b.load_number, b.file_name, b.rows_delivered) for b in judged])
    rows: list[tuple[int, str, float | None, float | None, float | None]] = []
    measured = _aggregate(connection, compiled)
    contract = compiled.contract
    for batch in judged:
        found = measured.get(batch.load_number, {})
        header_only_delta = contract.delivery == "delta" and bool(batch.headers)
        held = found.get("held", 0) + batch.rows_unparseable
        share = held / batch.rows_delivered if batch.rows_delivered else 0.0
        for rule in compiled.file_rules:
            if rule.kind == "not_empty":
                least = None if header_only_delta else 1.0
                rows.append((batch.load_number, rule.id, float(batch.rows_delivered), least, None))
            elif rule.kind == "columns":
                rows.append((batch.load_number, rule.id, float(missing.get(batch.load_number, 0)), None, 0.0))
            elif rule.kind == "tolerance":
                rows.append((batch.load_number, rule.id, share, None, contract.tolerance))
            elif rule.kind == "usual_volume" and contract.delivery == "full":
                rows.append((batch.load_number, rule.id, float(batch.rows_delivered), None, None))
            elif rule.kind in ("usual_median", "consistent_offsets"):
                rows.append((batch.load_number, rule.id, found.get(rule.id), None, None))
    insert_rows(connection, FIGURES, rows)
    if not judged:
        return
    for rule in compiled.file_rules:
        if rule.kind == "usual_volume" and contract.delivery == "delta":
            _daily_volume(connection, compiled, rule)
    _bounds(connection, compiled)


def last_event_days(connection: duckdb.DuckDBPyConnection, compiled: CompiledContract) -> dict[int, object]:
    """Newest event day of each staged load, held-back rows left out; empty without an event time."""
    event = compiled.contract.event_time
    if event is None:
        return {}
    return dict(
        connection.execute(
            f"select _load_number, cast(max({identifier(event)}) as date) from {ROWS} where not _is_held group by all"
        ).fetchall()
    )


def _offset(text: str) -> str:
    """SQL: whether a timestamp's text says its offset from UTC."""
    return (
        f"(right({text}, 1) in ('Z', 'z') or right({text}, 3) = 'UTC' or substr({text}, -6, 1) in ('+', '-') "
        f"or substr({text}, -5, 1) in ('+', '-') or substr({text}, -3, 1) in ('+', '-'))"
    )


def _aggregate(connection: duckdb.DuckDBPyConnection, compiled: CompiledContract) -> dict[int, dict[str, float | None]]:
    expressions = {"held": "count(*) filter (where _is_held)"}
    for rule in compiled.file_rules:
        if rule.column is None:
            continue
        column, text = identifier(rule.column), identifier(f"{rule.column}$text")
        if rule.kind == "usual_median":
            least = int(rule.argument("minRows", 5))
            kept = f"filter (where not _is_held and {column} is not null)"
            expressions[rule.id] = (
                f"case when count(*) {kept} >= {least} then median(cast({column} as double)) {kept} end"
            )
        if rule.kind == "consistent_offsets":
            # A text without a time of day says nothing about offsets.
            timed = f"{text} like '%:%' and {column} is not null"
            naive = (
                f"count(*) filter (where {timed} and not {_offset(text)} and date_trunc('day', {column}) <> {column})"
            )
            aware = f"count(*) filter (where {timed} and {_offset(text)})"
            expressions[rule.id] = f"{aware} / nullif({aware} + {naive}, 0)"
    listed = ", ".join(f"{expression} as {identifier(name)}" for name, expression in expressions.items())
    result = connection.execute(f"select _load_number, {listed} from {ROWS} group by all").fetchall()
    return {row[0]: dict(zip(expressions, row[1:], strict=True)) for row in result}


def _before(known: str, judged: str) -> str:
    return (
        f"({known}.file_name < {judged}.file_name or ({known}.file_name = {judged}.file_name "
        f"and {known}.load_number < {judged}.load_number))"
    )


def _bounds(connection: duckdb.DuckDBPyConnection, compiled: CompiledContract) -> None:
    """Bounds of the rules that compare a figure with the same figure of the files before."""
    rules = [
        (
            rule.id,
            rule.kind,
            rule.argument("minRatio", 0.0),
            rule.argument("maxRatio", 0.0),
            rule.argument("minRows", 20),
        )
        for rule in compiled.file_rules
        if rule.kind in ("usual_median", "consistent_offsets")
        or (rule.kind == "usual_volume" and compiled.contract.delivery == "full")
    ]
    if not rules:
        return
    connection.execute(
        f"create or replace table {SCRATCH}.main.usual_rules "
        "(rule varchar, kind varchar, min_ratio double, max_ratio double, min_rows double)"
    )
    insert_rows(connection, f"{SCRATCH}.main.usual_rules", rules)
    connection.execute(
        f"""
        with known as (
            select load_number, file_name, rule, figure
            from audit.contract_results
            where contract_id = {literal(compiled.contract.id)} and figure is not null and not is_broken
                and rule in (select rule from {SCRATCH}.main.usual_rules)
                and load_number not in (select load_number from {BATCH})
            union all
            select f.load_number, b.file_name, f.rule, f.figure
            from {FIGURES} as f join {BATCH} as b on b.load_number = f.load_number
            where f.figure is not null and f.rule in (select rule from {SCRATCH}.main.usual_rules)
        ),
        ranked as (
            select f.load_number, f.rule, k.figure,
                row_number() over (
                    partition by f.load_number, f.rule order by k.file_name desc, k.load_number desc
                ) as nearness
            from {FIGURES} as f
            join {BATCH} as b on b.load_number = f.load_number
            join known as k on k.rule = f.rule and {_before("k", "b")}
        ),
        usual as (
            select load_number, rule, median(figure) as usual
            from ranked where nearness <= {HISTORY_FILES} group by all
        ),
        bounded as (
            select f.load_number, f.rule,
                case r.kind
                    when 'usual_volume' then case when u.usual >= r.min_rows then u.usual * r.min_ratio end
                    when 'usual_median' then case when u.usual > 0 then u.usual / r.max_ratio end
                    when 'consistent_offsets'
                        then case when f.figure > 0 and f.figure < 1 or u.usual = 1 then 1.0 end
                end as minimum,
                case r.kind
                    when 'usual_volume' then case when u.usual >= r.min_rows then u.usual * r.max_ratio end
                    when 'usual_median' then case when u.usual > 0 then u.usual * r.max_ratio end
                    when 'consistent_offsets' then case when u.usual = 0 then 0.0 end
                end as maximum
            from {FIGURES} as f
            join {SCRATCH}.main.usual_rules as r on r.rule = f.rule
            left join usual as u on u.load_number = f.load_number and u.rule = f.rule
        )
        update {FIGURES} as f set minimum = b.minimum, maximum = b.maximum
        from bounded as b where b.load_number = f.load_number and b.rule = f.rule
        """
    )


def _daily_volume(connection: duckdb.DuckDBPyConnection, compiled: CompiledContract, rule: Rule) -> None:
    """Rows of the days that a file is the first to cover, against the same weekdays of the weeks before.

    The last of several new days is left out, since a file may end within it.
    """
    contract = compiled.contract
    assert contract.event_time is not None
    event = identifier(contract.event_time)
    least = rule.argument("minRows", 50)
    low, high = rule.argument("minRatio", 0.0), rule.argument("maxRatio", 0.0)
    connection.execute(
        f"""
        create or replace table {SCRATCH}.main.days as
        select _load_number as load_number, cast({event} as date) as day, count(*) as n
        from {ROWS} where not _is_held and {event} is not null group by all
        """
    )
    connection.execute(
        f"""
        create or replace table {SCRATCH}.main.since as
        with known as (
            select load_number, file_name, last_event_on from audit.loads
            where system = {literal(contract.system)} and object = {literal(contract.object)}
                and status in ('accepted', 'partial') and load_number not in (select load_number from {BATCH})
            union all
            select b.load_number, b.file_name, max(d.day) from {BATCH} as b
            join {SCRATCH}.main.days as d on d.load_number = b.load_number group by all
        )
        select b.load_number, max(k.last_event_on) as last_day
        from {BATCH} as b join known as k on {_before("k", "b")} and k.last_event_on is not null
        group by all
        """
    )
    earliest = connection.execute(f"select min(last_day) from {SCRATCH}.main.since").fetchone()[0]  # type: ignore[index]
    if earliest is not None:
        connection.execute(
            f"""
            insert into {FIGURES}
            with fresh as (
                select d.load_number, d.day, d.n, s.last_day
                from {SCRATCH}.main.days as d
                left join {SCRATCH}.main.since as s on s.load_number = d.load_number
                where s.last_day is null or d.day > s.last_day
            ),
            base as (
                select day, sum(n) as n from (
                    select day, n from fresh
                    union all
                    select cast({event} as date), count(*) from raw.{identifier(contract.raw_table)}
                    where _is_current and _load_number not in (select load_number from {BATCH})
                        and {event} >= cast('{earliest}' as date) - interval {HISTORY_DAYS} day
                    group by 1
                ) group by day
            ),
            spans as (
                select load_number, last_day, max(day) as till from fresh where last_day is not null group by all
            ),
            calendar as (
                select load_number, last_day, till, cast(unnest(generate_series(
                    greatest(last_day - {HISTORY_DAYS - 1}, (select min(day) from base)), till, interval 1 day
                )) as date) as day
                from spans
            ),
            counts as (
                select c.load_number, c.last_day, c.till, c.day, coalesce(b.n, 0) as n
                from calendar as c left join base as b on b.day = c.day
            ),
            usual as (
                select load_number, dayofweek(day) as weekday, median(n) as n, count(*) as days
                from counts where day <= last_day group by all
            ),
            enough as (
                select load_number from usual group by all having sum(days) >= {SHORTEST_HISTORY_DAYS}
            ),
            compared as (
                select c.load_number, sum(c.n) as figure, sum(u.n) as expected
                from counts as c
                join enough as e on e.load_number = c.load_number
                join usual as u on u.load_number = c.load_number and u.weekday = dayofweek(c.day)
                where c.day > c.last_day and (c.day < c.till or c.till = c.last_day + 1)
                group by all
            )
            select load_number, {literal(rule.id)}, figure,
                case when expected >= {least} then expected * {low} end,
                case when expected >= {least} then expected * {high} end
            from compared
            """
        )
    connection.execute(
        f"""
        insert into {FIGURES}
        select load_number, {literal(rule.id)}, null, null, null from {BATCH}
        where load_number not in (select load_number from {FIGURES} where rule = {literal(rule.id)})
        """
    )
