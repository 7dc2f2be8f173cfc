"""The views that readers open, and how they come to show another build without anybody waiting for long.

A view is locked against its readers while it is replaced. To hold the locks of all views at once is what readers of
several views would never let happen, or would wait for without end. So each view is replaced alone, before anything
changes: it shows the old table as long as the one row of `current` names the old publication, and the new table as soon
as it names the new one. Changing that row is the switch, for all views at the same moment. Afterwards each view is
replaced alone again, by the new table alone.

Every transaction that read such a view holds a lock on `current` to its end, and the switch waits for these: so a
transaction of several statements sees one build too, at every isolation level.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from orchestration.publishing.postgres.schemas import BUILDS, READERS
from orchestration.publishing.postgres.server import (
    CANCELED,
    DEADLOCK,
    DEPENDENTS_EXIST,
    LOCK_NOT_AVAILABLE,
    PostgresError,
    Server,
    identifier,
    literal,
)
from orchestration.publishing.postgres.shape import TableShape

Place = tuple[str, str]
RETIRED = "No longer published: always null, and kept only for the views that were built on this view."
_KINDS = {"r": "table", "v": "view", "m": "materialized view", "f": "foreign table", "p": "table", "S": "sequence"}
# Shares of the time after which the server looks for deadlocks: we give way before it would stop a reader.
_LOCK_SHARE, _SWITCH_SHARE = 0.4, 0.8
_LONGEST_SWITCH = 10_000
_SETTLE_SECONDS = 5.0
_CURRENT = identifier(BUILDS, "current")


@dataclass(frozen=True)
class _Dependent:
    """Something of others that is built on a view of ours; no columns where it only needs the rows."""

    name: str
    kind: str
    owner: str
    columns: frozenset[str]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} (owner {self.owner})"


@dataclass
class _Standing:
    """A relation at a place of ours: the columns' types and comments by name, in their order."""

    kind: str
    owner: str
    is_changeable: bool
    is_ours: bool
    comment: str | None
    reads: tuple[str, ...]
    columns: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    dependents: list[_Dependent] = field(default_factory=list)


@dataclass(frozen=True)
class ViewPlan:
    """What becomes of one view.

    Attributes:
        place: Its schema and name.
        shape: The table that it shows, or None where it goes.
        is_standing: Whether it stands, and can be replaced with its columns kept. All others are dropped or made at the
            moment of the switch.
        is_made: Whether there is none before.
        columns: Name and type of each column.
        comments: Statements for comments that change.
        reads: The versioned tables that it reads now.
    """

    place: Place
    shape: TableShape | None
    is_standing: bool = False
    is_made: bool = False
    columns: tuple[tuple[str, str], ...] = ()
    comments: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()


def current_publication(server: Server) -> int | None:
    """The publication that all views show; None before the first."""
    found = server.query(f"select publication from {_CURRENT}")
    return int(found[0][0]) if found else None


def read_tables(server: Server, places: Iterable[Place]) -> dict[Place, tuple[str, ...]]:
    """The versioned tables that views of ours read, by place."""
    return {place: view.reads for place, view in _read_standing(server, places).items() if view.is_ours}


def registered_views(server: Server) -> set[Place]:
    """The places where views of ours were put."""
    return {(schema, view) for schema, view in server.query(f"select * from {identifier(BUILDS, 'views')}")}


def plan_views(server: Server, shapes: Sequence[TableShape]) -> list[ViewPlan]:
    """What must be done so that the views show these tables.

    A view keeps its columns' order; new columns come last. A column that is gone stays, always null, where others built
    views on this view that do not use it. Where nobody did, the view is made anew with the same grants.

    Raises:
        PostgresError: something that others built would break; the message names it, its owner and what it uses.
    """
    by_place = {place: shape for shape in shapes for place in shape.places}
    registered = registered_views(server)
    standing = _read_standing(server, {*by_place, *registered})
    plans, refusals, in_the_way = [], [], []
    for place in sorted({*by_place, *(registered & set(standing))}):
        view, shape, name = standing.get(place), by_place.get(place), ".".join(place)
        if view is None:
            assert shape is not None
            plans.append(_new_view(place, shape, is_made=True))
        elif not view.is_ours:
            in_the_way.append(f"{name} is a {_KINDS.get(view.kind, 'relation')} of {view.owner}: rename or move it")
        elif not view.is_changeable:
            in_the_way.append(f"{name} belongs to {view.owner}: publish as that role, or alter the view's owner")
        elif shape is None:
            refusals += [f"{name} is no longer published: used by {one}" for one in view.dependents]
            plans.append(ViewPlan(place, None))
        else:
            plan, refused = _changed_view(place, shape, view)
            plans.append(plan)
            refusals += [f"{name}{why}" for why in refused]
    if in_the_way:
        raise PostgresError(
            f"at {server.dsn}, other things stand where views of Concord belong; nothing was changed:"
            + "".join(f"\n  {line}" for line in in_the_way)
        )
    if refusals:
        raise PostgresError(
            f"not published into {server.dsn}, because what others built on it would break; the build that was"
            " published there before stands:"
            + "".join(f"\n  {line}" for line in refusals)
            + "\n  Ask these owners to change or drop what they built, or publish the columns again; the next run"
            " publishes."
        )
    return plans


