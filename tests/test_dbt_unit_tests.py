"""dbt's unit tests, run on the demo's build file, which has the columns of all models."""

import shutil

import pytest

from tests.dbt_on import TestBuild


@pytest.mark.slow
def test_every_unit_test_of_dbt_passes(demo, tmp_path):
    build = TestBuild(tmp_path)
    shutil.copyfile(demo.settings.build_file, build.file)
    results = build.dbt("--quiet", "test", "--select", "test_type:unit")
    declared = build.manifest()["unit_tests"]
    assert len(results) == len(declared) > 50
    assert {result["status"] for result in results} == {"pass"}
