from __future__ import annotations

import duckdb
import pytest

from tests.conftest import Demo


@pytest.fixture(scope="session")
def built(demo: Demo) -> duckdb.DuckDBPyConnection:
    """The demo's marts, with the truth beside them in the schema `truth`."""
    con = duckdb.connect()
    con.execute(f"attach '{demo.settings.build_file}' as build (read_only)")
    con.execute("use build")
    con.execute("create schema memory.truth")
    for path in sorted(demo.truth.glob("*.parquet")):
        con.execute(f"create view memory.truth.{path.stem} as select * from '{path}'")
    # Which person of ours is which of the truth's, by records that evidence can hold.
    con.execute(
        """
        create table memory.truth.matched as
        select distinct bridge.person_id, people.true_person
        from core.bridge_person_records as bridge
        inner join memory.truth.people as people using (system, object, record_id)
        where people.is_joined or people.object = 'lead'
        """
    )
    return con