def _new_view(place: Place, shape: TableShape, *, is_made: bool) -> ViewPlan:
    comments = [_comment_view(place, shape.comment)] if shape.comment else []
    comments += [_comment_column(place, column.name, column.comment) for column in shape.columns if column.comment]
    columns = tuple((column.name, column.data_type) for column in shape.columns)
    return ViewPlan(place, shape, is_made=is_made, columns=columns, comments=tuple(comments))


def _changed_view(place: Place, shape: TableShape, view: _Standing) -> tuple[ViewPlan, list[str]]:
    """The plan of a view that stands, and what speaks against it."""
    new = {column.name: column for column in shape.columns}
    gone = [name for name in view.columns if name not in new]
    retyped = {
        name: (then, new[name].data_type)
        for name, (then, _) in view.columns.items()
        if name in new and new[name].data_type != then
    }
    if (gone or retyped) and not view.dependents:
        return _new_view(place, shape, is_made=False), []
    refused = [
        f", column {name}, becomes {now} instead of {then}: used by {one}"
        for name, (then, now) in retyped.items()
        for one in view.dependents
    ]
    refused += [
        f", column {name}, is no longer published: used by {one}"
        for name in gone
        for one in view.dependents
        if name in one.columns
    ]
    columns = {name: data_type for name, (data_type, _) in view.columns.items()}
    columns |= {name: column.data_type for name, column in new.items() if name not in retyped}
    told = {name: new[name].comment if name in new else RETIRED for name in columns}
    comments = [] if (view.comment or "") == shape.comment else [_comment_view(place, shape.comment)]
    comments += [
        _comment_column(place, name, text)
        for name, text in told.items()
        if (view.columns.get(name, ("", None))[1] or "") != text
    ]
    plan = ViewPlan(
        place,
        shape,
        is_standing=True,
        columns=tuple(columns.items()),
        comments=tuple(comments),
        reads=view.reads,
    )
    return plan, refused


def _comment_view(place: Place, text: str) -> str:
    return f"comment on view {identifier(*place)} is {literal(text or None)}"


def _comment_column(place: Place, column: str, text: str) -> str:
    return f"comment on column {identifier(*place, column)} is {literal(text or None)}"


