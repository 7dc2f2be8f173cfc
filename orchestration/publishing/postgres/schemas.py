"""What must be there before anything is loaded: schemas, the readers' role and our own tables."""

from __future__ import annotations

from collections.abc import Iterable

from orchestration.publishing.postgres.server import NO_PRIVILEGE, PostgresError, Server, identifier, literal
from orchestration.publishing.postgres.shape import ALL_MARTS, TableShape

READERS = "bi_reader"
BUILDS = "concord_builds"

_DESCRIPTIONS = {
    BUILDS: "Concord: the tables below the views, several builds of them. Nobody reads here; the views stay.",
    ALL_MARTS: "Concord: every mart in one schema, the same views as in the schemas of the single subjects.",
}
_TABLES = {
    "publications": (
        "publication integer primary key, build_id text not null, build_published_at timestamp not null,"
        " origin text not null, is_demo boolean not null, loaded_at timestamptz not null default now(),"
        " status text not null check (status in ('loaded', 'published', 'superseded'))"
    ),
    "current": "publication integer not null",
    "views": "schema_name text, view_name text, primary key (schema_name, view_name)",
}


def prepare_schemas(server: Server, shapes: Iterable[TableShape]) -> None:
    """Make what is missing.

    Raises:
        PostgresError: we may not; the message has the statements that an administrator must run, and nothing was
            changed.
    """
    schemas = (BUILDS, *sorted({schema for shape in shapes for schema, _ in shape.places}))
    missing, forbidden = _find_missing(server, schemas)
    if forbidden:
        statements = "".join(f"\n  {statement};" for statement in (*missing, *forbidden))
        raise PostgresError(
            f"the user of {server.dsn} may not make what the publication needs; nothing was changed there. An"
            f" administrator runs this once in that database, then the next run publishes:{statements}",
            NO_PRIVILEGE,
        )
    with server.transaction():
        for statement in missing:
            server.execute(statement)
        for name, columns in _TABLES.items():
            server.execute(f"create table if not exists {identifier(BUILDS, name)} ({columns})")
        for schema in (schema for schema in schemas if f"create schema {schema}" in " ".join(missing)):
            told = _DESCRIPTIONS.get(
                schema, f"Concord: the views of {schema}, the same tables as in the published file."
            )
            server.execute(f"comment on schema {identifier(schema)} is {literal(told)}")


def _find_missing(server: Server, schemas: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Statements for what is missing, by whether we may run them ourselves."""
    ((user, database, is_superuser, makes_roles, makes_schemas),) = server.query(
        "select current_user, current_database(), rolsuper, rolcreaterole or rolsuper,"
        " has_database_privilege(current_database(), 'CREATE') from pg_roles where rolname = current_user"
    )
    roles = server.query(
        f"select rolsuper or rolcreaterole or rolcreatedb or rolbypassrls from pg_roles where rolname = '{READERS}'"
    )
    if roles and roles[0][0]:
        raise PostgresError(
            f"the role {READERS} at {server.dsn} may do more than read (superuser, create roles or databases, or pass"
            f" row security): take that from it with `alter role {READERS} nosuperuser nocreaterole nocreatedb"
            " nobypassrls`, and run again"
        )
    ours: list[str] = []
    others: list[str] = []
    if not roles:
        (ours if makes_roles else others).append(f"create role {READERS} nologin")
    there = {
        schema: (may_create, is_owner, readers_may_look)
        for schema, may_create, is_owner, readers_may_look in server.query(
            "select nspname, has_schema_privilege(oid, 'CREATE') and has_schema_privilege(oid, 'USAGE'),"
            " pg_has_role(nspowner, 'USAGE'),"
            + (f" has_schema_privilege('{READERS}', oid, 'USAGE')" if roles else " false")
            + f" from pg_namespace where nspname in ({', '.join(literal(schema) for schema in schemas)})"
        )
    }
    for schema in schemas:
        usage = [] if schema == BUILDS else [f"grant usage on schema {schema} to {READERS}"]
        if schema not in there:
            owner = f" authorization {identifier(user)}"
            (ours if makes_schemas else others).append(f"create schema {schema}{owner}")
            # Whoever owns the schema lets the readers in.
            (ours if makes_schemas and (roles or makes_roles) else others).extend(usage)
            continue
        may_create, is_owner, readers_may_look = there[schema]
        if not may_create:
            others.append(f"grant create, usage on schema {schema} to {identifier(user)}")
        if not readers_may_look:
            (ours if (is_owner or is_superuser) and (roles or makes_roles) else others).extend(usage)
    if roles:
        ((may_connect, owns_database),) = server.query(
            f"select has_database_privilege('{READERS}', oid, 'CONNECT'), pg_has_role(datdba, 'USAGE')"
            " from pg_database where datname = current_database()"
        )
        if not may_connect:
            (ours if owns_database else others).append(f"grant connect on database {identifier(database)} to {READERS}")
    return ours, others
