"""The tables that landing keeps: raw (one a contract) and audit (who delivered what, and what became of it)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import duckdb

from expectations.contract import TECHNICAL_COLUMNS, Contract
from expectations.rules import identifier, literal, normalised
from orchestration.landing.report import LandingError
from orchestration.landing.staging import json_path, typed

_TERMS_SHOWN = 3
AUDIT_TABLES = {
    "loads": """
        load_id varchar not null, load_number bigint not null, system varchar not null, object varchar not null,
        file_name varchar not null, file_sha256 varchar not null, file_bytes bigint not null, format varchar,
        status varchar not null, reason varchar, loaded_at timestamp not null, rows_delivered bigint not null,
        rows_accepted bigint not null, rows_quarantined bigint not null, rows_unparseable bigint not null,
        rows_superseded bigint not null, contract_version varchar not null, headers varchar[] not null,
        unknown_columns varchar[] not null, last_event_on date, judged_under varchar, parents_seen varchar,
        last_file_name varchar not null, last_delivery bigint not null""",
    "quarantine": """
        load_id varchar not null, load_number bigint not null, system varchar not null, object varchar not null,
        file_name varchar not null, row_number bigint not null, record_key varchar, rule varchar not null,
        broken_rules varchar[] not null, reason varchar not null, owner varchar not null, raw_row varchar not null,
        is_unparseable boolean not null, held_at timestamp not null""",
    "contract_results": """
        load_id varchar not null, load_number bigint not null, system varchar not null, object varchar not null,
        file_name varchar not null, contract_id varchar not null, contract_version varchar not null,
        rule varchar not null, kind varchar not null, scope varchar not null, severity varchar not null,
        blocks_publish boolean not null, owner varchar not null, is_broken boolean not null,
        is_overridden boolean not null, figure double, minimum double, maximum double, message varchar,
        judged_at timestamp not null""",
    "delivered_files": """
        system varchar not null, object varchar not null, path varchar not null, fingerprint varchar not null,
        file_sha256 varchar not null""",
    "contract_versions": """
        contract_id varchar not null, contract_version varchar not null, terms_hash varchar not null,
        terms varchar not null, first_used_at timestamp not null, primary key (contract_id, contract_version)""",
    "extract_states": """
        system varchar not null, object varchar not null, owner varchar not null, contract_version varchar not null,
        is_required boolean not null, is_delivered boolean not null, is_stale boolean not null, stale_reason varchar,
        newest_at timestamp, rows_held bigint not null""",
}
"""Tables of schema audit that landing writes."""

_QUARANTINE_COUNTS = """
    create or replace view audit.quarantine_counts as
    select system, object, rule, owner, count(*) as rows_held, count(distinct load_id) as files,
        min(held_at) as first_held_at
    from (select system, object, unnest(broken_rules) as rule, owner, load_id, held_at from audit.quarantine)
    group by all