def _read_standing(server: Server, places: Iterable[Place]) -> dict[Place, _Standing]:
    listed = ", ".join(f"({literal(schema)}, {literal(name)})" for schema, name in sorted(places)) or "(null, null)"
    relations = (
        "from pg_class as relation inner join pg_namespace as space on space.oid = relation.relnamespace"
        f" where (space.nspname, relation.relname) in ({listed})"
    )
    found: dict[Place, _Standing] = {}
    oids: dict[int, Place] = {}
    for oid, schema, name, *view in server.query(
        "select relation.oid::bigint, space.nspname, relation.relname, relation.relkind::text,"
        " pg_get_userbyid(relation.relowner)::text, pg_has_role(relation.relowner, 'USAGE'),"
        " relation.relkind = 'v' and exists ("
        f"select from {identifier(BUILDS, 'views')} where schema_name = nspname and view_name = relname),"
        " obj_description(relation.oid, 'pg_class'),"
        # What a view reads stands as a dependency of its rule.
        " (select string_agg(distinct below.relname::text, '\x1f') from pg_rewrite as rule inner join pg_depend as part"
        " on part.classid = 'pg_rewrite'::regclass and part.objid = rule.oid and part.refclassid = 'pg_class'::regclass"
        " inner join pg_class as below on below.oid = part.refobjid inner join pg_namespace as builds"
        f" on builds.oid = below.relnamespace and builds.nspname = '{BUILDS}' where rule.ev_class = relation.oid"
        " and below.relname ~ '__p[0-9]+$')"
        f" {relations}"
    ):
        *told, reads = view
        found[schema, name] = _Standing(*told, tuple(sorted((reads or "").split("\x1f"))) if reads else ())
        oids[oid] = (schema, name)
    if not oids:
        return found
    for oid, name, data_type, comment in server.query(
        "select attrelid::bigint, attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum)"
        f" from pg_attribute where attnum > 0 and not attisdropped and attrelid in ({', '.join(map(str, oids))})"
        " order by attrelid, attnum"
    ):
        found[oids[oid]].columns[name] = (data_type, comment)
    for oid, schema, name, kind, owner, columns in server.query(
        "select part.refobjid::bigint, space.nspname, above.relname, above.relkind::text,"
        " pg_get_userbyid(above.relowner)::text, coalesce(string_agg(column_.attname, '\x1f'), '')"
        " from pg_depend as part inner join pg_rewrite as rule"
        " on part.classid = 'pg_rewrite'::regclass and part.objid = rule.oid"
        " inner join pg_class as above on above.oid = rule.ev_class"
        " inner join pg_namespace as space on space.oid = above.relnamespace"
        " left join pg_attribute as column_ on column_.attrelid = part.refobjid and column_.attnum = part.refobjsubid"
        " and part.refobjsubid > 0"
        f" where part.refclassid = 'pg_class'::regclass and part.refobjid in ({', '.join(map(str, oids))})"
        " and above.oid <> part.refobjid group by 1, 2, 3, 4, 5 order by 1, 2, 3"
    ):
        used = frozenset(columns.split("\x1f")) - {""}
        found[oids[oid]].dependents.append(_Dependent(f"{schema}.{name}", _KINDS.get(kind, "relation"), owner, used))
    return found


def turn_views(
    server: Server, shapes: Sequence[TableShape], tables: Mapping[str, str], publication: int, *, patience: float
) -> None:
    """Let every view that stands show the new table as soon as the new publication is the current one.

    Each is replaced in a transaction of its own, which waits for its readers no longer than a moment at a time.

    Args:
        server: Where.
        shapes: What the views shall show.
        tables: The versioned table of each shape, by `schema.name`.
        publication: The publication that these tables are.
        patience: Seconds in which the locks must be had.

    Raises:
        PostgresError: readers held a view all that time, or something that others built would break.
    """
    current = current_publication(server)

    def statements() -> list[tuple[Place, list[str]]]:
        plans = [plan for plan in plan_views(server, shapes) if plan.is_standing and plan.shape]
        columns = _columns_of_tables(server)
        left = []
        for plan in plans:
            new = tables[plan.shape.full_name]  # type: ignore[union-attr]
            old = next((table for table in plan.reads if _publication_of(table) == current), None)
            branches = [(table, _publication_of(table)) for table in (old, new) if table]
            if set(plan.reads) != {table for table, _ in branches} or plan.comments:
                left.append((plan.place, [_definition(plan.place, plan.columns, branches, columns), *plan.comments]))
        return left

    _one_by_one(server, statements, patience)


def switch_views(
    server: Server,
    shapes: Sequence[TableShape],
    tables: Mapping[str, str],
    publication: int,
    *,
    patience: float,
) -> None:
    """Make the new publication the current one, in one transaction that holds its locks for a moment or gives way.

    Views that are new, or that must be made anew, or that go, change in the same transaction.

    Args:
        server: Where.
        shapes: What the views shall show.
        tables: The versioned table of each shape, by `schema.name`.
        publication: The publication that these tables are.
        patience: Seconds in which the locks must be had.

    Raises:
        PostgresError: readers held what is needed all that time, or something that others built would break.
    """
    locks, whole = _limits(server)
    until, pause = time.monotonic() + patience, 0.05
    while True:
        plans: list[ViewPlan] = []
        try:
            with server.transaction():
                plans = plan_views(server, shapes)
                columns = _columns_of_tables(server)
                _note(server, plans, publication)
                statements = [f"drop view {identifier(*plan.place)}" for plan in plans if not _stays(plan)]
                for plan in plans:
                    statements += _made_statements(server, plan, tables, columns)
                if _readers_see_nothing(server):
                    statements += [
                        f"grant select on {identifier(*plan.place)} to {READERS}" for plan in plans if plan.shape
                    ]
                statements += [
                    f"lock table {_CURRENT} in access exclusive mode",
                    f"delete from {_CURRENT}",
                    f"insert into {_CURRENT} values ({publication})",
                ]
                server.execute(f"set local lock_timeout = {locks}")
                server.execute(f"set local statement_timeout = {whole}")
                server.execute(_as_one_statement(statements))
            return
        except PostgresError as error:
            if error.sqlstate == CANCELED:
                # No single lock was missing: the server is slow.
                whole = min(whole * 2, _LONGEST_SWITCH)
            changed = [plan.place for plan in plans if not plan.is_standing]
            pause = _pause_or_raise(server, error, [*changed, (BUILDS, "current")], until, pause, patience)


