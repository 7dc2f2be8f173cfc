from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration.landing.land import land
from sample import generate

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """The marts built from a tenth of the sample, with its truth beside them in the schema `truth`."""
    folder = tmp_path_factory.mktemp("truth")
    build_file = folder / "build.duckdb"
    generate(folder / "sample", 0.1, 7)
    report = land(extracts=folder / "sample" / "extracts", build_file=build_file, definitions=PROJECT / "seeds")
    held = [rule.message for rule in report.broken_rules if rule.severity == "error"]
    assert held == []
    with duckdb.connect(str(build_file)) as con:
        con.execute("create schema if not exists audit")
        con.execute(
            "create or replace table audit.build_context as "
            "select 'truth' as build_id, 1::bigint as build_number, true as is_demo, ?::timestamp as as_of",
            [report.as_of],
        )
    environment = os.environ | {
        "CONCORD_BUILD_FILE": str(build_file),
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    dbt = str(Path(sys.executable).parent / "dbt")
    for command in ("seed", "run"):
        done = subprocess.run(
            [dbt, "--quiet", command, "--project-dir", str(PROJECT)],
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    con = duckdb.connect()
    con.execute(f"attach '{build_file}' as build (read_only)")
    con.execute("use build")
    con.execute("create schema memory.truth")
    for path in sorted((folder / "sample" / "truth").glob("*.parquet")):
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