"""


def prepare(connection: duckdb.DuckDBPyConnection, contracts: Iterable[Contract]) -> None:
    """Make the schemas and tables that are missing, and give raw tables the columns that contracts gained.

    Raises:
        LandingError: a contract changed the type of a column that holds values the new type cannot hold.
    """
    rows = connection.execute(
        "select schema_name || '.' || table_name, column_name, lower(data_type) from duckdb_columns() "
        "where database_name = current_database() and schema_name in ('raw', 'audit')"
    ).fetchall()
    existing: dict[str, dict[str, str]] = {}
    for table, column, data_type in rows:
        existing.setdefault(table, {})[column] = data_type
    statements = ["create schema if not exists raw", "create schema if not exists audit"]
    for name, columns in AUDIT_TABLES.items():
        if f"audit.{name}" not in existing:
            statements.append(f"create table audit.{name} ({columns})")
    if "audit.quarantine_counts" not in existing:
        statements.append(_QUARANTINE_COUNTS)
    for contract in contracts:
        wanted = [(column.name, column.physical_type) for column in contract.columns]
        wanted += [(name, data_type) for name, data_type, _ in TECHNICAL_COLUMNS]
        table = f"raw.{identifier(contract.raw_table)}"
        present = existing.get(f"raw.{contract.raw_table}")
        if present is None:
            columns = ", ".join(f"{identifier(name)} {data_type}" for name, data_type in wanted)
            statements.append(f"create table {table} ({columns})")
            continue
        for name, data_type in wanted:
            if name not in present:
                statements.append(f"alter table {table} add column {identifier(name)} {data_type}")
                statements += _from_extra(connection, contract, table, name)
            elif present[name] != data_type:
                statements.append(_change_type(connection, contract, table, name, data_type))
    connection.begin()
    try:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def note_contract_versions(
    connection: duckdb.DuckDBPyConnection, contracts: Sequence[Contract], landed_at: datetime
) -> None:
    """Note what each version of these contracts says, so that a line of the ledger that names one can be believed.

    Raises:
        LandingError: a contract says something else than it did under the same version.
    """
    noted = {
        (name, version): (terms_hash, terms)
        for name, version, terms_hash, terms in connection.execute(
            "select contract_id, contract_version, terms_hash, terms from audit.contract_versions"
        ).fetchall()
    }
    wrong, new = [], []
    for contract in contracts:
        terms_hash, terms = noted.get((contract.id, contract.version), (None, "{}"))
        if terms_hash is None:
            said = json.dumps(contract.terms, default=str, sort_keys=True)
            new.append((contract.id, contract.version, contract.terms_hash, said, landed_at))
        elif terms_hash != contract.terms_hash:
            wrong.append(
                f"{contract.id} {contract.version}: what was agreed changed under the same version"
                f" ({_changed_terms(json.loads(terms), contract)}). Give {contract.path.name} a new version, signed by"
                f" both teams, or take the change back. Owner: {contract.owner}."
            )
    if wrong:
        raise LandingError(
            "nothing was loaded, because the ledger says under which version of its contract each file was judged, and"
            " that would no longer be true:\n  " + "\n  ".join(wrong)
        )
    if new:
        connection.executemany("insert into audit.contract_versions values (?, ?, ?, ?, ?)", new)


def _changed_terms(before: Mapping[str, object], contract: Contract) -> str:
    """The first few places of a contract where it says something else than before."""
    now = json.loads(json.dumps(contract.terms, default=str))
    places = [place for place in sorted({*before, *now}) if before.get(place) != now.get(place)]
    shown = [f"{place}: {before.get(place, 'absent')} → {now.get(place, 'absent')}" for place in places[:_TERMS_SHOWN]]
    return "; ".join(shown) + (f" and {len(places) - len(shown)} more" if len(places) > len(shown) else "")


def next_build_number(connection: duckdb.DuckDBPyConnection) -> int:
    """The number that the next build on this file will have, the first to see what is written now."""
    if not connection.execute(
        "select 1 from duckdb_tables() where database_name = current_database()"
        " and schema_name = 'audit' and table_name = 'builds'"
    ).fetchall():
        return 1
    ((number,),) = connection.execute("select coalesce(max(build_number), 0) + 1 from audit.builds").fetchall()
    return int(number)


def _from_extra(connection: duckdb.DuckDBPyConnection, contract: Contract, table: str, name: str) -> list[str]:
    """Statements that fill a column the contract gained from what was delivered under that name before."""
    column = contract.by_name.get(name)
    if column is None:
        return []
    wanted = {normalised(name), *map(normalised, column.aliases)}
    headers = connection.execute(
        f"select distinct unnest(json_keys(_extra)) from {table} where _extra is not null"
    ).fetchall()
    statements = []
    for (header,) in headers:
        if {normalised(header), normalised(header.lower().removeprefix("property_"))} & wanted:
            value = typed(column, f"(_extra ->> {literal(json_path(header))})")
            statements.append(
                f"update {table} set {identifier(name)} = {value} "
                f"where {identifier(name)} is null and {value} is not null"
            )
    return statements


def _change_type(
    connection: duckdb.DuckDBPyConnection, contract: Contract, table: str, name: str, data_type: str
) -> str:
    cast = f"try_cast({identifier(name)} as {data_type})"
    lost = connection.execute(
        f"select count(*) from {table} where {identifier(name)} is not null and {cast} is null"
    ).fetchone()
    if lost and lost[0]:
        raise LandingError(
            f"{contract.id}: column {name} is to become {data_type}, but {lost[0]} accepted values cannot. "
            f"Nothing was loaded. Take the change back or rebuild the private build file. Owner: {contract.owner}."
        )
    return f"alter table {table} alter column {identifier(name)} type {data_type} using {cast}"