def settle_views(server: Server) -> None:
    """Let every view show the current publication's table alone; what cannot be had now stays correct as it is."""
    current = current_publication(server)

    def statements() -> list[tuple[Place, list[str]]]:
        columns = _columns_of_tables(server)
        left = []
        for place, view in _read_standing(server, registered_views(server)).items():
            shown = [table for table in view.reads if _publication_of(table) == current]
            if view.is_ours and len(view.reads) > 1 and len(shown) == 1:
                listed = [(name, data_type) for name, (data_type, _) in view.columns.items()]
                left.append((place, [_definition(place, listed, [(shown[0], None)], columns)]))
        return left

    _one_by_one(server, statements, _SETTLE_SECONDS)


def _one_by_one(server: Server, statements: Callable[[], list[tuple[Place, list[str]]]], patience: float) -> None:
    """Run the statements of each view in a transaction of its own, without a way to the server and back between."""
    locks, _ = _limits(server)
    until, pause = time.monotonic() + patience, 0.05
    server.execute(f"set lock_timeout = {locks}")
    try:
        while left := statements():
            try:
                server.execute(_as_one_statement([part for _, parts in left for part in (*parts, "commit")]))
                return
            except PostgresError as error:
                pause = _pause_or_raise(server, error, [place for place, _ in left], until, pause, patience)
    finally:
        with suppress(PostgresError):
            server.execute("set lock_timeout = 0")


def _pause_or_raise(
    server: Server, error: PostgresError, places: Sequence[Place], until: float, pause: float, patience: float
) -> float:
    """Wait before the next attempt, and return how long to wait before the one after it.

    Raises:
        PostgresError: another attempt would not help, or comes too late.
    """
    stands = "the build that was published there before stands"
    if error.sqlstate == DEPENDENTS_EXIST:
        raise PostgresError(
            f"not published into {server.dsn}, because what others built on it would break; {stands}: {error}",
            error.sqlstate,
        ) from None
    if error.sqlstate not in (LOCK_NOT_AVAILABLE, CANCELED, DEADLOCK):
        raise error
    if time.monotonic() + pause > until:
        raise PostgresError(
            f"not published into {server.dsn}: readers held its views for {patience:.0f} s"
            f"{_who_holds(server, places)}; {stands}. A session that leaves its transaction open holds what it read:"
            " end it, and run again",
            error.sqlstate,
        ) from None
    time.sleep(pause)
    return min(pause * 2, 1.0)


def _limits(server: Server) -> tuple[int, int]:
    """Milliseconds to wait for one lock, and for a whole switch."""
    ((deadlock_milliseconds,),) = server.query(
        "select setting::integer from pg_settings where name = 'deadlock_timeout'"
    )
    return max(10, int(deadlock_milliseconds * _LOCK_SHARE)), max(20, int(deadlock_milliseconds * _SWITCH_SHARE))


def _stays(plan: ViewPlan) -> bool:
    return plan.is_standing or plan.is_made


def _readers_see_nothing(server: Server) -> bool:
    """Whether the readers' role has lost all its grants, as it does when somebody makes it anew."""
    views = identifier(BUILDS, "views")
    found = server.query(
        f"select 1 from {views} inner join pg_namespace on nspname = schema_name inner join pg_class"
        f" on relnamespace = pg_namespace.oid and relname = view_name"
        f" where has_table_privilege('{READERS}', pg_class.oid, 'SELECT') limit 1"
    )
    return not found


def _made_statements(
    server: Server, plan: ViewPlan, tables: Mapping[str, str], columns: Mapping[str, Mapping[str, str]]
) -> list[str]:
    """What makes a view that is new, or that was dropped because its columns are others now."""
    if plan.shape is None or plan.is_standing:
        return []
    made = [_definition(plan.place, plan.columns, [(tables[plan.shape.full_name], None)], columns)]
    made += [f"grant select on {identifier(*plan.place)} to {READERS}"] if plan.is_made else _grants(server, plan)
    return [*made, *plan.comments]


def _definition(
    place: Place,
    columns: Iterable[tuple[str, str]],
    branches: Sequence[tuple[str, int | None]],
    present: Mapping[str, Mapping[str, str]],
) -> str:
    """A view on one table, or on several, each shown while its publication is the current one."""
    columns = list(columns)
    parts = []
    for table, publication in branches:
        listed = ", ".join(
            identifier(name) if present[table].get(name) == data_type else f"null::{data_type} as {identifier(name)}"
            for name, data_type in columns
        )
        is_current = "" if publication is None else f" where (select publication from {_CURRENT}) = {publication}"
        parts.append(f"select {listed} from {identifier(BUILDS, table)}{is_current}")
    return f"create or replace view {identifier(*place)} as {' union all '.join(parts)}"


def _publication_of(table: str) -> int:
    return int(table.rpartition("__p")[2])


def _columns_of_tables(server: Server) -> dict[str, dict[str, str]]:
    """Type by column, by versioned table."""
    found: dict[str, dict[str, str]] = {}
    for table, column, data_type in server.query(
        "select relname, attname, format_type(atttypid, atttypmod) from pg_attribute"
        f" inner join pg_class on pg_class.oid = attrelid where relnamespace = '{BUILDS}'::regnamespace"
        " and relkind = 'r' and relname ~ '__p[0-9]+$' and attnum > 0 and not attisdropped"
    ):
        found.setdefault(table, {})[column] = data_type
    return found


def _grants(server: Server, plan: ViewPlan) -> list[str]:
    """What others were allowed on a view that is made anew."""
    kept = {name for name, _ in plan.columns}
    view = identifier(*plan.place)
    return [
        f"grant {privilege}{f' ({identifier(column)})' if column else ''} on {view} to"
        f" {'public' if grantee is None else identifier(grantee)}{' with grant option' if is_grantable else ''}"
        for privilege, column, grantee, is_grantable in server.query(
            "select granted.privilege_type, granted.column_name, role.rolname, granted.is_grantable from ("
            "select (aclexplode(relacl)).*, null::text as column_name, relowner from pg_class"
            f" where oid = {literal(view)}::regclass union all"
            " select (aclexplode(attacl)).*, attname::text, relowner from pg_attribute inner join pg_class"
            f" on pg_class.oid = attrelid where attrelid = {literal(view)}::regclass and not attisdropped"
            ") as granted left join pg_roles as role on role.oid = granted.grantee"
            " where granted.grantee <> granted.relowner order by 2 nulls first, 3, 1"
        )
        if column is None or column in kept
    ]


def _note(server: Server, plans: Sequence[ViewPlan], publication: int) -> None:
    """Our own memory of which views are ours, and which publication they show."""
    listed = ", ".join(
        f"({literal(schema)}, {literal(name)})"
        for schema, name in (plan.place for plan in plans if plan.shape is not None)
    )
    views, publications = identifier(BUILDS, "views"), identifier(BUILDS, "publications")
    server.execute(f"delete from {views} where (schema_name, view_name) not in ({listed})")
    server.execute(f"insert into {views} values {listed} on conflict do nothing")
    server.execute(f"update {publications} set status = 'superseded' where status = 'published'")
    server.execute(f"update {publications} set status = 'published' where publication = {publication}")


def _as_one_statement(statements: Sequence[str]) -> str:
    """All statements as one, so that one time limit holds for all and no network lies between them."""
    body = "\n".join(f"{statement};" for statement in statements)
    tag = "concord"
    while f"${tag}$" in body:
        tag += "_"
    return f"do ${tag}$\nbegin\n{body}\nend\n${tag}$"


def _who_holds(server: Server, places: Sequence[Place]) -> str:
    listed = ", ".join(f"({literal(schema)}, {literal(name)})" for schema, name in places)
    holders = server.query(
        "select distinct held.pid, coalesce(session.usename::text, 'unknown'),"
        " coalesce(nullif(session.application_name, ''), 'unnamed') from pg_locks as held"
        " inner join pg_class as relation on relation.oid = held.relation"
        " inner join pg_namespace as space on space.oid = relation.relnamespace"
        " left join pg_stat_activity as session on session.pid = held.pid"
        " where held.granted and held.pid <> pg_backend_pid()"
        " and held.database = (select oid from pg_database where datname = current_database())"
        f" and (space.nspname, relation.relname) in ({listed}) order by 1 limit 10"
    )
    named = ", ".join(f"process {pid} of {user} ({application})" for pid, user, application in holders)
    return f" ({named})" if named else ""
